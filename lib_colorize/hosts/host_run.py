"""What a program itself brings to one run, as plain values: its own picture, and what its modes leave to us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True)
class HostRun:
    """Beside the request; the defaults are those of a program that has neither pictures nor modes of its own.

    pictures: the program's own ones (img2img's), as it holds them; None in the place of an empty one.
    fixed_size: width and height cannot follow the sketch (a mask, another resize mode).
    partial: why the program's picture is not just the sketch, a few words for a message; "" when it is.
    sketches: of the run before this one in a loop, whose result is now the own picture: the sketch stays the same.
    """

    pictures: tuple[Any, ...] = ()
    fixed_size: bool = False
    sketches: tuple[Image.Image, ...] = ()
    partial: str = ""
