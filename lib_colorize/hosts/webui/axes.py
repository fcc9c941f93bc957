"""Axes of the X/Y/Z plot for the settings; a chosen value lies on the processing object, before the widget's."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from dataclasses import Field
from typing import Any

from ...pictures.lineart import EXTRACTORS
from ..settings import job_fields

CHOSEN = "colorize_axes"  # on a processing object: setting -> value
PREFIX = "[Colorize] "


def add_axes() -> None:
    """Once the X/Y/Z script is loaded; axes of ours that are there already stay."""
    from modules import scripts

    for data in scripts.scripts_data:
        if os.path.basename(data.path) == "xyz_grid.py":
            there = {option.label for option in data.module.axis_options}
            data.module.axis_options.extend(
                _axis(data.module, item) for item in job_fields() if _label(item) not in there)


def _label(item: Field[Any]) -> str:
    return PREFIX + str(item.metadata["label"])


def _axis(module: Any, item: Field[Any]) -> Any:
    default = item.default
    choices: Callable[[], list[str]] | None = None
    kind: Callable[[str], Any] = str
    if isinstance(default, enum.Enum):
        choices = lambda: [member.value for member in type(default)]  # noqa: E731
    elif isinstance(default, bool):
        choices = lambda: ["true", "false"]  # noqa: E731
    elif item.name == "extractor":
        choices = lambda: list(EXTRACTORS)  # noqa: E731
    elif isinstance(default, (int, float)):
        kind = type(default)

    def apply(p: Any, value: Any, values: Any) -> None:
        setattr(p, CHOSEN, {**getattr(p, CHOSEN, {}), item.name: value})

    return module.AxisOption(_label(item), kind, apply, choices=choices)
