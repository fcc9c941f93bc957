"""The auto-encoder's decoder learns on, at the size and on the lines of the pairs; latents stay what they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL
from training.small.pair_window import PairWindow, Shown
from training.small.vae_losses import edge_loss, line_weights

INKED = -0.5  # from which a sketch counts as a line: grey ones too, paper's noise not
SPECKS = 0.1  # standard deviation of the noise, at most: what the U-Net's latents are off by must not become specks
LR, FINAL_LR = 4e-4, 4e-6  # cosine between them


def decoder_loss(vae: AutoencoderKL, shown: Shown, noise: Tensor, off: Tensor) -> Tensor:
    """Pixels, colours of 8 x 8 px and edges as in `vae_losses`. noise: [B, C, h, w]; off: [B] in [0, 1], of SPECKS."""
    latent = shown.mean + (shown.std + SPECKS * off.view(-1, 1, 1, 1)) * noise
    x, y = shown.color, vae.decode(latent).float()
    weight = line_weights((shown.sketch > INKED) * 2.0 - 1)
    pixels, colour = (weight * (y - x).abs()).mean(), F.l1_loss(F.avg_pool2d(y, 8), F.avg_pool2d(x, 8))
    return pixels + colour + 3 * edge_loss(y, x, weight)


def train_decoder(
    vae: AutoencoderKL, window: PairWindow, batch: int, progress: Callable[[int], float], seed: int,
) -> Iterator[tuple[int, Tensor]]:
    """Yields (images, loss) after every step until progress(images) reaches 1; nothing but the decoder changes."""
    learning = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    for parameter in learning:
        parameter.requires_grad_(True)
    vae.to(memory_format=torch.channels_last)
    device = window.device
    optimizer = torch.optim.AdamW(learning, lr=LR, betas=(0.9, 0.99), weight_decay=1e-4,
                                  fused=device.type == "cuda" or None)
    images = 0
    while (done := progress(images)) < 1:
        generator = torch.Generator(device).manual_seed(seed * 1_000_003 + images)
        shown = window.batch(batch, generator)
        noise = torch.randn(shown.mean.shape, generator=generator, device=device)
        off = torch.rand(batch, generator=generator, device=device)
        lr = FINAL_LR + (LR - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (images / batch + 1) / 50)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = decoder_loss(vae, shown, noise, off)
        torch.autograd.backward([loss])
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        images += batch
        yield images, loss.detach()
    vae.requires_grad_(False)
