"""Tell what a checkpoint file is from its keys, shapes, dtypes and metadata; no tensor is read."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, VisionConfig
from ..method.schedule import Prediction
from .config import PARTS, Shapes, infer_network
from .files import Entry
from .layout import expected_shapes, vision_shapes
from .metadata import ModelCard, prediction_from_metadata
from .reference import find_tower, infer_reference, open_clip_shapes
from .strict import Difference, difference


class Kind(enum.Enum):
    """What a file is; the value is for people."""

    V1 = "ColorizeDiffusion v1, as released"
    V1_5 = "ColorizeDiffusion v1.5 (switch)"
    V2 = "ColorizeDiffusion v2"
    OURS = "ColorizeDiffusion v1, written by this project"
    SD2 = "plain Stable Diffusion 2.x / Waifu Diffusion 1.4"
    OTHER_SD = "plain Stable Diffusion of another size"
    REFERENCE_OPEN_CLIP = "reference encoder, open_clip layout"
    REFERENCE_HUGGING_FACE = "reference encoder, Hugging Face layout"
    FULL_CLIP_OPEN_CLIP = "full CLIP with the reference encoder, open_clip layout"
    FULL_CLIP_HUGGING_FACE = "full CLIP with the reference encoder, Hugging Face layout"
    UNKNOWN = "unknown"


class Told(enum.Enum):
    """How the prediction type was told."""

    METADATA = "metadata"
    USER = "user"
    PROBE = "probe"
    UNKNOWN = "unknown"


COLORIZE = (Kind.V1, Kind.OURS, Kind.V1_5, Kind.V2)
PLAIN = (Kind.SD2, Kind.OTHER_SD)
VARIANTS = {Kind.V1: "v1", Kind.OURS: "v1", Kind.V1_5: "v1.5", Kind.V2: "v2"}
REFERENCE = {  # (hugging_face, full_clip) -> kind
    (False, False): Kind.REFERENCE_OPEN_CLIP, (False, True): Kind.FULL_CLIP_OPEN_CLIP,
    (True, False): Kind.REFERENCE_HUGGING_FACE, (True, True): Kind.FULL_CLIP_HUGGING_FACE,
}
SCHEDULE_BUFFERS = frozenset((
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
    "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"))
V2_MARKS = (
    "bg_encoder.", "style_encoder.", "model.diffusion_model.warp_modules.", "model.diffusion_model.style_modules.")
V1_5_MARKS = ("thresh_embedder.", "transformer.layers.", "transformer.embedding")
LORA_MARKS = (".lora_up_fg.", ".lora_down_fg.", ".lora_up_bg.", ".lora_down_bg.")
GROUPS = {  # of what is not one of PARTS; the first prefix that fits
    "token_transformer": "transformer.", "threshold_embedder": "thresh_embedder.", "background_encoder": "bg_encoder.",
    "style_encoder": "style_encoder.", "text_encoder": "cond_stage_model.", "moving_average": "model_ema.",
}
IGNORED = ("text_encoder", "moving_average", "schedule")  # may lie in any file, and nothing here needs them


@dataclass(frozen=True)
class PartSize:
    """How much of a file one part takes; dtypes as safetensors names them."""

    tensors: int
    params: int
    bytes: int
    dtypes: tuple[str, ...]


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

    @property
    def missing(self) -> tuple[str, ...]:
        return self.differing.missing

    @property
    def unexpected(self) -> tuple[str, ...]:
        return self.differing.unexpected


def part_of(key: str) -> str:
    """The name in PARTS or GROUPS, "schedule" or "other", of the part that a key belongs to."""
    if key in SCHEDULE_BUFFERS:
        return "schedule"
    return next((part for part, prefix in {**PARTS, **GROUPS}.items() if key.startswith(prefix)), "other")


def shapes_by_part(entries: Mapping[str, Entry]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Name of PARTS -> key without prefix -> shape; parts that the file lacks are left out."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, entry in entries.items():
        part = part_of(key)
        if part in PARTS:
            found.setdefault(part, {})[key.removeprefix(PARTS[part])] = entry.shape
    return found


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
    kind = _kind(entries, said)
    info = CheckpointInfo(kind, _part_sizes(entries), card=card, prediction=prediction, metadata=said,
                          told=Told.METADATA if prediction else Told.UNKNOWN)
    try:
        if kind in COLORIZE or kind is Kind.SD2:
            info = _with_networks(info, entries, overrides or {})
        elif kind not in PLAIN and kind is not Kind.UNKNOWN:
            info = _with_reference(info, entries, overrides or {})
    except ColorizeError as error:
        notes.append(str(error))
    return replace(info, notes=tuple(notes))


def _kind(entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> Kind:
    has_unet = any(key.startswith(PARTS["unet"]) for key in entries)
    if has_unet and any(key.startswith(PARTS["sketch_encoder"]) for key in entries):
        if any(key.startswith(V2_MARKS) for key in entries):
            return Kind.V2
        if any(key.startswith(V1_5_MARKS) or any(mark in key for mark in LORA_MARKS) for key in entries):
            return Kind.V1_5
        return Kind.OURS if "colorize" in metadata else Kind.V1
    if has_unet:
        unet = shapes_by_part(entries)["unet"]
        context = unet.get("middle_block.1.transformer_blocks.0.attn2.to_k.weight", (0, 0))[1:]
        first = unet.get("input_blocks.0.0.weight", ())[:2]
        labels = any(key.startswith("label_emb.") for key in unet)
        return Kind.SD2 if (context, first, labels) == ((1024,), (320, 4), False) else Kind.OTHER_SD
    layout = find_tower(entries)
    return REFERENCE[layout.hugging_face, layout.full_clip] if layout else Kind.UNKNOWN


def _part_sizes(entries: Mapping[str, Entry]) -> dict[str, PartSize]:
    groups: dict[str, list[Entry]] = {}
    for key, entry in entries.items():
        groups.setdefault(part_of(key), []).append(entry)
    return {part: PartSize(len(found), sum(e.values for e in found), sum(e.bytes for e in found),
                           tuple(sorted({e.dtype for e in found}))) for part, found in groups.items()}


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
            differing += difference(_of_variant(shapes.get(part, {}), info.kind), expected_shapes(part, config), prefix)
    extra = tuple(key for key in entries if _is_extra(key, info.kind))
    return replace(info, config=config, reference=config.reference, differing=differing + Difference((), extra))


def _of_variant(shapes: Shapes, kind: Kind) -> Shapes:
    """Without what v1.5 and v2 add to the U-Net."""
    if kind not in (Kind.V1_5, Kind.V2):
        return shapes
    return {key: shape for key, shape in shapes.items()
            if not any(mark in key for mark in LORA_MARKS) and not key.startswith(("warp_modules.", "style_modules."))}


def _is_extra(key: str, kind: Kind) -> bool:
    part = part_of(key)
    own = {Kind.V1_5: ("token_transformer", "threshold_embedder"), Kind.V2: ("background_encoder", "style_encoder")}
    return part not in PARTS and part not in IGNORED and part not in own.get(kind, ()) and kind not in PLAIN


def _with_reference(info: CheckpointInfo, entries: Mapping[str, Entry], overrides: Mapping[str, int]) -> CheckpointInfo:
    layout = find_tower(entries)
    assert layout is not None
    shapes = {key: entry.shape for key, entry in entries.items()}
    config = infer_reference(shapes, layout, overrides.get("head_width"))
    expected = vision_shapes(config)
    return replace(info, reference=config, differing=difference(open_clip_shapes(shapes, layout), expected))
