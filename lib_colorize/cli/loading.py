"""The engine that a command asks for: which checkpoint, and on which device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError

if TYPE_CHECKING:  # torch is imported when there is something to do
    from ..engine.engine import Engine

DEFAULT_CHECKPOINT = Path(__file__).resolve().parents[2] / "models" / "colorize-small.safetensors"


def checkpoint_of(name: str | None) -> Path:
    """The checkpoint that is named, else the shipped one; ColorizeError when that is not there."""
    if name is not None:
        return Path(name)
    if not DEFAULT_CHECKPOINT.exists():
        raise ColorizeError(f"the shipped checkpoint {DEFAULT_CHECKPOINT} is missing; name one with --checkpoint")
    return DEFAULT_CHECKPOINT


def load_engine(
    checkpoint: Path, encoder: str | os.PathLike[str] | None, prediction: str | None, device: str | None,
    dtype: str | None, one_by_one: bool = False, text_encoder: str | os.PathLike[str] | None = None,
) -> Engine:
    """The networks, set up so that a picture repeats bit for bit. The arguments are words of the command line.

    one_by_one: the pictures of a batch too, wherever they are made; else on a CPU.
    """
    import torch

    from ..engine.engine import Engine
    from ..method.schedule import Prediction

    torch.backends.cudnn.deterministic = True  # slower by a few per cent on a GPU
    return Engine.load(checkpoint, encoder, None if prediction is None else Prediction(prediction), device, dtype,
                       one_by_one or None, text_encoder)
