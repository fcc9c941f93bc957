"""How long a large sketch takes, colours carried up and layers, and how much memory at most: a process for each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from lib_colorize.errors import ColorizeError
from tools.finishing_check.parts import Sources
from tools.reading_check.findings import ReadingFigure

SECONDS, GIGABYTES = 3.0, 1.2  # goals, at the first size
SIZES = ((4000, 3000), (8000, 8000))
REPEATS = 3


def run(sources: Sources) -> Iterator[ReadingFigure]:
    """The best of a few runs: on a busy machine the others say how busy it was."""
    for number, (width, height) in enumerate(SIZES):
        found = [_measured(width, height) for _ in range(REPEATS if number == 0 else 1)]
        goals = (SECONDS, GIGABYTES) if number == 0 else (None, None)
        best = min(found, key=lambda each: each["seconds"])
        name, writing = f"{width}x{height}", ", ".join(f"{kind} {best[kind]:.1f} s" for kind in ("psd", "ora"))
        yield ReadingFigure(f"{name}: snap and layers", best["seconds"], goals[0], at_most=True, unit="s",
                            note=f"processor {best['processor']:.1f} s; written after: {writing}")
        yield ReadingFigure(f"{name}: peak memory, all of the process", best["peak"], goals[1], at_most=True, unit="GB",
                            note=f"before the work {best['before']:.2f}; with the files written {best['written']:.2f}")


def _measured(width: int, height: int) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "tools.finishing_check.timed", str(width), str(height)],
                          capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise ColorizeError(f"{width}x{height}: {(done.stderr.strip().splitlines() or ['ended'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
