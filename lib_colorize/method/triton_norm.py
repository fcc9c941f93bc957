"""Group norm over channels_last in Triton, SiLU and a shift before it included: torch's own leaves that layout on CUDA.

Imported only where triton is there. The kernels are in Triton's own language, which has no types of Python. Forward
only. Moments in float32, of differences from a mean, so that nothing cancels: of each channel in each part of the map,
then of each group (Chan, Golub and LeVeque, 1979, eq. 2.1); the norm is then one product and one sum a channel. Few
variants of each, for a variant takes a second to compile, once for a machine.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS, COLUMNS = 64, 64  # positions and channels that a program holds at once
PARTS = 64  # of a map, at most
WIDTH = 64  # channels of a group, at least: what is less is masked, and needs no variant


@triton.jit
def _moments(x, means, squares, hw, channels, positions, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Of each channel over `positions` of a map: the mean, and the sum of the squared differences from it."""
    part, row = tl.program_id(0), tl.program_id(2)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    count, mean, square = 0.0, tl.zeros([COLUMNS], tl.float32), tl.zeros([COLUMNS], tl.float32)
    first, end = part * positions, tl.minimum((part + 1) * positions, hw)
    for start in range(first, end, ROWS):
        place = start + tl.arange(0, ROWS)
        inside = (place[:, None] < end) & (column[None, :] < channels)
        offsets = (row * hw + place[:, None]).to(tl.int64) * channels + column[None, :]
        value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
        more = tl.minimum(end - start, ROWS).to(tl.float32)
        its_mean = tl.sum(value, 0) / more
        centred = tl.where(inside, value - its_mean[None, :], 0.0)
        apart = its_mean - mean
        square += tl.sum(centred * centred, 0) + apart * apart * (count * more / (count + more))
        mean += apart * (more / (count + more))
        count += more
    at = (row * tl.num_programs(0) + part) * channels + column
    tl.store(means + at, mean, mask=column < channels)
    tl.store(squares + at, square, mask=column < channels)


@triton.jit
def group_moments(mean, square, inside, part, hw, positions, width):
    """Mean and variance of a group, of its channels' in each part, [PARTS, PADDED], as `_moments` gave them."""
    counts = tl.where(inside, tl.minimum(hw - part * positions, positions)[:, None].to(tl.float32), 0.0)
    total = hw * width
    average = tl.sum(tl.sum(mean * counts, 1), 0) / total
    apart = mean - average
    return average, tl.sum(tl.sum(square + counts * apart * apart, 1), 0) / total


@triton.jit(do_not_specialize=["width", "parts", "shift_row", "shifted"])
def _factors(means, squares, shift, weight, bias, factor, summand, hw, channels, positions, width, parts, shift_row,
             shifted, eps, PADDED: tl.constexpr, PARTS: tl.constexpr):
    """Of each group: what its norm multiplies each channel by, and adds to it."""
    group, row = tl.program_id(0), tl.program_id(1)
    column, part = tl.arange(0, PADDED), tl.arange(0, PARTS)
    known = column < width
    own = group * width + column
    added = tl.load(shift + row * shift_row + own, mask=known & (shifted != 0), other=0.0).to(tl.float32)
    at = (row * parts + part[:, None]) * channels + own[None, :]
    inside = (part[:, None] < parts) & known[None, :]
    mean = tl.load(means + at, mask=inside, other=0.0) + added[None, :]
    square = tl.load(squares + at, mask=inside, other=0.0)
    average, variance = group_moments(mean, square, inside, part, hw, positions, width)
    scale = tl.load(weight + own, mask=known, other=0.0).to(tl.float32) / tl.sqrt(variance + eps)
    tl.store(factor + row * channels + own, scale, mask=known)
    offset = tl.load(bias + own, mask=known, other=0.0).to(tl.float32) + (added - average) * scale
    tl.store(summand + row * channels + own, offset, mask=known)


@triton.jit(do_not_specialize=["silu"])
def _apply(x, y, factor, summand, hw, channels, silu, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, row = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS), tl.program_id(2)
    inside = (place[:, None] < hw) & (column[None, :] < channels)
    offsets = (row * hw + place[:, None]).to(tl.int64) * channels + column[None, :]
    scale = tl.load(factor + row * channels + column, mask=column < channels, other=0.0)
    offset = tl.load(summand + row * channels + column, mask=column < channels, other=0.0)
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32) * scale[None, :] + offset[None, :]
    if silu != 0:
        value = value / (1.0 + tl.exp(-value))
    tl.store(y + offsets, value.to(y.dtype.element_ty), mask=inside)


def group_norm(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, shift: Tensor | None = None, silu: bool = False,
) -> Tensor:
    """x: [B, C, h, w], channels_last; shift: [B or 1, C], added to x before -> the norm of x, the same layout."""
    rows, channels, height, width = x.shape
    hw, own = height * width, channels // groups
    positions = triton.cdiv(triton.cdiv(hw, PARTS), ROWS) * ROWS
    parts = triton.cdiv(hw, positions)
    y = torch.empty_like(x)
    means, squares = torch.empty((2, rows * parts * channels), dtype=torch.float32, device=x.device)
    factor, summand = torch.empty((2, rows * channels), dtype=torch.float32, device=x.device)
    given, shift_row = (bias, 0) if shift is None else (shift, shift.stride(0) if len(shift) > 1 else 0)
    columns = triton.cdiv(channels, COLUMNS)
    _moments[(parts, columns, rows)](x, means, squares, hw, channels, positions, ROWS=ROWS, COLUMNS=COLUMNS)
    _factors[(groups, rows)](
        means, squares, given, weight, bias, factor, summand, hw, channels, positions, own, parts, shift_row,
        int(shift is not None), eps, PADDED=max(triton.next_power_of_2(own), WIDTH), PARTS=PARTS, num_warps=8)
    _apply[(triton.cdiv(hw, ROWS), columns, rows)](x, y, factor, summand, hw, channels, int(silu), ROWS=ROWS,
                                                   COLUMNS=COLUMNS)
    return y
