"""What reading a large scan holds in memory: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.pictures import marks

SIDE = 5500  # pixels: 30 MP
BYTES = 12  # for each pixel of a scan, beyond what a small one takes: 100 MP keep within 1.2 GB, measured 0.9

MEASURED = """
import resource, sys
from lib_colorize.cli.commands import main
main(["preview", sys.argv[1], "-o", sys.argv[2]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def drawn(path: Path, side: int, mode: str) -> Path:
    picture = Image.new("L", (side, side), 255)
    ImageDraw.Draw(picture).ellipse((side // 5, side // 5, 4 * side // 5, 4 * side // 5), outline=0, width=side // 100)
    if mode == "RGBA":
        clear = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        clear.putalpha(picture.point([255 - value for value in range(256)]))
        picture = clear
    picture.convert(mode).save(path, compress_level=1)
    return path


def peak(path: Path) -> int:
    """Bytes."""
    run = subprocess.run([sys.executable, "-c", MEASURED, str(path), str(path.with_suffix(".seen.png"))],
                         capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return int(run.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not there")
@pytest.mark.parametrize("mode", ("RGB", "RGBA"))
def test_a_scan_takes_few_bytes_a_pixel(tmp_path: Path, mode: str) -> None:
    small, large = drawn(tmp_path / "small.png", 500, mode), drawn(tmp_path / "large.png", SIDE, mode)
    assert peak(large) - peak(small) < BYTES * SIDE**2


def test_extremes_are_the_same_however_few_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (205, 170, 3), dtype=np.uint8))
    want = np.asarray(marks.at_working_scale(picture, (20, 24)))
    assert want.shape[0] < picture.height
    monkeypatch.setattr(marks, "CELLS", 1)
    assert np.array_equal(np.asarray(marks.at_working_scale(picture, (20, 24))), want)
