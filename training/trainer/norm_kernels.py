"""Group norm over channels_last and its gradient in Triton, for training; torch's own copies to NCHW and back on CUDA.

Imported only where triton is there. Every kernel reads whole lines of channels; sums are float32, of differences from a
mean. With xhat = (x - mean) / std of a group of M numbers, z = w xhat + b, y = z or its SiLU, g = dL/dz (for the SiLU
dL/dy s (1 + z (1 - s)), s = 1 / (1 + exp(-z))), of each sample and channel A = sum g, B = sum g xhat, and of each group
S = sum w A, T = sum w B: db = sum A, dw = sum B over samples, dx = (w g - S / M - xhat T / M) / std.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from lib_colorize.method.triton_norm import COLUMNS, PARTS, ROWS, _moments, group_moments


@triton.jit
def _offsets(place, column, row, end, hw, channels):
    """Of a tile of a map [rows, hw, channels], and what of it is inside."""
    inside = (place[:, None] < end) & (column[None, :] < channels)
    return (row * hw + place[:, None]).to(tl.int64) * channels + column[None, :], inside


@triton.jit(do_not_specialize=["width", "parts"])
def _statistics(means, squares, averages, inverses, hw, channels, positions, width, parts, eps,
                PADDED: tl.constexpr, PARTS: tl.constexpr):
    """Mean and 1 / std of a group, for each of its channels (Chan, Golub and LeVeque, 1979, eq. 2.1)."""
    group, row = tl.program_id(0), tl.program_id(1)
    column, part = tl.arange(0, PADDED), tl.arange(0, PARTS)
    own = group * width + column
    at = (row * parts + part[:, None]) * channels + own[None, :]
    inside = (part[:, None] < parts) & (column < width)[None, :]
    mean = tl.load(means + at, mask=inside, other=0.0)
    square = tl.load(squares + at, mask=inside, other=0.0)
    average, variance = group_moments(mean, square, inside, part, hw, positions, width)
    nothing = tl.zeros([PADDED], tl.float32)
    tl.store(averages + row * channels + own, nothing + average, mask=column < width)
    tl.store(inverses + row * channels + own, nothing + 1.0 / tl.sqrt(variance + eps), mask=column < width)


@triton.jit
def _before_silu(gradient, z):
    """Gradient with respect to z of what is given with respect to its SiLU."""
    share = 1.0 / (1.0 + tl.exp(-z))
    return gradient * share * (1.0 + z * (1.0 - share))


@triton.jit(do_not_specialize=["silu"])
def _normed(x, y, averages, inverses, weight, bias, hw, channels, silu, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, row = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS), tl.program_id(2)
    offsets, inside = _offsets(place, column, row, hw, hw, channels)
    known = column < channels
    average = tl.load(averages + row * channels + column, mask=known, other=0.0)
    scale = tl.load(inverses + row * channels + column, mask=known, other=0.0)
    scale *= tl.load(weight + column, mask=known, other=0.0).to(tl.float32)
    offset = tl.load(bias + column, mask=known, other=0.0).to(tl.float32)
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    value = (value - average[None, :]) * scale[None, :] + offset[None, :]
    if silu != 0:
        value = value / (1.0 + tl.exp(-value))
    tl.store(y + offsets, value.to(y.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["silu"])
def _sums(x, g, averages, inverses, weight, bias, firsts, seconds, hw, channels, positions, silu,
          ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Of each channel over `positions` of a map: A and B."""
    part, row = tl.program_id(0), tl.program_id(2)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    known = column < channels
    average = tl.load(averages + row * channels + column, mask=known, other=0.0)
    inverse = tl.load(inverses + row * channels + column, mask=known, other=0.0)
    scale = tl.load(weight + column, mask=known, other=0.0).to(tl.float32)
    offset = tl.load(bias + column, mask=known, other=0.0).to(tl.float32)
    first, second = tl.zeros([COLUMNS], tl.float32), tl.zeros([COLUMNS], tl.float32)
    begin, end = part * positions, tl.minimum((part + 1) * positions, hw)
    for start in range(begin, end, ROWS):
        offsets, inside = _offsets(start + tl.arange(0, ROWS), column, row, end, hw, channels)
        value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
        gradient = tl.load(g + offsets, mask=inside, other=0.0).to(tl.float32)
        value = (value - average[None, :]) * inverse[None, :]
        if silu != 0:
            gradient = _before_silu(gradient, value * scale[None, :] + offset[None, :])
        first += tl.sum(gradient, 0)
        second += tl.sum(gradient * value, 0)
    at = (row * tl.num_programs(0) + part) * channels + column
    tl.store(firsts + at, first, mask=known)
    tl.store(seconds + at, second, mask=known)


