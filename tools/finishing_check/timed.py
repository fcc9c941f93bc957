"""One large sketch finished and taken apart in a process of its own; prints seconds and gigabytes as JSON.

    python -m tools.finishing_check.timed WIDTH HEIGHT
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib_colorize.cli.bench_file import peak_memory
from lib_colorize.console import take_any_text
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.layer_files import write_layers

ROOMS, LINE, PAINTED = 12, 9, 1024  # areas a side, px, px of the coloured picture's longer side


def page(width: int, height: int) -> Image.Image:
    """Wavy lines across each other with a ring in every second field: about 300 areas of many sizes."""
    sketch = Image.new("L", (width, height), "white")
    draw = ImageDraw.Draw(sketch)
    for number in range(1, ROOMS):
        wave = [math.sin(7 * step / 200 + number) / (5 * ROOMS) for step in range(201)]
        along = [step / 200 for step in range(201)]
        draw.line([(width * a, height * (number / ROOMS + w)) for a, w in zip(along, wave)], "black", LINE)
        draw.line([(width * (number / ROOMS + w), height * a) for a, w in zip(along, wave)], "black", LINE)
    radius = min(width, height) / ROOMS / 4
    for place in range(0, ROOMS * ROOMS, 2):
        x, y = (width * (place % ROOMS + 0.5) / ROOMS, height * (place // ROOMS + 0.5) / ROOMS)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline="black", width=LINE // 2)
    return sketch.convert("RGB")


def main(width: int, height: int) -> dict[str, float]:
    """Seconds of snap and layers and of writing them; the process's peak memory before, after, and at the end."""
    drawing = np.asarray(page(width, height))
    small = (PAINTED * width // max(width, height), PAINTED * height // max(width, height))
    painted = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)).resize(
        small, Image.Resampling.BICUBIC)
    found = {"before": peak_memory()}
    start, used = time.perf_counter(), time.process_time()
    layers = finish(drawing, painted).layers()
    found |= {"seconds": time.perf_counter() - start, "processor": time.process_time() - used, "peak": peak_memory()}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("psd", "ora"):
            start = time.perf_counter()
            write_layers(layers, Path(folder) / f"out.{kind}")
            found[kind] = time.perf_counter() - start
    return found | {"written": peak_memory()}


if __name__ == "__main__":
    take_any_text()
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
