"""The size that a checkpoint paints at, which is what it is measured at unless told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.errors import ColorizeError

SHIPPED = Path(__file__).parents[2] / "models" / "colorize-small.safetensors"


def painted_size(checkpoint: Path) -> int:
    """Pixels of a side; ColorizeError when the file is missing or does not say it."""
    if not checkpoint.is_file():
        raise ColorizeError(f"--checkpoint: found no file {checkpoint}, expected a checkpoint of training.export")
    with open_tensors(checkpoint) as file:
        card = ModelCard.from_metadata(file.metadata)
    if card is None:
        raise ColorizeError(f"{checkpoint}: found no size in its metadata, expected a checkpoint of training.export; "
                            "give --size")
    return card.resolution


def common_size(checkpoints: Sequence[Path]) -> int:
    """The one size of several; ColorizeError when they differ."""
    sizes = {checkpoint: painted_size(checkpoint) for checkpoint in checkpoints}
    if len({*sizes.values()}) > 1:
        found = ", ".join(f"{path.name} of {size} px" for path, size in sizes.items())
        raise ColorizeError(f"--checkpoint: found {found}, expected one size; give --size for a benchmark of that size")
    return sizes[checkpoints[0]]
