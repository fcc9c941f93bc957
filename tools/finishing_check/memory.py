"""Whether a folder of many sketches grows: memory of the command after its last file over that after an early one."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from tools.finishing_check.parts import Sources
from tools.reading_check.findings import ReadingFigure

FILES, EARLY, GOAL = 500, 50, 1.02
SIDE = 96  # px, of sketches and references
AROUND = 5  # files, whose median stands for one
ROOT = Path(__file__).parents[2]
PROCESS = Path("/", "proc")  # Linux alone
PAGE = 4096  # bytes


def run(sources: Sources) -> Iterator[ReadingFigure]:
    """With everything that could be kept: a reference for each, frames that follow, a table and a contact sheet."""
    with tempfile.TemporaryDirectory() as folder:
        used = memory_of_folder(Path(folder), FILES, ["--steps", "2"])
    ratio = after(used, FILES) / after(used, EARLY)
    yield ReadingFigure(f"memory after file {FILES} over that after file {EARLY}", ratio, GOAL, at_most=True,
                        note=f"{after(used, FILES) / 1e6:.0f} MB")


def memory_of_folder(home: Path, count: int, options: Sequence[str]) -> list[int]:
    """Bytes of the command after each file, seen from outside. home: an empty folder; options: of `colorize`.

    ColorizeError where a process does not say how much it holds, and when the command fails.
    """
    if not (PROCESS / "self" / "statm").exists():
        raise ColorizeError("memory: this system does not tell what a process holds; run it on Linux")
    for name in ("sketches", "references", "coloured"):
        (home / name).mkdir()
    for number in range(count):
        draw(number).save(home / "sketches" / f"{number}.png")
        colour = (number % 256, 40 * number % 256, 90)
        Image.new("RGB", (SIDE, SIDE), colour).save(home / "references" / f"{number}.png")
    command = [sys.executable, "-m", "lib_colorize", "colorize", str(home / "sketches"), str(home / "references"), "-o",
               str(home / "coloured"), "--quiet", "--device", "cpu", "--follow", "0.5", "--report",
               str(home / "done.csv"), "--contact-sheet", str(home / "done.png"), *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    used: list[int] = []
    while process.poll() is None:
        done = sum(1 for path in (home / "coloured").glob("[0-9]*.png"))
        used += [_held(process.pid)] * (done - len(used))
        time.sleep(0.02)
    _, said = process.communicate()
    if process.returncode or len(used) < count - AROUND:
        raise ColorizeError(f"memory: the command failed: {said.strip() or process.returncode}")
    return used


def after(used: Sequence[int], number: int) -> float:
    """Bytes after that file, from 1."""
    return statistics.median(used[max(0, number - AROUND):number])


def draw(number: int) -> Image.Image:
    """A round head that moves, with eyes."""
    sketch, x = Image.new("L", (SIDE, SIDE), 255), number % 12
    pen = ImageDraw.Draw(sketch)
    pen.ellipse((14 + x, 20, 68 + x, 80), outline=0, width=2)
    for eye in (30, 46):
        pen.ellipse((eye + x, 40, eye + x + 7, 48), outline=0, width=1)
    return sketch


def _held(pid: int) -> int:
    try:
        return int((PROCESS / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * PAGE
    except (OSError, IndexError, ValueError):  # it has just ended
        return 0
