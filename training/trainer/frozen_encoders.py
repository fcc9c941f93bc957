"""The frozen encoders of a step: pictures -> scaled posterior and reference tokens, unless they are cached."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lib_colorize.engine.encoding import encode_moments
from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.dataset.batch import Batch

PART = 8  # pictures that the VAE encodes at once on a GPU: its first maps are the largest of a step


@dataclass(frozen=True)
class Encoded:
    """B samples as the objective takes them."""

    sketch: Tensor  # [B, 3, H, W] in [-1, 1], lines +1 on -1
    reference: Tensor  # all tokens [B, 1 + N, D], or pictures [B, 3, S, T] for a model that encodes them itself
    mean: Tensor  # [B, C, h, w] of the scaled posterior
    std: Tensor  # [B, C, h, w]


@dataclass(frozen=True)
class FrozenEncoders:
    """None: not loaded, for everything that it would make is cached (or the trained model makes it)."""

    vae: AutoencoderKL | None
    reference_encoder: ReferenceEncoder | None
    inside: bool  # the reference encoder is part of the model, which takes the pictures
    autocast: Callable[[], Any] = contextlib.nullcontext  # of the reference encoder; the VAE stays in float32
    half: torch.dtype = torch.float32  # that the VAE encodes in

    def to(self, device: torch.device, half: torch.dtype | None = None) -> FrozenEncoders:
        """On a device; half: the type that the training computes in, if it is a half one.

        On a GPU the encoders then are in half precision too. For the reference encoder that is float16, which is three
        bits closer to float32 than bfloat16 is.
        """
        for module in (self.vae, self.reference_encoder):
            if module is not None:
                module.to(device)
        if half is None or device.type != "cuda":
            return self
        if self.reference_encoder is not None:
            self.reference_encoder.to(torch.float16)
        if self.vae is not None:
            self.vae.to(memory_format=torch.channels_last)
        return replace(self, autocast=contextlib.nullcontext, half=half)

    def encode(self, batch: Batch) -> Encoded:
        """Everything that a step needs of a batch; ColorizeError when an encoder is lacking."""
        return Encoded(batch.sketch, self.reference(batch), *self.moments(batch))

    @torch.no_grad()
    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation [B, C, h, w] of the scaled posterior."""
        if batch.mean is not None and batch.std is not None:
            return batch.mean.float(), batch.std.float()
        assert batch.color is not None
        if self.vae is None:
            raise ColorizeError("no VAE to encode pictures with; name a file with --set start.vae=FILE, or a cache of "
                                "latents with --set run.cache=FOLDER")
        mean, logvar = encode_moments(self.vae, batch.color, self.half, PART if batch.color.is_cuda else 0)
        mean, std = self.vae.scale_factor * mean, self.vae.scale_factor * (0.5 * logvar).exp()
        return mean.contiguous(), std.contiguous()  # laid out as cached ones: what is compiled for these serves both

    @torch.no_grad()
    def reference(self, batch: Batch) -> Tensor:
        """All tokens [B, 1 + N, D], or the pictures [B, 3, S, T] for a model that encodes them itself."""
        if batch.tokens is not None and not self.inside:
            return batch.tokens.float()
        pictures = batch.reference
        if pictures is None:
            raise ColorizeError("this recipe's reference encoder is in the model: expected pictures, found cached "
                                "tokens; leave the tokens out of the cache")
        if self.inside:
            return pictures
        if self.reference_encoder is None:
            raise ColorizeError("no reference encoder; name OpenCLIP ViT-H-14 with --set start.reference_encoder=FILE, "
                                "or a cache of tokens with --set run.cache=FOLDER")
        with self.autocast():
            tokens: Tensor = self.reference_encoder(pictures)
        return tokens.float()
