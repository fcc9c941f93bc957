"""U-Net and VAE over `ldm`'s layers, built without initialisation and loaded strictly."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ColorizeError
from ..method.network_config import UNetConfig, VAEConfig

RESOLUTION = 256  # ldm counts the attention resolutions of its VAE from here; pictures may have any size

_Module = TypeVar("_Module", bound=nn.Module)


class AutoencoderKL(nn.Module):
    """The KL auto-encoder of Stable Diffusion; keys as under `first_stage_model.` of a released file."""

    def __init__(self, config: VAEConfig, scale_factor: float = 0.18215) -> None:
        """scale_factor: latents are draws from the posterior times this (method.md section 1)."""
        super().__init__()
        from ldm.modules.diffusionmodules.model import Decoder, Encoder

        sizes = {
            "ch": config.ch, "ch_mult": config.ch_mult, "num_res_blocks": config.num_res_blocks,
            "z_channels": config.z_channels, "attn_resolutions": config.attn_resolutions,
            "in_channels": config.in_channels, "out_ch": config.out_ch, "resolution": RESOLUTION,
        }
        self.encoder = Encoder(double_z=True, **sizes)
        self.decoder = Decoder(**sizes)
        self.quant_conv = nn.Conv2d(2 * config.z_channels, 2 * config.embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.embed_dim, config.z_channels, 1)
        self.scale_factor = scale_factor
        self.factor = 2 ** (len(config.ch_mult) - 1)  # pixels of a picture per pixel of a latent, each way

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: [B, 3, H, W] in [-1, 1] -> mean and log variance of the posterior, [B, C, h, w], unscaled."""
        mean, logvar = self.quant_conv(self.encoder(x)).chunk(2, dim=1)
        return mean, logvar.clamp(-30.0, 20.0)

    def sample(self, x: Tensor, noise: Tensor) -> Tensor:
        """x: [B, 3, H, W] in [-1, 1], noise: [B, C, h, w] -> scaled latent drawn from the posterior."""
        mean, logvar = self.encode(x)
        return self.scale_factor * (mean + (0.5 * logvar).exp() * noise)

    def decode(self, latent: Tensor) -> Tensor:
        """latent: [B, C, h, w], scaled -> picture [B, 3, H, W], about [-1, 1], not clamped."""
        return self.decoder(self.post_quant_conv(latent / self.scale_factor))


class FusedAttention(nn.Module):
    """`ldm`'s CrossAttention over torch's fused kernel: the same keys and numbers, no N x N matrix in memory."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.heads, self.scale = attention.heads, attention.scale
        self.to_q, self.to_k, self.to_v, self.to_out = (
            attention.to_q, attention.to_k, attention.to_v, attention.to_out)

    def forward(self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """x: [B, N, C]; context: [B, M, D], None = x -> [B, N, C]. No mask is ever passed by `ldm`'s U-Net."""
        context = x if context is None else context
        q, k, v = (z.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, heads, N or M, d]
                   for z in (self.to_q(x), self.to_k(context), self.to_v(context)))
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def make_unet(config: UNetConfig) -> nn.Module:
    """`ldm`'s U-Net of that size: forward(x [B, 4, h, w], timesteps [B], context [B, N, D]) -> [B, 4, h, w]."""
    from ldm.modules.attention import BasicTransformerBlock
    from ldm.modules.diffusionmodules.openaimodel import UNetModel

    unet = UNetModel(
        image_size=32, in_channels=config.in_channels, out_channels=config.out_channels,
        model_channels=config.model_channels, channel_mult=config.channel_mult,
        num_res_blocks=config.num_res_blocks, attention_resolutions=config.attention_resolutions,
        num_head_channels=config.num_head_channels, context_dim=config.context_dim,
        transformer_depth=config.transformer_depth, use_linear_in_transformer=config.linear_projections,
        use_spatial_transformer=True, use_checkpoint=False, legacy=False)
    for module in unet.modules():
        if isinstance(module, BasicTransformerBlock):
            module.attn1, module.attn2 = FusedAttention(module.attn1), FusedAttention(module.attn2)
    return unet


def without_weights(make: Callable[[], _Module]) -> _Module:
    """The module that `make` builds, its tensors on the meta device; silent (`ldm` prints while it builds)."""
    with contextlib.redirect_stdout(io.StringIO()), torch.device("meta"):
        return make()


def load(
    make: Callable[[], _Module], state: Mapping[str, Tensor], what: str,
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
) -> _Module:
    """Build and load strictly, for inference; ColorizeError lists missing, unexpected and misshapen keys.

    The weights are taken over, not copied, so that a memory-mapped file of that dtype costs no second copy. (Where they
    lie in the file decides their alignment, and that the last bit of a product: pictures repeat exactly per file.)
    """
    module = without_weights(make)
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    misshapen = [f"{key} {list(state[key].shape)} for {list(shape)}" for key, shape in wanted.items()
                 if key in state and tuple(state[key].shape) != shape]
    if missing or unexpected or misshapen:
        parts = [f"{len(keys)} {word} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
                 for word, keys in (("missing", missing), ("unexpected", unexpected), ("of wrong shape", misshapen))
                 if keys]
        raise ColorizeError(f"{what}: {'; '.join(parts)}; the file is damaged or of another architecture")
    module.load_state_dict(dict(state), strict=True, assign=True)
    module.to(device=device, dtype=dtype)
    for norm in module.modules():  # in float32 always: few numbers, and half precision costs most here
        if isinstance(norm, (nn.GroupNorm, nn.LayerNorm)):
            norm.float()
    return module.eval().requires_grad_(False)
