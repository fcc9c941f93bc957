"""A row's branch and picture as three numbers among its image conditions: written, recognised, read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ....method.conditioning import Branch

MAGIC = 240.0  # a mark's first number; exact in float16 and bfloat16, as the others are
ORDER = tuple(Branch)
NUMBERS = 3  # of a mark: MAGIC, branch, picture
Row = tuple[Branch, int]


def write_marks(image_cond: Tensor, rows: Sequence[Row], dtype: torch.dtype | None = None) -> Tensor:
    """image_cond: [rows, ...] of 3 numbers each at least -> the same with a mark in each row's first ones."""
    with torch.inference_mode(False):  # else nobody could tell whether it has been written to
        marked = torch.empty_like(image_cond, dtype=dtype, memory_format=torch.contiguous_format)
        marked.copy_(image_cond)
        signs = torch.tensor([[MAGIC, float(ORDER.index(branch)), float(picture)] for branch, picture in rows])
        marked.view(len(rows), -1)[:, :NUMBERS] = signs.to(marked)
    return marked


def first_row(part: Tensor, whole: Tensor) -> int | None:
    """Of which row of `whole` on `part` is a view; None when it is no view of it."""
    if (part.dtype, part.shape[1:], part.stride()) != (whole.dtype, whole.shape[1:], whole.stride()):
        return None
    if part.untyped_storage()._cdata != whole.untyped_storage()._cdata:
        return None
    first, rest = divmod(int(part.storage_offset() - whole.storage_offset()), whole.stride(0))
    return None if rest or not 0 <= first <= len(whole) - len(part) else first


def read_marks(image_conds: Any) -> tuple[Row, ...] | None:
    """image_conds: the host's list of one [rows, ...] -> branch and picture of every row; None when one has no mark."""
    if not image_conds or image_conds[0][0].numel() < NUMBERS:
        return None
    rows = []
    for magic, branch, picture in image_conds[0].flatten(1)[:, :NUMBERS].float().tolist():
        if magic != MAGIC or branch not in range(len(ORDER)):
            return None
        rows.append((ORDER[int(branch)], int(picture)))
    return tuple(rows)
