"""Pictures in a folder of their own that belong to sketches by their names: references, hints."""

from __future__ import annotations

from pathlib import Path

from ..errors import ColorizeError
from .file_names import name_key
from .sketch_files import SketchFiles


def pictures_by_name(folder: Path, recursive: bool) -> dict[str, list[Path]]:
    """Name below the folder, without suffix (`name_key`) -> the pictures of that name. ColorizeError when it has none.
    """
    own: dict[str, list[Path]] = {}
    for path in SketchFiles.of(folder, recursive).sketches:
        own.setdefault(name_key(path.with_suffix("")), []).append(folder / path)
    return own


def the_one(found: list[Path], sketch: Path, what: str) -> Path:
    """The one of several that has the sketch's suffix, or the only one; ColorizeError when there is none such.

    what: they are, for the message.
    """
    same = [path for path in found if path.suffix.lower() == sketch.suffix.lower()]
    if len(found) == 1 or len(same) == 1:
        return found[0] if len(found) == 1 else same[0]
    raise ColorizeError(f"{sketch}: found {len(found)} {what} of its name ({found[0].name}, {found[1].name}), "
                        "expected one; rename the others")
