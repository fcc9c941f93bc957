"""Which branch and which picture each row of a U-Net call shows, told beside the rows and never in their context.

The host repeats, splits and shortens its batches, and whatever it does to a row it does to that row's image conditions
too: a few numbers that only inpainting networks look at, zeros for ours. They are overwritten where the host has just
built its batch, in an order that is known, and read where a part of it enters the network. The context stays the
tokens that everybody knows, so that another network that is shown it (ControlNet) sees nothing of us.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ....errors import ColorizeError
from ....method.conditioning import Branch

MAGIC = 240.0  # a mark's first number; exact in float16 and bfloat16, as the others are
ORDER = tuple(Branch)
NUMBERS = 3  # of a mark: MAGIC, branch, picture
RUN = "colorize_rows"  # on the denoiser of a coloured run


class Rows:
    """The rows of one sampler's run."""

    def __init__(self, conditions: Sequence[Branch], unconditional: Branch, tokens: Tensor) -> None:
        """conditions: of each picture, in the host's order; tokens: [N, D], as the host gets them."""
        self._conditions, self._unconditional = tuple(conditions), unconditional
        self._tokens = tokens
        self._entered: list[tuple[Branch, int]] | None = None
        self.failure: Exception | None = None  # of `mark`, told by `shown`

    def context(self, branch: Branch) -> Tensor:
        """[N, D]: the context of a row, which everybody may see; zeros for the branch without reference."""
        return torch.zeros_like(self._tokens) if branch is Branch.NO_REFERENCE else self._tokens

    @contextmanager
    def told(self, denoiser: Any, wrapper: nn.Module) -> Iterator[None]:
        """Inside, the batches of this denoiser are marked, and the marks read as `wrapper` is called with them."""
        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._entered = read_marks(kwargs.get("c_concat"))

        setattr(denoiser, RUN, self)
        handle = wrapper.register_forward_pre_hook(before, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()
            vars(denoiser).pop(RUN, None)

    def mark(self, built: Any) -> None:
        """built: the host's batch: conditions of the first picture, of the next, ..., then all unconditionals."""
        pictures = len(built.text_uncond)
        rows = [(branch, i) for i in range(pictures) for branch in self._conditions]
        rows += [(self._unconditional, i) for i in range(pictures)]
        if len(rows) == len(built.x) == len(built.image_cond):  # else somebody has changed the batch: `shown` says so
            built.image_cond = write_marks(built.image_cond, rows)

    def shown(self, context: Tensor) -> list[tuple[Branch, int]]:
        """Branch and picture of each row of the U-Net's call; context: [rows, N, D], others may put more before it.

        ColorizeError when the rows cannot be told, or the conditions are not ours.
        """
        if self.failure is not None:
            raise self.failure
        rows, self._entered = self._entered, None
        if rows is None or len(rows) < len(context):
            raise ColorizeError("the U-Net was called with rows that the sampler did not make, so that sketch and "
                                "reference cannot be told apart; switch off the extension that does, or "
                                "ColorizeDiffusion")
        rows = rows[:len(context)]  # where the host skips the unconditionals it leaves their image conditions
        wanted = torch.stack([self.context(branch) for branch, _ in rows]).to(context)
        if not torch.equal(context[:, -wanted.shape[1]:], wanted):
            raise ColorizeError("the U-Net was given conditions that are not ours; switch off the extension that "
                                "replaces them, or ColorizeDiffusion")
        return rows


def on_batch(built: Any) -> None:
    """The host's callback: it has built a batch, of any run. It prints what is raised here, and samples on."""
    rows = vars(built.denoiser).get(RUN)
    if rows is None:
        return
    try:
        rows.mark(built)
    except Exception as error:
        rows.failure = error


def write_marks(image_cond: Tensor, rows: Sequence[tuple[Branch, int]]) -> Tensor:
    """image_cond: [rows, ...] of 3 numbers each at least -> the same with a mark in each row's first ones."""
    marked = image_cond.clone()
    signs = torch.tensor([[MAGIC, float(ORDER.index(branch)), float(picture)] for branch, picture in rows])
    marked.view(len(rows), -1)[:, :NUMBERS] = signs.to(marked)
    return marked


def read_marks(image_conds: Any) -> list[tuple[Branch, int]] | None:
    """image_conds: the host's list of one [rows, ...] -> branch and picture of every row; None when one has no mark."""
    if not image_conds or image_conds[0][0].numel() < NUMBERS:
        return None
    rows = []
    for magic, branch, picture in image_conds[0].flatten(1)[:, :NUMBERS].float().tolist():
        if magic != MAGIC or branch not in range(len(ORDER)):
            return None
        rows.append((ORDER[int(branch)], int(picture)))
    return rows
