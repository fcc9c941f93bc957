"""A picture file as an input of a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..checkpoint.files import file_sha256
from ..errors import ColorizeError
from ..pictures.picture_files import open_image


@dataclass(frozen=True)
class InputPicture:
    """Read once: everything after asks this and no longer the disk."""

    path: Path
    image: Image.Image  # as `open_image` gives it
    sha256: str  # of the file

    @classmethod
    def read(cls, path: Path) -> InputPicture:
        """ColorizeError when it is no picture."""
        image = open_image(path)
        try:
            return cls(path, image, file_sha256(path))
        except OSError as error:  # gone between the two
            raise ColorizeError(f"{path}: cannot be read: {error.strerror or error}") from None
