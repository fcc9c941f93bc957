"""Several references side by side: a bias of the attention's logits says how much each weighs, and where it acts.

Softmax over the tokens of all of them, where those of reference r count a_r times: a_r exp(q k) is exp(q k + log a_r).
a_r is its weight times the part of the position that lies in its region.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from .hint_hook import Misfit

NEVER = -1e4  # log of no token: its exp is 0, and float16 holds it. A kernel that meets whole blocks of -inf gives nan
# in torch 2.3 on the CPU, and in 2.1 on CUDA (pytorch's issue 109517)
LEVELS = 8  # sizes of a feature map that are looked for, each half of the one before
Bias = tuple[Tensor, "Tensor | None"]  # of the logits [P or 1, 1, n or 1, N]; share of each position [P or 1, n, 1]


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare by
class TokenBias:
    """counts: of the tokens of each reference, in order; weights: of each, above 0.

    areas: [P or 1, R + 1, h, w] of `areas_of`, in the latent's frame; None = all act everywhere.
    """

    counts: tuple[int, ...]
    weights: tuple[float, ...]
    areas: Tensor | None = None
    _kept: dict[object, Bias] = field(default_factory=dict, repr=False)

    def anew(self) -> TokenBias:
        """The same with nothing made yet: what a captured step was shown is written over by the next job's."""
        return TokenBias(self.counts, self.weights, self.areas)

    def forget(self) -> None:
        """Let go of what was made for feature maps; it is made anew when asked for."""
        self._kept.clear()

    @property
    def pictures(self) -> int:
        """How many pictures have regions of their own; 1 serves any batch."""
        return 1 if self.areas is None else len(self.areas)

    def at(self, places: int, pictures: Sequence[int], like: Tensor) -> Bias:
        """For a feature map of so many places, like `like` in type and device; made once.

        pictures: the one that each row shows. The share multiplies what attention gives: it is 0 where no reference
        acts, so that such a position is as without a reference; None = 1 everywhere. Misfit when no size fits.
        """
        shown = tuple(pictures) if self.pictures > 1 else ()
        key = places if self.areas is not None else 0, shown, like.dtype, like.device
        if key not in self._kept:
            bias, share = self._made(places)
            if shown:
                bias, share = bias[list(shown)], None if share is None else share[list(shown)]
            self._kept[key] = bias.to(like), None if share is None else share.to(like)
        return self._kept[key]

    def first_at(self, places: int, pictures: Sequence[int], like: Tensor) -> Tensor | None:
        """The part of each place where the first reference acts [P or rows, n, 1], as of `at`; None = all of all."""
        if self._first_everywhere:
            return None
        shown = tuple(pictures) if self.pictures > 1 else ()
        key = "first", places, shown, like.dtype, like.device
        if key not in self._kept:
            first = self._parts(places)[..., :1]
            self._kept[key] = (first[list(shown)] if shown else first).to(like), None
        return self._kept[key][0]

    @functools.cached_property
    def _first_everywhere(self) -> bool:
        return self.areas is None or bool((self.areas[:, 0] == 1).all())

    def _parts(self, places: int) -> Tensor:
        """[P, n, R + 1]"""
        assert self.areas is not None
        return F.adaptive_avg_pool2d(self.areas.float(), self._size(places)).flatten(2).transpose(1, 2)

    def _made(self, places: int) -> Bias:
        weights = torch.tensor(self.weights)
        if self.areas is None:
            return self._of_tokens(weights.log().view(1, 1, -1)), None
        parts = self._parts(places)
        anyone = parts[..., -1:]
        logits = (parts[..., :-1] * weights.to(parts)).log()
        absent = logits.isneginf()
        nobody = absent.all(-1, keepdim=True)
        share = anyone.masked_fill(nobody, 0.0)
        logits = logits.masked_fill(absent, NEVER).masked_fill(nobody, 0.0)
        return self._of_tokens(logits), None if bool((share == 1).all()) else share

    def _of_tokens(self, logits: Tensor) -> Tensor:
        """[P, n, R] -> [P, 1, n, N]"""
        return torch.cat([logits[..., i:i + 1].expand(*logits.shape[:-1], count)
                          for i, count in enumerate(self.counts)], -1)[:, None].contiguous()

    def _size(self, places: int) -> tuple[int, int]:
        assert self.areas is not None
        height, width = self.areas.shape[2:]
        for level in range(LEVELS):
            size = math.ceil(height / 2**level), math.ceil(width / 2**level)
            if size[0] * size[1] == places:
                return size
        raise Misfit(f"regions of {width}x{height} latent pixels do not fit a feature map of {places} places; "
                     "use regions of the sketch's own shape")


def areas_of(regions: Sequence[Tensor | None], size: tuple[int, int]) -> Tensor | None:
    """regions: of each reference [P or 1, 1, H, W] in [0, 1] on the canvas, None = all that no region covers;
    size: (h, w) of the latent -> [P or 1, R + 1, h, w]: the part of each latent position where a reference acts, and
    last the part where any does. None when there are no regions.
    """
    given = [region for region in regions if region is not None]
    if not given:
        return None
    rest = 1 - functools.reduce(torch.maximum, given)
    acting = torch.cat([(rest if region is None else region).expand_as(rest) for region in regions], 1)
    anyone = torch.ones_like(rest) if len(given) < len(regions) else 1 - rest
    return F.adaptive_avg_pool2d(torch.cat([acting, anyone], 1), size)


def bias_between(counts: Sequence[int], weights: Sequence[float], areas: Tensor | None) -> TokenBias | None:
    """None where softmax needs none: without regions, and with equal weights."""
    if areas is None and len(set(weights)) < 2:
        return None
    return TokenBias(tuple(counts), tuple(weights), areas)
