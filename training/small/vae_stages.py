"""The auto-encoder's stages on drawn pairs: all of it from nothing, before the U-Net; its decoder alone, after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib_colorize.engine.networks import AutoencoderKL
from training.small.pair_window import PairWindow, Shown
from training.small.train_vae import rescale
from training.small.vae_losses import edge_loss, line_weights, loss_terms, term_weights

INKED = -0.5  # from which a sketch counts as a line: grey ones too, paper's noise not
SPECKS = 0.1  # standard deviation of the noise, at most: what the U-Net's latents are off by must not become specks
LR, FINAL = 4e-4, 0.01  # cosine from LR to a hundredth
RISE = 50  # steps over which it rises
SCALED_BY = 512  # pictures that the latents' scale is measured on
Progress = Callable[[int], float]  # images of a stage -> share of it that is done


def train_decoder(
    vae: AutoencoderKL, window: PairWindow, batch: int, progress: Progress, seed: int,
) -> Iterator[tuple[int, Tensor]]:
    """Latents stay what they are. Yields (images, loss) after every step until progress(images) reaches 1."""

    def loss(shown: Shown, generator: torch.Generator, _done: float) -> Tensor:
        noise = torch.randn(shown.mean.shape, generator=generator, device=window.device)
        return decoder_loss(vae, shown, noise, torch.rand(len(noise), generator=generator, device=window.device))

    yield from _fit(vae, [vae.decoder, vae.post_quant_conv], loss, window, batch, progress, seed)


def decoder_loss(vae: AutoencoderKL, shown: Shown, noise: Tensor, off: Tensor) -> Tensor:
    """Pixels, colours of 8 x 8 px and edges as in `vae_losses`. noise: [B, C, h, w]; off: [B] in [0, 1], of SPECKS."""
    latent = shown.mean + (shown.std + SPECKS * off.view(-1, 1, 1, 1)) * noise
    x, y = shown.color, vae.decode(latent).float()
    weight = line_weights(_inked(shown.sketch))
    pixels, colour = (weight * (y - x).abs()).mean(), F.l1_loss(F.avg_pool2d(y, 8), F.avg_pool2d(x, 8))
    return pixels + colour + 3 * edge_loss(y, x, weight)


def train_auto_encoder_on(
    vae: AutoencoderKL, window: PairWindow, batch: int, progress: Progress, seed: int,
) -> Iterator[tuple[int, Tensor]]:
    """As `train_decoder`, but all of it learns; at the end latents are scaled and the window's are made anew."""

    def loss(shown: Shown, generator: torch.Generator, done: float) -> Tensor:
        noise = torch.randn(shown.mean.shape, generator=generator, device=window.device)
        terms = loss_terms(vae, shown.color, _inked(shown.sketch), noise)
        return torch.stack([weight * terms[name] for name, weight in term_weights(done).items()]).sum()

    yield from _fit(vae, [vae], loss, window, batch, progress, seed)
    generator = torch.Generator(window.device).manual_seed(seed)
    rescale(vae, torch.cat([window.batch(32, generator).color for _ in range(SCALED_BY // 32)]))
    window.encode_again()


def _inked(sketch: Tensor) -> Tensor:
    return (sketch > INKED) * 2.0 - 1


def _fit(
    vae: AutoencoderKL, parts: list[nn.Module], loss_of: Callable[[Shown, torch.Generator, float], Tensor],
    window: PairWindow, batch: int, progress: Progress, seed: int,
) -> Iterator[tuple[int, Tensor]]:
    """AdamW over the parts; nothing else of the auto-encoder changes, and nothing learns afterwards."""
    learning = [parameter for part in parts for parameter in part.parameters()]
    vae.requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    vae.to(memory_format=torch.channels_last)
    cuda = window.device.type == "cuda"
    optimizer = torch.optim.AdamW(learning, lr=LR, betas=(0.9, 0.99), weight_decay=1e-4, fused=cuda or None)
    images = 0
    while (done := progress(images)) < 1:
        generator = torch.Generator(window.device).manual_seed(seed * 1_000_003 + images)
        lr = LR * (0.5 * (1 + math.cos(math.pi * done)) + FINAL) * min(1.0, (images / batch + 1) / RISE)
        for group in optimizer.param_groups:
            group["lr"] = lr
        with torch.autocast(window.device.type, torch.bfloat16, enabled=cuda):
            loss = loss_of(window.batch(batch, generator), generator, done)
        torch.autograd.backward([loss])
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        images += batch
        yield images, loss.detach()
    vae.requires_grad_(False)
