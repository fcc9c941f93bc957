"""The newest pieces of pairs on the device that trains, with their latents, and random batches of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL
from training.small.drawing_processes import CHANNELS, Piece, PieceShape

AT_ONCE = 64  # pictures that the auto-encoder sees together


@dataclass(frozen=True)
class Shown:
    """B pairs: pictures in [-1, 1], what the reference's cells are (int64 [B, S/4, S/4]), mean and std [B, C, h, w]."""

    color: Tensor
    sketch: Tensor  # [B, 3, S, S], lines +1 on -1, one channel in memory
    reference: Tensor
    cells: Tensor
    mean: Tensor
    std: Tensor


class PairWindow:
    """Pieces come in from the newest end and push out the oldest; every pair of it is equally likely in a batch."""

    def __init__(self, pieces: int, shape: PieceShape, vae: AutoencoderKL, device: torch.device) -> None:
        self.pieces, self.shape, self.vae, self.device = pieces, shape, vae, device
        self.taken = 0  # pieces, since it was made
        pairs, side = pieces * shape.pairs, shape.size // vae.factor
        self._pixels = torch.empty(pairs, shape.size, shape.size, CHANNELS, dtype=torch.uint8, device=device)
        self._cells = torch.empty(pairs, *shape.cells[1:], dtype=torch.uint8, device=device)
        channels = vae.post_quant_conv.in_channels
        self._latents = torch.empty(pairs, 2, channels, side, side, dtype=torch.float16, device=device)

    def __len__(self) -> int:
        return min(self.taken, self.pieces) * self.shape.pairs

    def add(self, piece: Piece) -> None:
        """Copies it; its memory is free afterwards."""
        first = self.taken % self.pieces * self.shape.pairs
        rows = slice(first, first + self.shape.pairs)
        self._pixels[rows].copy_(torch.from_numpy(piece.pixels))
        self._cells[rows].copy_(torch.from_numpy(piece.cells))
        self._encode(range(first, first + self.shape.pairs, AT_ONCE), first + self.shape.pairs)
        self.taken += 1

    def encode_again(self) -> None:
        """All latents anew, after the auto-encoder has changed."""
        self._encode(range(0, len(self), AT_ONCE), len(self))

    @torch.no_grad()
    def _encode(self, firsts: range, end: int) -> None:
        scale = self.vae.scale_factor
        for first in firsts:
            rows = slice(first, min(first + AT_ONCE, end))
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                mean, logvar = self.vae.encode(_numbers(self._pixels[rows][..., :3]))
            self._latents[rows, 0] = (scale * mean).to(torch.float16)
            self._latents[rows, 1] = (scale * (0.5 * logvar.float()).exp()).to(torch.float16)

    def batch(self, count: int, generator: torch.Generator) -> Shown:
        """`count` random pairs; generator: of the same device."""
        chosen = torch.randint(len(self), (count,), generator=generator, device=self.device)
        pixels, latents = self._pixels[chosen], self._latents[chosen].float()
        sketch = -_numbers(pixels[..., 3:4])
        return Shown(_numbers(pixels[..., :3]), sketch.expand(-1, 3, -1, -1), _numbers(pixels[..., 4:]),
                     self._cells[chosen].long(), latents[:, 0], latents[:, 1])


def _numbers(pixels: Tensor) -> Tensor:
    """[B, S, S, C] bytes -> [B, C, S, S] in [-1, 1]."""
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
