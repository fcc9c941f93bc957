"""The kinds of checkpoint files there are, told by marks in their keys, and what belongs to which."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from .config import PARTS, Shapes
from .files import Entry
from .parts import IGNORED, part_of, shapes_by_part
from .reference import find_tower
from .variant_keys import in_unet


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


COLORIZE = (Kind.V1, Kind.OURS, Kind.V1_5, Kind.V2)
PLAIN = (Kind.SD2, Kind.OTHER_SD)
VARIANTS = {Kind.V1: "v1", Kind.OURS: "v1", Kind.V1_5: "v1.5", Kind.V2: "v2"}
REFERENCE = {  # (hugging_face, full_clip) -> kind
    (False, False): Kind.REFERENCE_OPEN_CLIP, (False, True): Kind.FULL_CLIP_OPEN_CLIP,
    (True, False): Kind.REFERENCE_HUGGING_FACE, (True, True): Kind.FULL_CLIP_HUGGING_FACE,
}
V2_MARKS = (
    "bg_encoder.", "style_encoder.", "model.diffusion_model.warp_modules.", "model.diffusion_model.style_modules.")
V1_5_MARKS = ("thresh_embedder.", "transformer.layers.", "transformer.embedding")
LORA_MARKS = (".lora_up_fg.", ".lora_down_fg.", ".lora_up_bg.", ".lora_down_bg.")


def kind_of(entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> Kind:
    """What a file with these entries is."""
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


def of_variant(shapes: Shapes, kind: Kind) -> Shapes:
    """Without what v1.5 and v2 add to the U-Net."""
    if kind not in (Kind.V1_5, Kind.V2):
        return shapes
    return {key: shape for key, shape in shapes.items() if not in_unet(key)}


def is_extra(key: str, kind: Kind) -> bool:
    """Whether a file of this kind should not have the key."""
    part = part_of(key)
    own = {Kind.V1_5: ("token_transformer", "threshold_embedder"), Kind.V2: ("background_encoder", "style_encoder")}
    return part not in PARTS and part not in IGNORED and part not in own.get(kind, ()) and kind not in PLAIN
