"""Latents to pictures: half precision where its numbers hold, in strips where the whole would take much memory."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from .networks import AutoencoderKL
from .vae_strips import WHOLE, decode_in_strips, pictures_whole

PLAIN = 768 * 768  # pixels of a picture that float32 decodes in one go, as `ldm` does: on the CPU bit for bit


class Decoding:
    """The decoder of an auto-encoder, with the precision that it turned out to need."""

    def __init__(self, vae: AutoencoderKL, dtype: torch.dtype = torch.float32) -> None:
        """dtype: what to try first. float16 is within 1/255 of float32 (the shipped model's: 0.6/255 before rounding),
        bfloat16 has eight bits and is not (7/255). The VAE's weights may be of any float type.
        """
        self.vae, self.dtype = vae, dtype

    @classmethod
    def on(cls, device: torch.device, vae: AutoencoderKL, dtype: torch.dtype) -> Decoding:
        """For networks of that dtype: float16 where they are in half precision on a GPU, and the VAE is kept in it."""
        if device.type != "cuda" or dtype not in (torch.float16, torch.bfloat16):
            return cls(vae)
        for module in vae.modules():
            if isinstance(module, nn.Conv2d) and bool(torch.isfinite(module.weight.to(torch.float16)).all()):
                module.to(torch.float16)  # norms are few numbers, and stay as they are
        return cls(vae, torch.float16)

    @torch.no_grad()
    def __call__(self, latent: Tensor) -> Tensor:
        """latent: [B, C, h, w], scaled -> picture [B, 3, H, W], about [-1, 1], not clamped; float32.

        Some checkpoints' activations are beyond 65504 in here. Their pictures are decoded again in float32, which is
        said once, and from then on all are. To look costs no wait of its own: the picture is on its way to the CPU.
        """
        latent = latent.float()
        if self.dtype != torch.float32:
            picture = self._in_strips(latent)
            if bool(torch.isfinite(picture).all()):
                return picture.float()
            if not bool(torch.isfinite(latent).all()):
                return picture.float()  # sampling failed, and no precision here mends it
            self.dtype = torch.float32
            self.vae.float()
            warnings.warn("this checkpoint's VAE exceeds what float16 can hold: pictures are decoded in float32",
                          stacklevel=2)
        pixels = latent.shape[2] * latent.shape[3] * self.vae.factor**2
        if pixels > PLAIN:
            return self._in_strips(latent)
        return torch.cat([self.vae.decode(one) for one in torch.split(latent, 1)])

    def _in_strips(self, latent: Tensor) -> Tensor:
        """Small pictures together, so that a GPU is busy; larger ones one after the other."""
        cpu = latent.device.type == "cpu"
        layout = torch.channels_last if latent.device.type == "cuda" else torch.contiguous_format
        whole = 4 * WHOLE if cpu else WHOLE  # which has more memory, and less to spare for making rows anew
        return torch.cat([decode_in_strips(self.vae, some.contiguous(memory_format=layout), self.dtype, whole)
                          for some in torch.split(latent, pictures_whole(self.vae, latent))])
