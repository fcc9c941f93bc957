"""Random weights of what v1.5 and v2 have besides v1's networks, in sizes of the released files' shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .random_networks import random_state, random_tensors

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..method.network_config import NetworkConfig, UNetConfig

QUERIES, LAYERS, SINES, LABEL = 256, 6, 256, 512  # of the released files
FIGURE_RANK = 4
Shapes = dict[str, tuple[int, ...]]


def variant_shapes(variant: str, unet: UNetConfig) -> Shapes:
    """Whole key -> shape."""
    import torch

    from ..checkpoint.config import PARTS
    from ..checkpoint.unet_keys import unet_shapes
    from ..checkpoint.variant_keys import PREFIXES
    from ..method.variants.lora import lora_shapes
    from ..method.variants.parts import BUILDERS, OF_VARIANT

    own, ranks = unet_shapes(unet), Shapes()
    names = [key.removesuffix(".to_q.weight") for key in own
             if key.endswith(".attn2.to_q.weight") and (variant == "v1.5" or key.startswith("output_blocks."))]
    for name in names:
        for to in ("to_q", "to_k", "to_v"):
            rank = min(own[f"{name}.{to}.weight"]) // 2 if variant == "v1.5" else FIGURE_RANK
            ranks |= {f"{name}.{to}.lora_down_fg.weight": (FIGURE_RANK,), f"{name}.{to}.lora_down_bg.weight": (rank,)}
    shapes = {PARTS["unet"] + key: shape for key, shape in lora_shapes(names, own, ranks).items()}
    width = unet.context_dim
    told: dict[str, Shapes] = {  # what tells the sizes of each part
        "threshold_embedder": {"embed_layer.0.weight": (width, SINES)},
        "token_transformer": {"embedding": (QUERIES, width), "layers.0.3.0.weight": (4 * width, width),
                              f"layers.{LAYERS - 1}.0.weight": (width,)},
        "background_encoder": {"label_emb.0.0.weight": (4 * unet.model_channels, LABEL)},
        "style_encoder": {"label_emb.0.0.weight": (4 * unet.model_channels, LABEL)}}
    for part in OF_VARIANT[variant]:
        with torch.device("meta"):
            module = BUILDERS[part](told.get(part, {}), unet)
        shapes |= {PREFIXES[part] + key: tuple(value.shape) for key, value in module.state_dict().items()}
    return shapes


def variant_tensors(
    variant: str, config: NetworkConfig, dtype: torch.dtype | None = None, vae_dtype: torch.dtype | None = None,
) -> dict[str, Tensor]:
    """Everything in a checkpoint of that variant but its reference encoder, whole keys."""
    from ..checkpoint.config import PARTS

    tensors = {PARTS[part] + key: value for part in ("unet", "vae", "sketch_encoder")
               for key, value in random_state(part, config, vae_dtype if part == "vae" else dtype).items()}
    return {**tensors, **(random_tensors(variant_shapes(variant, config.unet), dtype) if variant != "v1" else {})}
