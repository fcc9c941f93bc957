"""The auto-encoder, over `ldm`'s layers; and networks built without initialisation, loaded strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..checkpoint.strict import difference
from ..method.network_config import VAEConfig
from .ldm_vae import encoder_and_decoder

RESOLUTION = 256  # ldm counts the attention resolutions of its VAE from here; pictures may have any size

_Module = TypeVar("_Module", bound=nn.Module)


class AutoencoderKL(nn.Module):
    """The KL auto-encoder of Stable Diffusion; keys as under `first_stage_model.` of a released file."""

    def __init__(self, config: VAEConfig, scale_factor: float = 0.18215) -> None:
        """scale_factor: latents are draws from the posterior times this (method.md section 1)."""
        super().__init__()
        sizes = {
            "ch": config.ch, "ch_mult": config.ch_mult, "num_res_blocks": config.num_res_blocks,
            "z_channels": config.z_channels, "attn_resolutions": config.attn_resolutions,
            "in_channels": config.in_channels, "out_ch": config.out_ch, "resolution": RESOLUTION,
        }
        encoder, decoder = encoder_and_decoder()
        self.encoder = encoder(double_z=True, **sizes)
        self.decoder = decoder(**sizes)
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
        picture: Tensor = self.decoder(self.post_quant_conv(latent / self.scale_factor))
        return picture


def without_weights(make: Callable[[], _Module]) -> _Module:
    """The module that `make` builds, its tensors on the meta device."""
    with torch.device("meta"):
        return make()


def load_network(
    make: Callable[[], _Module], state: Mapping[str, Tensor], what: str,
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
) -> _Module:
    """Build and load strictly, for inference; ColorizeError lists missing, unexpected and misshapen keys.

    The weights are taken over, not copied, so that a memory-mapped file of that dtype costs no second copy. (Where they
    lie in the file decides their alignment, and that the last bit of a product: pictures repeat exactly per file.)
    """
    module = without_weights(make)
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    difference(found, wanted, exact=True).require_none(what)
    module.load_state_dict(dict(state), strict=True, assign=True)
    module.to(device=device, dtype=dtype)
    for norm in module.modules():  # in float32 always: few numbers, and half precision costs most here
        if isinstance(norm, (nn.GroupNorm, nn.LayerNorm)):
            norm.float()
    return module.eval().requires_grad_(False)
