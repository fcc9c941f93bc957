"""What a page says about the checkpoint that the next run will use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .checkpoints import colorize_file
from .host import Host
from .lacking import lacking_settings
from .tokens import encoder_note


@dataclass(frozen=True)
class Status:
    """What the page says about the loaded checkpoint; `problem` is one sentence, empty when colouring can start."""

    host: str
    checkpoint: str
    is_colorize: bool
    prediction: str  # "eps", "v" or ""
    resolution: int
    reference_encoder: str  # a path, "inside the checkpoint" or ""
    problem: str
    lacks: Mapping[str, str] = field(default_factory=dict)  # see `lacking.lacking_settings`


def checkpoint_status(host: Host) -> Status:
    """What the page says about the checkpoint that the next run will use; it may not be loaded yet."""
    path = host.chosen_path()
    file, name = colorize_file(path), Path(path).stem
    if file is None:
        problem = f"{name} is no ColorizeDiffusion checkpoint." if name else "No checkpoint is chosen yet."
        return Status(host.name, name, False, "", 0, "", problem)
    if file.problem:
        return Status(host.name, name, True, "", 0, "", file.problem)
    loaded = host.loaded_file() == file
    told = file.usable().prediction
    prediction = host.prediction() if loaded else told.value if told else ""
    encoder = encoder_note(host, file)
    problem = "" if encoder else "The reference encoder is missing; see Models."
    if loaded and not prediction:
        problem = "The checkpoint does not say whether it predicts eps or v; see Settings > ColorizeDiffusion."
    return Status(host.name, name, True, prediction, file.usable().resolution, encoder, problem, lacking_settings(file))
