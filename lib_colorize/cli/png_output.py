"""The PNG that `mask`, `preview`, `heatmap` and `touch-up` write."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from ..whole_file import write_whole

if TYPE_CHECKING:
    from PIL import Image


def require_png(output: Path) -> None:
    """ColorizeError for a name of another kind of file."""
    if output.suffix.lower() != ".png":
        raise ColorizeError(f"{output}: expected a name that ends in .png")


def write_png(picture: Image.Image, output: Path) -> None:
    """Whole or not at all."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    write_whole(output, file.getvalue())
