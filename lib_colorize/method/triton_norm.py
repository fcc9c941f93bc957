"""Group norm over channels_last in Triton, SiLU and a shift before it included: torch's own leaves that layout on CUDA.

Imported only where triton is there. The kernels are in Triton's own language, which has no types of Python.
Forward only; sums in float32, of differences from a mean, so that nothing cancels.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

WHOLE = 16384  # numbers of one group that one program holds: smaller maps need one launch
PART = 4096  # else numbers of a part


@triton.jit
def _load(x, shift, part, group, row, hw, channels, width, shift_row,
          PADDED: tl.constexpr, ROWS: tl.constexpr, SHIFTED: tl.constexpr):
    """Positions `part` of a group in float32, where they lie, and which are inside."""
    places = part * ROWS + tl.arange(0, ROWS)
    columns = tl.arange(0, PADDED)
    inside = (places[:, None] < hw) & (columns[None, :] < width)
    offsets = (row * hw + places[:, None]).to(tl.int64) * channels + group * width + columns[None, :]
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    if SHIFTED:
        own = tl.load(shift + row * shift_row + group * width + columns, mask=columns < width, other=0.0)
        value = tl.where(inside, value + own[None, :].to(tl.float32), 0.0)
    return value, offsets, inside


@triton.jit
def _store(y, value, offsets, inside, weight, bias, group, width, average, scale,
           PADDED: tl.constexpr, SILU: tl.constexpr):
    """The norm of what was loaded."""
    columns = tl.arange(0, PADDED)
    own_weight = tl.load(weight + group * width + columns, mask=columns < width, other=0.0).to(tl.float32)
    own_bias = tl.load(bias + group * width + columns, mask=columns < width, other=0.0).to(tl.float32)
    value = (value - average) * scale * own_weight[None, :] + own_bias[None, :]
    if SILU:
        value = value / (1.0 + tl.exp(-value))
    tl.store(y + offsets, value.to(y.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["width"])
def _whole(x, y, shift, weight, bias, hw, channels, width, shift_row, eps,
           PADDED: tl.constexpr, ROWS: tl.constexpr, SHIFTED: tl.constexpr, SILU: tl.constexpr):
    """One program for each group of each row."""
    group, row = tl.program_id(1), tl.program_id(2)
    value, offsets, inside = _load(x, shift, 0, group, row, hw, channels, width, shift_row, PADDED, ROWS, SHIFTED)
    count = hw * width
    average = tl.sum(tl.sum(value, 1), 0) / count
    centred = tl.where(inside, value - average, 0.0)
    variance = tl.sum(tl.sum(centred * centred, 1), 0) / count
    _store(y, value, offsets, inside, weight, bias, group, width, average, 1.0 / tl.sqrt(variance + eps), PADDED, SILU)


@triton.jit(do_not_specialize=["width"])
def _moments(x, shift, means, squares, hw, channels, width, shift_row,
             PADDED: tl.constexpr, ROWS: tl.constexpr, SHIFTED: tl.constexpr):
    """Mean of each part, and the sum of the squared differences from it."""
    part, group, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    value, _, inside = _load(x, shift, part, group, row, hw, channels, width, shift_row, PADDED, ROWS, SHIFTED)
    average = tl.sum(tl.sum(value, 1), 0) / (tl.minimum(hw - part * ROWS, ROWS) * width)
    centred = tl.where(inside, value - average, 0.0)
    place = (row * tl.num_programs(1) + group) * tl.num_programs(0) + part
    tl.store(means + place, average)
    tl.store(squares + place, tl.sum(tl.sum(centred * centred, 1), 0))


@triton.jit(do_not_specialize=["width"])
def _apply(x, y, shift, weight, bias, means, squares, hw, channels, width, shift_row, eps,
           PADDED: tl.constexpr, ROWS: tl.constexpr, PARTS: tl.constexpr, SHIFTED: tl.constexpr, SILU: tl.constexpr):
    """The parts' moments put together (Chan, Golub and LeVeque, 1979, eq. 2.1), and the norm of one part."""
    part, group, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    parts = tl.num_programs(0)
    index = tl.arange(0, PARTS)
    first = (row * tl.num_programs(1) + group) * parts
    own_means = tl.load(means + first + index, mask=index < parts, other=0.0)
    own_squares = tl.load(squares + first + index, mask=index < parts, other=0.0)
    counts = tl.where(index < parts, tl.minimum(hw - index * ROWS, ROWS) * width, 0).to(tl.float32)
    count = hw * width
    average = tl.sum(own_means * counts, 0) / count
    apart = own_means - average
    variance = (tl.sum(own_squares, 0) + tl.sum(counts * apart * apart, 0)) / count
    value, offsets, inside = _load(x, shift, part, group, row, hw, channels, width, shift_row, PADDED, ROWS, SHIFTED)
    _store(y, value, offsets, inside, weight, bias, group, width, average, 1.0 / tl.sqrt(variance + eps), PADDED, SILU)


def group_norm(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, shift: Tensor | None = None, silu: bool = False,
) -> Tensor:
    """x: [B, C, h, w], channels_last; shift: [B or 1, C], added to x before -> the norm of x, the same layout."""
    rows, channels, height, width = x.shape
    hw, own = height * width, channels // groups
    padded = triton.next_power_of_2(own)
    y = torch.empty_like(x)
    shift_row = 0 if shift is None or len(shift) == 1 else shift.stride(0)
    sizes: dict[str, Any] = {"PADDED": padded, "SHIFTED": shift is not None}
    given = x if shift is None else shift
    if hw * padded <= WHOLE:  # few variants of each kernel, for each takes a second to compile, once for a machine
        _whole[(1, groups, rows)](x, y, given, weight, bias, hw, channels, own, shift_row, eps, **sizes, SILU=silu,
                                  ROWS=max(WHOLE // padded, 1), num_warps=8)
        return y
    positions = max(PART // padded, 1)
    parts = triton.cdiv(hw, positions)
    means, squares = torch.empty((2, rows * groups * parts), dtype=torch.float32, device=x.device)
    grid = (parts, groups, rows)
    _moments[grid](x, given, means, squares, hw, channels, own, shift_row, **sizes, ROWS=positions)
    _apply[grid](x, y, given, weight, bias, means, squares, hw, channels, own, shift_row, eps, **sizes, ROWS=positions,
                 PARTS=max(triton.next_power_of_2(parts), 64), SILU=silu)
    return y
