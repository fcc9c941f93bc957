"""The colorize command on a tiny checkpoint, for tests of what it writes: one step on the CPU, and the same again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.cli import commands as cli


def colorize(inputs: Path, output: Path, *more: str) -> int:
    """Exit code. inputs: a folder with sketch.png, reference.png and model.safetensors."""
    return cli.main(["colorize", str(inputs / "sketch.png"), str(inputs / "reference.png"), "-o", str(output),
                     "--checkpoint", str(inputs / "model.safetensors"), "--device", "cpu", "--steps", "1", "--quiet",
                     *more])


def again(picture: Path, output: Path, *more: str) -> int:
    """Exit code of making a picture again from its record."""
    return cli.main(["colorize", "--from-png", str(picture), "-o", str(output), "--quiet", *more])


def pixels(path: Path) -> np.ndarray:
    """[H, W, 3] uint8."""
    return np.asarray(Image.open(path).convert("RGB"))
