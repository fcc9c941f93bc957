"""Read a checkpoint, strictly: every key and shape is compared before a tensor is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, VisionConfig
from ..method.schedule import Prediction
from .config import PARTS
from .files import TensorFile, file_sha256, open_tensors
from .identify import CheckpointInfo, Told, identify
from .kinds import COLORIZE, PLAIN, VARIANTS, Kind
from .layout import as_convolution, vision_shapes
from .metadata import ModelCard, Schedule
from .reference import find_tower, infer_reference, open_clip_shapes, open_clip_tensors
from .strict import difference
from .variant_keys import in_unet

State = dict[str, Tensor]
ESSENTIAL = ("unet", "sketch_encoder")  # of a colorize checkpoint; VAE and reference encoder may come from elsewhere
NEEDED = "a ColorizeDiffusion checkpoint such as mult-eps-ft.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A read checkpoint: state dicts with keys without prefix, dtypes as in the file, None = not asked or not there.

    Projections of the U-Net are 1x1 convolutions, whatever the file holds, and `config.unet.linear_projections` says
    so.
    """

    path: Path
    kind: Kind
    card: ModelCard  # sizes and what the metadata says, defaults of a released file where it says nothing
    told: Told
    metadata: Mapping[str, str]
    unet: State | None = None
    vae: State | None = None
    sketch_encoder: State | None = None
    reference_encoder: State | None = None  # keys of open_clip's VisionTransformer

    @property
    def config(self) -> NetworkConfig:
        return self.card.config

    @property
    def prediction(self) -> Prediction | None:
        """None = neither metadata nor user said; the engine probes."""
        return self.card.prediction

    @property
    def resolution(self) -> int:
        return self.card.resolution

    @property
    def schedule(self) -> Schedule:
        return self.card.schedule

    @property
    def scale_factor(self) -> float:
        return self.card.scale_factor

    @property
    def sha256(self) -> str:
        """Of the whole file; read on first use, gigabytes take seconds."""
        return file_sha256(self.path)

    @property
    def shorthash(self) -> str:
        """The first ten digits, as A1111 shows them."""
        return self.sha256[:10]

    def with_prediction(self, prediction: Prediction, told: Told) -> Checkpoint:
        """A copy with a prediction type that was told after reading, by the probe for instance."""
        return replace(self, card=replace(self.card, prediction=prediction), told=told)


def read(
    path: str | os.PathLike[str], parts: Iterable[str] = tuple(PARTS), prediction: Prediction | None = None,
    overrides: Mapping[str, int] | None = None,
) -> Checkpoint:
    """Read a checkpoint, released or ours; ColorizeError for anything else and for any missing or unexpected key.

    parts: names of PARTS to load; without "sketch_encoder" a plain SD2 file will do (training starts from one).
    prediction: the user's word, for files whose metadata is silent (metadata goes first).
    overrides: see `config.infer_network`. What v1.5 and v2 add is compared here too, and read by `variant_file`.
    """
    wanted = tuple(parts)
    with open_tensors(path) as file:
        info = identify(file.entries, file.metadata, overrides)
        config = require_usable(info, wanted, file.path)
        card = info.card or ModelCard.of_released(config, file.metadata, VARIANTS.get(info.kind, "v1"))
        told = info.told
        if info.prediction is None and prediction is not None:
            told = Told.USER
        unet = replace(config.unet, linear_projections=False)
        card = replace(card, config=replace(config, unet=unet), prediction=info.prediction or prediction)
        states = {part: _load(file, part) for part in wanted if part in info.parts}
        return Checkpoint(file.path, info.kind, card, told, dict(file.metadata), **states)


def read_reference_encoder(
    path: str | os.PathLike[str], head_width: int | None = None,
) -> tuple[State, VisionConfig]:
    """The vision tower of a file in any of the three layouts, or inside a checkpoint of ours.

    Returns its state dict in the keys of open_clip's `VisionTransformer`, without prefix, and its sizes. OpenAI's own
    CLIP weights have the same keys but another activation (QuickGELU); none of their sizes fits a released checkpoint.
    """
    with open_tensors(path) as file:
        shapes = {key: entry.shape for key, entry in file.entries.items()}
        layout = find_tower(shapes)
        if layout is None:
            kind = identify(file.entries, file.metadata).kind
            has = "there is none inside" if kind in (*COLORIZE, *PLAIN) else "this is something else"
            raise ColorizeError(f"{file.path}: no reference encoder found ({kind.value}: {has}); expected OpenCLIP "
                                "ViT-H-14 as open_clip, CLIPVisionModelWithProjection or full CLIP file")
        try:
            card = ModelCard.from_metadata(file.metadata)
            inside = card.config.reference if card else None
            config = infer_reference(shapes, layout, head_width or (inside.head_width if inside else None))
        except ColorizeError as error:
            raise ColorizeError(f"{file.path}: {error}") from None
        difference(open_clip_shapes(shapes, layout), vision_shapes(config)).require_none(file.path)
        return open_clip_tensors(shapes, layout, file.tensor), config


def require_complete(info: CheckpointInfo, path: Path) -> NetworkConfig:
    """The sizes of a colorize checkpoint of which nothing is missing, unexpected or of a wrong shape."""
    if info.kind not in (*COLORIZE, *PLAIN):
        raise ColorizeError(f"{path}: {info.kind.value}; expected {NEEDED}")
    if info.config is None or info.notes:
        raise ColorizeError(f"{path}: {'; '.join(info.notes) or info.kind.value}")
    info.differing.require_none(path)
    return info.config


def require_usable(info: CheckpointInfo, wanted: tuple[str, ...], path: Path) -> NetworkConfig:
    """The sizes of a file whose wanted parts this version can run; ColorizeError says what is in the way."""
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        raise ColorizeError(f"unknown part {', '.join(unknown)}; known are {', '.join(PARTS)}")
    if info.kind is Kind.OTHER_SD or (info.kind is Kind.SD2 and "sketch_encoder" in wanted):
        raise ColorizeError(f"{path}: {info.kind.value}, without a sketch encoder (control_encoder.*); expected "
                            f"{NEEDED}. A plain SD2 file can only be what training starts from")
    config = require_complete(info, path)
    if info.card and info.card.tokens != "local":
        raise ColorizeError(f"{path}: trained on {info.card.tokens!r} tokens; this version knows 'local' ones only")
    return config


def _load(file: TensorFile, part: str) -> State:
    """One part's tensors, keys without prefix, projections as 1x1 convolutions."""
    prefix = PARTS[part]
    state = {key.removeprefix(prefix): file.tensor(key) for key in file.entries if key.startswith(prefix)}
    if part == "unet":
        state = {key: as_convolution(key, value) for key, value in state.items() if not in_unet(key)}
    return state
