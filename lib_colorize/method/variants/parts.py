"""The networks that v1.5 and v2 have besides v1's: which there are, and each built by its shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from ..network_config import UNetConfig
from .clusters import ClusterTransformer
from .half_unet import BackgroundEncoder, StyleEncoder, label_width
from .style import styles_of
from .thresholds import ThresholdEmbedder
from .warp import warps_of
from .widths import output_widths, skip_widths

Shapes = Mapping[str, tuple[int, ...]]
OF_VARIANT = {
    "v1": (),
    "v1.5": ("threshold_embedder", "token_transformer"),
    "v2": ("warps", "styles", "background_encoder", "style_encoder"),
}
BUILDERS: Mapping[str, Callable[[Shapes, UNetConfig], nn.Module]] = {
    "threshold_embedder": lambda shapes, unet: ThresholdEmbedder.of_shapes(shapes, unet.context_dim),
    "token_transformer": lambda shapes, unet: ClusterTransformer.of_shapes(shapes, unet.context_dim),
    "warps": lambda shapes, unet: warps_of(skip_widths(unet)),
    "styles": lambda shapes, unet: styles_of(output_widths(unet), 4 * unet.model_channels),
    "background_encoder": lambda shapes, unet: BackgroundEncoder(unet, label_width(shapes)),
    "style_encoder": lambda shapes, unet: StyleEncoder(unet, label_width(shapes)),
}
