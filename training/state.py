"""Resumable state: everything that a run needs to go on, written atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, parts: Mapping[str, Any], step: int) -> None:
    """Write the `state_dict()` of every part and the number of finished steps; a broken write leaves the old file."""
    state = {name: part.state_dict() for name, part in parts.items()}
    unfinished = path.with_suffix(".unfinished")
    torch.save({"step": step, "parts": state}, unfinished)
    os.replace(unfinished, path)


def load_state(path: Path, parts: Mapping[str, Any]) -> int:
    """Load what `save_state` wrote into the same parts; returns the number of finished steps, 0 when there is none."""
    if not path.exists():
        return 0
    state = _read(path)
    for name, part in parts.items():
        part.load_state_dict(state["parts"][name])
    return int(state["step"])


def load_part(path: Path, name: str, part: Any) -> int:
    """Load one part alone; returns the number of finished steps."""
    state = _read(path)
    part.load_state_dict(state["parts"][name])
    return int(state["step"])


def _read(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
