"""Keys and shapes of what v1.5 and v2 add to v1's networks; sizes are read off the file's own shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from ..method.network_config import UNetConfig
from ..method.variants.lora import is_lora, lora_shapes
from ..method.variants.parts import BUILDERS, OF_VARIANT
from .config import PARTS, Shapes
from .strict import Difference, difference
from .unet_keys import unet_shapes

PREFIXES = {  # part -> prefix in a file; the first two lie in the U-Net, as LoRA does
    "warps": "model.diffusion_model.warp_modules.", "styles": "model.diffusion_model.style_modules.",
    "threshold_embedder": "thresh_embedder.", "token_transformer": "transformer.",
    "background_encoder": "bg_encoder.", "style_encoder": "style_encoder.",
}


def in_unet(key: str) -> bool:
    """Whether a key below the U-Net's prefix is none of v1's."""
    return is_lora(key) or key.startswith(("warp_modules.", "style_modules."))


def of_prefix(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {key.removeprefix(prefix): tuple(shape) for key, shape in shapes.items() if key.startswith(prefix)}


def variant_difference(shapes: Shapes, variant: str, unet: UNetConfig) -> Difference:
    """How a file of these shapes (whole keys) differs from what that variant of a U-Net of these sizes needs."""
    found = {key: shape for key, shape in of_prefix(shapes, PARTS["unet"]).items() if is_lora(key)}
    own = unet_shapes(unet)
    names = [key.removesuffix(".to_q.weight") for key in own if key.endswith(".attn2.to_q.weight")]
    if variant == "v2":
        names = [name for name in names if name.startswith("output_blocks.")]
    differing = difference(found, lora_shapes(names, own, found), PARTS["unet"], exact=True)
    for part in OF_VARIANT[variant]:
        differing += _part(of_prefix(shapes, PREFIXES[part]), part, unet)
    return differing


def _part(found: Mapping[str, tuple[int, ...]], part: str, unet: UNetConfig) -> Difference:
    try:
        with torch.device("meta"):
            module = BUILDERS[part](found, replace(unet, linear_projections=False))
    except (KeyError, ValueError, IndexError):  # not even what tells its sizes is there
        return Difference((f"{PREFIXES[part]}*",))
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    return difference(found, expected, PREFIXES[part])
