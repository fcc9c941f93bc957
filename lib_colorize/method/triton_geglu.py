"""GEGLU in Triton: one pass over a projection where torch makes two, and no copy of its halves.

Imported only where triton is there. The kernel is in Triton's own language, which has no types of Python.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS, COLUMNS = 8, 256  # of the result, in one program


@triton.jit
def _geglu(x, y, rows, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (row[:, None] < rows) & (column[None, :] < width)
    offsets = row[:, None] * (2 * width) + column[None, :]
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    gate = tl.load(x + offsets + width, mask=inside, other=0.0).to(tl.float32)
    gated = value * (0.5 * gate * (1.0 + tl.erf(gate * 0.7071067811865476)))
    tl.store(y + row[:, None] * width + column[None, :], gated.to(y.dtype.element_ty), mask=inside)


def geglu(x: Tensor) -> Tensor:
    """x: [..., 2 n], contiguous: values, then gates -> [..., n], values times the GELU of the gates."""
    width = x.shape[-1] // 2
    y = torch.empty((*x.shape[:-1], width), dtype=x.dtype, device=x.device)
    rows = y.numel() // width
    _geglu[(triton.cdiv(rows, ROWS), triton.cdiv(width, COLUMNS))](x, y, rows, width, ROWS=ROWS, COLUMNS=COLUMNS)
    return y