@triton.jit(do_not_specialize=["width", "parts"])
def _combined(firsts, seconds, weight, inverses, of_bias, of_weight, plain, slope, hw, channels, width, parts,
              PADDED: tl.constexpr, PARTS: tl.constexpr):
    """Of a group: A and B of its channels, and S / (M std), T / (M std) for each of them."""
    group, row = tl.program_id(0), tl.program_id(1)
    column, part = tl.arange(0, PADDED), tl.arange(0, PARTS)
    known = column < width
    own = group * width + column
    at = (row * parts + part[:, None]) * channels + own[None, :]
    inside = (part[:, None] < parts) & known[None, :]
    first = tl.sum(tl.load(firsts + at, mask=inside, other=0.0), 0)
    second = tl.sum(tl.load(seconds + at, mask=inside, other=0.0), 0)
    weights = tl.load(weight + own, mask=known, other=0.0).to(tl.float32)
    inverse = tl.load(inverses + row * channels + own, mask=known, other=0.0)
    total = hw * width
    tl.store(of_bias + row * channels + own, first, mask=known)
    tl.store(of_weight + row * channels + own, second, mask=known)
    tl.store(plain + row * channels + own, inverse * tl.sum(weights * first, 0) / total, mask=known)
    tl.store(slope + row * channels + own, inverse * tl.sum(weights * second, 0) / total, mask=known)


@triton.jit(do_not_specialize=["silu"])
def _gradient(x, g, dx, averages, inverses, weight, bias, plain, slope, hw, channels, silu,
              ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, row = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS), tl.program_id(2)
    offsets, inside = _offsets(place, column, row, hw, hw, channels)
    known, at = column < channels, row * channels + column
    average = tl.load(averages + at, mask=known, other=0.0)
    inverse = tl.load(inverses + at, mask=known, other=0.0)
    scale = tl.load(weight + column, mask=known, other=0.0).to(tl.float32)
    offset = tl.load(bias + column, mask=known, other=0.0).to(tl.float32)
    constant = tl.load(plain + at, mask=known, other=0.0)
    factor = tl.load(slope + at, mask=known, other=0.0)
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    gradient = tl.load(g + offsets, mask=inside, other=0.0).to(tl.float32)
    value = (value - average[None, :]) * inverse[None, :]
    if silu != 0:
        gradient = _before_silu(gradient, value * scale[None, :] + offset[None, :])
    gradient = gradient * (scale * inverse)[None, :] - constant[None, :] - value * factor[None, :]
    tl.store(dx + offsets, gradient.to(dx.dtype.element_ty), mask=inside)


def _parts(x: Tensor) -> tuple[int, int, int]:
    """Positions of a part, how many parts a map has, and how many tiles its channels."""
    hw = x.shape[2] * x.shape[3]
    positions = triton.cdiv(triton.cdiv(hw, PARTS), ROWS) * ROWS
    return positions, triton.cdiv(hw, positions), triton.cdiv(x.shape[1], COLUMNS)


def normed(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, silu: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """x: [B, C, h, w], channels_last -> its norm (or that one's SiLU), and mean and 1 / std of each channel's group."""
    (rows, channels), hw = x.shape[:2], x.shape[2] * x.shape[3]
    positions, parts, columns = _parts(x)
    y, width = torch.empty_like(x), channels // groups
    means, squares = torch.empty((2, rows * parts * channels), dtype=torch.float32, device=x.device)
    averages, inverses = torch.empty((2, rows, channels), dtype=torch.float32, device=x.device)
    tile = {"ROWS": ROWS, "COLUMNS": COLUMNS}
    _moments[(parts, columns, rows)](x, means, squares, hw, channels, positions, **tile)
    _statistics[(groups, rows)](means, squares, averages, inverses, hw, channels, positions, width, parts, eps,
                                PADDED=triton.next_power_of_2(width), PARTS=PARTS, num_warps=8)
    _normed[(triton.cdiv(hw, ROWS), columns, rows)](x, y, averages, inverses, weight, bias, hw, channels,
                                                    int(silu), **tile)
    return y, averages, inverses


def norm_gradients(
    x: Tensor, g: Tensor, groups: int, weight: Tensor, bias: Tensor, averages: Tensor, inverses: Tensor, silu: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """x, g = dL/dy: [B, C, h, w], channels_last; what `normed` gave -> dL/dx like x, dL/dw and dL/db [C], float32."""
    (rows, channels), hw = x.shape[:2], x.shape[2] * x.shape[3]
    positions, parts, columns = _parts(x)
    dx, width = torch.empty_like(x), channels // groups
    firsts, seconds = torch.empty((2, rows * parts * channels), dtype=torch.float32, device=x.device)
    of_bias, of_weight, plain, slope = torch.empty((4, rows, channels), dtype=torch.float32, device=x.device)
    tile = {"ROWS": ROWS, "COLUMNS": COLUMNS}
    _sums[(parts, columns, rows)](x, g, averages, inverses, weight, bias, firsts, seconds, hw, channels, positions,
                                  int(silu), **tile)
    _combined[(groups, rows)](firsts, seconds, weight, inverses, of_bias, of_weight, plain, slope, hw, channels, width,
                              parts, PADDED=triton.next_power_of_2(width), PARTS=PARTS, num_warps=8)
    _gradient[(triton.cdiv(hw, ROWS), columns, rows)](
        x, g, dx, averages, inverses, weight, bias, plain, slope, hw, channels, int(silu), **tile)
    return dx, of_weight.sum(0), of_bias.sum(0)
