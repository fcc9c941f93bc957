"""The reference encoder's three layouts (method.md section 4) brought to the keys of open_clip's `VisionTransformer`.

open_clip: `visual.*`, alone or inside a full CLIP. Hugging Face: `vision_model.*` and `visual_projection.weight`, alone
(`CLIPVisionModelWithProjection`) or inside a full `CLIPModel`. Ours: open_clip's keys under
`cond_stage_model.visual.model.`. Any prefix before them is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..method.network_config import VisionConfig
from .config import Shapes, infer_vision

HUGGING_FACE = (  # Hugging Face's name -> open_clip's, applied in this order after "vision_model."
    ("embeddings.class_embedding", "class_embedding"),
    ("embeddings.patch_embedding.", "conv1."),
    ("embeddings.position_embedding.weight", "positional_embedding"),
    ("pre_layrnorm.", "ln_pre."),  # spelt so in the files
    ("post_layernorm.", "ln_post."),
    ("encoder.layers.", "transformer.resblocks."),
    (".self_attn.out_proj.", ".attn.out_proj."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
)
QKV = ("q_proj", "k_proj", "v_proj")  # three tensors there, one stacked `in_proj` here
PATCHES = "vision_model.embeddings.patch_embedding.weight"


@dataclass(frozen=True)
class ReferenceLayout:
    """Where in a file a vision tower lies, and how it is named."""

    prefix: str  # before open_clip's own keys, or before Hugging Face's "vision_model."
    hugging_face: bool
    full_clip: bool  # the text tower is in the file too


def find_tower(keys: Iterable[str]) -> ReferenceLayout | None:
    """The vision tower in a file with these keys; None when there is none, or one of another kind."""
    names = set(keys)
    for key in sorted(names, key=len):
        if key.endswith("conv1.weight"):
            prefix = key.removesuffix("conv1.weight")
            if f"{prefix}class_embedding" in names and f"{prefix}ln_pre.weight" in names:
                outer = prefix.removesuffix("visual.")
                return ReferenceLayout(prefix, False, f"{outer}token_embedding.weight" in names)
        if key.endswith(PATCHES):
            prefix = key.removesuffix(PATCHES)
            return ReferenceLayout(prefix, True, f"{prefix}text_model.embeddings.token_embedding.weight" in names)
    return None


def sources(keys: Iterable[str], layout: ReferenceLayout) -> dict[str, tuple[str, ...]]:
    """open_clip's key -> the file's key, or its three keys of queries, keys and values in that order."""
    if not layout.hugging_face:
        return {key.removeprefix(layout.prefix): (key,) for key in keys if key.startswith(layout.prefix)}
    names = set(keys)
    found = hugging_face_sources(names, f"{layout.prefix}vision_model.", HUGGING_FACE)
    if f"{layout.prefix}visual_projection.weight" in names:
        found["proj"] = (f"{layout.prefix}visual_projection.weight",)
    return found


def hugging_face_sources(
    names: Collection[str], tower: str, renamed: Iterable[tuple[str, str]],
) -> dict[str, tuple[str, ...]]:
    """open_clip's key -> the file's key or three keys, of the blocks and norms below the prefix `tower`."""
    found: dict[str, tuple[str, ...]] = {}
    pairs = tuple(renamed)
    for key in sorted(names):
        if not key.startswith(tower) or key.endswith(".position_ids"):
            continue
        name = key.removeprefix(tower)
        for theirs, ours in pairs:
            name = name.replace(theirs, ours)
        if ".self_attn.q_proj." in key:
            three = [key.replace("q_proj", which) for which in QKV]
            found[name.replace(".self_attn.q_proj.", ".attn.in_proj_")] = tuple(k for k in three if k in names)
        elif not any(f".self_attn.{which}." in key for which in QKV):
            found[name] = (key,)
    return found


def open_clip_shapes(shapes: Shapes, layout: ReferenceLayout) -> dict[str, tuple[int, ...]]:
    """The shapes that the tower has in open_clip's layout."""
    return shapes_of(shapes, sources(shapes, layout), "proj" if layout.hugging_face else "")


def shapes_of(
    shapes: Shapes, found: Mapping[str, tuple[str, ...]], transposed: str = "",
) -> dict[str, tuple[int, ...]]:
    """Shapes by open_clip's keys; transposed: the key of a projection that the file holds the other way round."""
    result = {}
    for name, keys in found.items():
        shape = tuple(shapes[keys[0]])
        if len(keys) > 1 and shape:
            shape = (sum(shapes[key][0] for key in keys if shapes[key]), *shape[1:])
        result[name] = shape[::-1] if name == transposed else shape
    return result


def open_clip_tensors(shapes: Shapes, layout: ReferenceLayout, get: Callable[[str], Tensor]) -> dict[str, Tensor]:
    """The tower's tensors in open_clip's layout; get: the file's key -> tensor. The keys were checked before."""
    return tensors_of(sources(shapes, layout), get, "proj" if layout.hugging_face else "")


def tensors_of(
    found: Mapping[str, tuple[str, ...]], get: Callable[[str], Tensor], transposed: str = "",
) -> dict[str, Tensor]:
    """Tensors by open_clip's keys, as `shapes_of` has them."""
    tensors = {}
    for name, keys in found.items():
        tensor = get(keys[0]) if len(keys) == 1 else torch.cat([get(key) for key in keys])
        tensors[name] = tensor.t().contiguous() if name == transposed else tensor
    return tensors


def infer_reference(shapes: Shapes, layout: ReferenceLayout, head_width: int | None = None) -> VisionConfig:
    """Sizes of the tower in a file of these shapes."""
    return infer_vision(open_clip_shapes(shapes, layout), head_width)
