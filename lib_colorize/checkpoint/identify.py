"""Tell what a checkpoint file is from its keys, shapes, dtypes and metadata; no tensor is read."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, VisionConfig
from ..method.schedule import Prediction
from .config import PARTS, infer_network
from .files import Entry
from .kinds import COLORIZE, PLAIN, VARIANTS, Kind, is_extra, kind_of, of_variant
from .layout import expected_shapes, vision_shapes
from .metadata import ModelCard, prediction_from_metadata
from .number_formats import quantised
from .parts import PartSize, part_sizes, shapes_by_part
from .reference import find_tower, infer_reference, open_clip_shapes
from .strict import Difference, difference
from .variant_keys import variant_difference
from .wrappers import own_keys, wrapper_of


class Told(enum.Enum):
    """How the prediction type was told."""

    METADATA = "metadata"
    USER = "user"
    PROBE = "probe"
    UNKNOWN = "unknown"




@dataclass(frozen=True)
class CheckpointInfo:
    """What a file is. `config` is as the file lies on disk (see `linear_projections`); None when it cannot be told."""

    kind: Kind
    parts: Mapping[str, PartSize]
    config: NetworkConfig | None = None
    reference: VisionConfig | None = None
    card: ModelCard | None = None  # from metadata only
    prediction: Prediction | None = None
    told: Told = Told.UNKNOWN
    differing: Difference = field(default_factory=Difference)
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
    sha256: str = ""
    wrapped: Mapping[str, str] = field(default_factory=dict)  # key as it should be -> in the file; `convert` mends

    @property
    def missing(self) -> tuple[str, ...]:
        return self.differing.missing

    @property
    def unexpected(self) -> tuple[str, ...]:
        return self.differing.unexpected


def identify(
    entries: Mapping[str, Entry], metadata: Mapping[str, str] | None = None, overrides: Mapping[str, int] | None = None,
) -> CheckpointInfo:
    """What a file with these entries is. Never raises: what cannot be understood becomes a note.

    overrides: {"num_head_channels": int, "head_width": int} of a file without metadata (see config.py).
    """
    said, notes = dict(metadata or {}), []
    card, prediction = None, None
    try:
        card = ModelCard.from_metadata(said)
        prediction = prediction_from_metadata(said)
    except ColorizeError as error:
        notes.append(str(error))
    entries, wrapped = _unwrapped(entries, said)
    kind = kind_of(entries, said)
    if wrapped:
        notes.append(f"its keys hold a training wrapper's names ({wrapper_of(wrapped)}); "
                     "`convert FILE OUT.safetensors` writes it anew without them")
    if problem := quantised(entries):
        notes.append(problem)
    info = CheckpointInfo(kind, part_sizes(entries), card=card, prediction=prediction, metadata=said, wrapped=wrapped,
                          told=Told.METADATA if prediction else Told.UNKNOWN)
    try:
        if kind in COLORIZE or kind is Kind.SD2:
            info = _with_networks(info, entries, overrides or {})
        elif kind not in PLAIN and kind is not Kind.UNKNOWN:
            info = _with_reference(info, entries, overrides or {})
    except ColorizeError as error:
        notes.append(str(error))
    return replace(info, notes=tuple(notes))


def _unwrapped(
    entries: Mapping[str, Entry], metadata: Mapping[str, str],
) -> tuple[Mapping[str, Entry], Mapping[str, str]]:
    """The entries under their own keys, where that makes networks of them, and which key each has in the file."""
    own = own_keys(entries)
    plain = {name: entries[key] for name, key in own.items()}
    return (plain, own) if own and kind_of(plain, metadata) in (*COLORIZE, *PLAIN) else (entries, {})


def _with_networks(info: CheckpointInfo, entries: Mapping[str, Entry], overrides: Mapping[str, int]) -> CheckpointInfo:
    """The sizes of a colorize or plain SD file, and how its keys differ from what these sizes need."""
    shapes = shapes_by_part(entries)
    config = info.card.config if info.card else infer_network(shapes, overrides)
    projections = [shape for key, shape in shapes["unet"].items() if key.endswith(".proj_in.weight")]
    linear = bool(projections) and all(len(shape) == 2 for shape in projections)
    config = replace(config, unet=replace(config.unet, linear_projections=linear))
    differing = Difference()
    for part, prefix in PARTS.items():
        if part in shapes or expected_shapes(part, config):
            differing += difference(of_variant(shapes.get(part, {}), info.kind), expected_shapes(part, config), prefix)
    if info.kind in (Kind.V1_5, Kind.V2):
        whole = {key: entry.shape for key, entry in entries.items()}
        differing += variant_difference(whole, VARIANTS[info.kind], config.unet)
    extra = tuple(key for key in entries if is_extra(key, info.kind))
    return replace(info, config=config, reference=config.reference, differing=differing + Difference((), extra))


def _with_reference(info: CheckpointInfo, entries: Mapping[str, Entry], overrides: Mapping[str, int]) -> CheckpointInfo:
    layout = find_tower(entries)
    assert layout is not None
    shapes = {key: entry.shape for key, entry in entries.items()}
    config = infer_reference(shapes, layout, overrides.get("head_width"))
    expected = vision_shapes(config)
    return replace(info, reference=config, differing=difference(open_clip_shapes(shapes, layout), expected))
