"""A mark on a host's conditions: which branch and which picture of the batch a row of a U-Net call belongs to.

Hosts split, reorder and pad their batches. One token more at the end of the context says what a row is, wherever it
ends up. Our own attention never looks at the context (attach.py), so the mark itself has no effect.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....errors import ColorizeError
from ....method.conditioning import Branch

MAGIC = 240.0  # the mark's first number; exact in float16 and bfloat16, as the others are
ORDER = tuple(Branch)


def mark(tokens: Tensor, branch: Branch, picture: int) -> Tensor:
    """tokens: [N, D] -> [N + 1, D], the context of one row; zeros for the branch without reference."""
    sign = torch.zeros_like(tokens[:1])
    sign[0, :3] = torch.tensor([MAGIC, float(ORDER.index(branch)), float(picture)], dtype=sign.dtype)
    return torch.cat([torch.zeros_like(tokens) if branch is Branch.NO_REFERENCE else tokens, sign])


def read_marks(context: Tensor) -> list[tuple[Branch, int]]:
    """context: [rows, N + 1, D] -> branch and picture of every row; ColorizeError when a row has no mark."""
    rows = []
    for magic, branch, picture in context[:, -1, :3].float().tolist():
        if magic != MAGIC or branch not in range(len(ORDER)):
            raise ColorizeError("the U-Net was given conditions that are not ours; switch off the extension that "
                                "replaces them, or ColorizeDiffusion")
        rows.append((ORDER[int(branch)], int(picture)))
    return rows
