"""What is injected: a reference as the U-Net's latents, and the noise that each picture's own copy is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

OTHER_STREAM = 0x9E3779B9  # sets a seed's noise here apart from what its picture starts from
Draw = Callable[[], Tensor]  # noise [1, C, h, w] of one picture, new each time


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare by
class InjectedPicture:
    """The reference squashed to the canvas.

    mean, std: [1, C, h, w] of its posterior, scaled as latents are; hints: of its negative, times the control, each
    [1, C_i, h_i, w_i], None = none; alphas: [T], the schedule's cumulative ones.
    """

    mean: Tensor
    std: Tensor
    hints: tuple[Tensor, ...] | None
    alphas: Tensor


class NoisedPicture:
    """The injected picture at each step of a run, for each picture that is sampled: by its seed alone."""

    def __init__(self, picture: InjectedPicture) -> None:
        self._picture = picture
        self._draws: Sequence[Draw] = ()
        self._latents: Tensor | None = None
        self._noise: Tensor | None = None
        self._served: set[tuple[str, int]] = set()
        self._alphas = {"cpu": picture.alphas.cpu()}  # by device

    def start(self, seeds: Sequence[int]) -> None:
        """From the beginning, for pictures of these seeds; drawn on the CPU, so that every device has the same."""
        shape = self._picture.mean.shape
        self.draw_from([
            partial(torch.randn, shape, generator=torch.Generator("cpu").manual_seed(seed ^ OTHER_STREAM))
            for seed in seeds])

    def draw_from(self, draws: Sequence[Draw]) -> None:
        """One of each picture that is sampled; first its posterior's noise is drawn, then that of each step."""
        self._draws, self._noise = draws, None
        self._served.clear()
        self._latents = self._picture.mean + self._picture.std * self._drawn()

    def at(self, t: Tensor, rows: Sequence[tuple[str, int]]) -> Tensor:
        """t: [1] or [] -> sqrt(abar_k) r + sqrt(1 - abar_k) n [L, C, h, w] of all L pictures, k = round(t), halves to
        even. The noise is new as soon as a row is asked for that has had it: a step whose rows come in several calls
        has one. rows: what tells a row of the call from the others of its step.
        """
        assert self._latents is not None, "start a run with the seeds of its pictures"
        if self._noise is None or not self._served.isdisjoint(rows):
            self._noise = self._drawn()
            self._served.clear()
        self._served.update(rows)
        name = str(t.device)  # where it is known, so that nobody waits for it
        alphas = self._alphas.get(name)
        if alphas is None:
            alphas = self._alphas[name] = self._alphas["cpu"].to(t.device)
        abar = alphas[t.round().long().clamp(0, len(alphas) - 1)]
        return abar.sqrt() * self._latents + (1 - abar).sqrt() * self._noise

    def _drawn(self) -> Tensor:
        noise, like = torch.cat([draw() for draw in self._draws]), self._picture.mean
        if like.is_cuda:  # which is not waited for
            return noise.pin_memory().to(like.device, like.dtype, non_blocking=True)
        return noise.to(like)
