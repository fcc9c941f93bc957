"""Rows of a batch, picked by slices: a list of rows would be copied to the device first, and the program would wait."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def take_rows(x: Tensor, rows: Sequence[int]) -> Tensor:
    """x: [R, ...] -> [len(rows), ...]; a view where the rows lie at equal distances, else one copy."""
    parts = [x[part] for part in slices_of(rows)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def slices_of(rows: Sequence[int]) -> list[slice]:
    """The rows, in their order, as few slices of rising rows."""
    found: list[slice] = []
    start = 0
    while start < len(rows):
        end, step = start + 1, 1
        if end < len(rows) and rows[end] > rows[start]:
            step = rows[end] - rows[start]
            while end < len(rows) and rows[end] - rows[end - 1] == step:
                end += 1
        found.append(slice(rows[start], rows[end - 1] + 1, step))
        start = end
    return found
