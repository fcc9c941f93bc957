"""Convert a checkpoint: released layout <-> ours, number format, 1x1 convolutions <-> linear projections."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import ColorizeError
from ..method.schedule import Prediction
from ..whole_file import replacing
from .config import PARTS
from .files import open_tensors
from .host_config import host_config
from .identify import CheckpointInfo, Told, identify
from .kinds import COLORIZE, VARIANTS
from .layout import is_projection
from .metadata import ModelCard
from .parts import SCHEDULE_BUFFERS, part_of
from .read import NEEDED, require_complete
from .report import inspect
from .write import save_tensors

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
PROJECTIONS = ("conv", "linear")


def convert(
    source: str | os.PathLike[str], target: str | os.PathLike[str], dtype: str | None = None,
    projections: str | None = None, prediction: Prediction | None = None,
    overrides: Mapping[str, int] | None = None, overwrite: bool = False,
) -> CheckpointInfo:
    """Write `source` anew as `target` (.safetensors) and tell what it is then.

    Both layouts share the released key names; ours has metadata, which is added here when it is not there, and kept
    when it is. Names that a wrapper of training left in the keys (`module.`) are dropped. Parts of v1.5 and v2, and a
    text or reference encoder inside, are carried along; moving averages are not.

    dtype: "fp16", "bf16", "fp32", None = as they are (schedule buffers and integers always are).
    projections: "conv" (as released), "linear" (as Stability's files), None = as they are.
    prediction: the user's word, for files whose metadata is silent. Once it is known, TARGET.yaml is written too, which
    A1111 and its descendants need. ColorizeError rather than an overwritten file, unless `overwrite`.
    """
    old, new = Path(source), Path(target)
    yaml = new.with_suffix(".yaml")
    _check_arguments(old, new, yaml, dtype, projections, overwrite)
    with open_tensors(old) as file:
        names = {key: key for key in file.entries}
        info = identify(file.entries, file.metadata, overrides)
        if info.wrapped:
            names = dict(info.wrapped)
            info = identify({name: file.entries[key] for name, key in names.items()}, file.metadata, overrides)
    if info.kind not in COLORIZE:
        raise ColorizeError(f"{old}: {info.kind.value}; nothing to convert, expected {NEEDED}")
    require_complete(info, old)
    card = _card(info, old, projections, prediction)
    with replacing(new) as unfinished:
        _write(old, unfinished, names, card, dtype, projections)
        if card.prediction:
            with replacing(yaml) as text:
                text.write_text(host_config(card), encoding="utf-8")
    written = inspect(new, overrides)
    if card.prediction is None:
        note = f"{yaml.name} not written: the prediction type is unknown; convert again with it"
        return replace(written, notes=(*written.notes, note))
    return written if info.prediction or not prediction else replace(written, told=Told.USER)


def _write(
    old: Path, unfinished: Path, names: Mapping[str, str], card: ModelCard, dtype: str | None, projections: str | None,
) -> None:
    """All tensors of `old`, by name here -> key there.

    Windows renames over no file that is mapped: `old` is closed when this returns.
    """
    with open_tensors(old) as file:
        tensors = {name: _converted(name, file.tensor(key), dtype, projections)
                   for name, key in names.items() if part_of(name) != "moving_average"}
        save_tensors(unfinished, tensors, {**file.metadata, **card.to_metadata()})


def _check_arguments(
    old: Path, new: Path, yaml: Path, dtype: str | None, projections: str | None, overwrite: bool,
) -> None:
    if dtype is not None and dtype not in DTYPES:
        raise ColorizeError(f"number format: found {dtype!r}, expected one of {', '.join(DTYPES)}")
    if projections is not None and projections not in PROJECTIONS:
        raise ColorizeError(f"projections: found {projections!r}, expected one of {', '.join(PROJECTIONS)}")
    if new.suffix != ".safetensors":
        raise ColorizeError(f"{new}: the result is a safetensors file; give it a name that ends in .safetensors")
    existing = [str(path) for path in (new, yaml) if path.exists()]
    if existing and not overwrite:
        raise ColorizeError(f"{' and '.join(existing)} exists already; choose another name, or ask to overwrite it")
    if new.exists() and old.exists() and new.samefile(old) and not overwrite:
        raise ColorizeError(f"{old}: source and result are the same file")


def _card(info: CheckpointInfo, source: Path, projections: str | None, prediction: Prediction | None) -> ModelCard:
    """The old card, or a new one for a released file; the sizes as they will lie in the new file."""
    assert info.config is not None
    config = info.config
    if projections:
        config = replace(config, unet=replace(config.unet, linear_projections=projections == "linear"))
    card = info.card or ModelCard.of_released(config, info.metadata, VARIANTS[info.kind])
    if not info.card:
        card = replace(card, title=card.title or source.stem, date=card.date or datetime.date.today().isoformat())
    return replace(card, config=config, prediction=info.prediction or prediction)


def _converted(key: str, value: Tensor, dtype: str | None, projections: str | None) -> Tensor:
    """One tensor as the new file holds it."""
    if dtype and value.is_floating_point() and key not in SCHEDULE_BUFFERS:
        number = value.to(DTYPES[dtype])
        if number.isinf().any() and not value.isinf().any():
            largest = float(value.abs().max())
            raise ColorizeError(f"{key} holds numbers up to {largest:.3g}, too large for {dtype}; use bf16")
        value = number
    if projections and key.startswith(PARTS["unet"]) and is_projection(key):
        value = value.flatten(1) if projections == "linear" else value.view(*value.shape[:2], 1, 1)
    return value
