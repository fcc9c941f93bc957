"""Which branch and which picture each row of a U-Net call shows, told beside the rows and never in their context.

The host repeats, splits and shortens its batches, and whatever it does to a row it does to that row's image conditions
too: a few numbers that only inpainting networks look at, zeros for ours. They are replaced where the host has just
built its batch, in an order that is known, by numbers of ours, and recognised where a part of them enters the network:
by their place in memory, so that nobody waits for the device. Only where somebody has copied them are they read. The
context stays the tokens that everybody knows, so that another network that is shown it (ControlNet) sees nothing of us.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ....errors import ColorizeError
from ....method.conditioning import Branch
from .marks import Row, first_row, read_marks, write_marks

RUN = "colorize_rows"  # on the denoiser of a coloured run


class Rows:
    """The rows of one sampler's run."""

    def __init__(
        self, conditions: Sequence[Branch], unconditional: Branch, tokens: Tensor, dtype: torch.dtype | None = None,
    ) -> None:
        """conditions: of each picture, in the host's order; tokens: [N, D], as the host gets them; dtype: to which the
        host casts a call's image conditions, None = to none.
        """
        self._conditions, self._unconditional = tuple(conditions), unconditional
        self._tokens, self._dtype = tokens, dtype
        self._written: dict[object, tuple[tuple[Row, ...], Tensor, int]] = {}
        self._contexts: dict[object, Tensor] = {}
        self._entered: tuple[Row, ...] | None = None
        self._differences: list[Tensor] = []  # of each call's conditions from ours, on the device
        self._asked = False
        self.failure: Exception | None = None  # of `mark`, told by `shown`

    def context(self, branch: Branch) -> Tensor:
        """[N, D]: the context of a row, which everybody may see; zeros for the branch without reference."""
        return torch.zeros_like(self._tokens) if branch is Branch.NO_REFERENCE else self._tokens

    @contextmanager
    def told(self, denoiser: Any, wrapper: nn.Module) -> Iterator[None]:
        """Inside, the batches of this denoiser are marked, and the marks told as `wrapper` is called with them.

        ColorizeError at the end when a call was given conditions that are not ours.
        """
        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._entered = self._told_by(kwargs.get("c_concat"))

        setattr(denoiser, RUN, self)
        handle = wrapper.register_forward_pre_hook(before, with_kwargs=True)
        try:
            yield
            self._require_ours()
        finally:
            handle.remove()
            vars(denoiser).pop(RUN, None)

    def mark(self, built: Any) -> None:
        """built: the host's batch: conditions of the first picture, of the next, ..., then all unconditionals."""
        pictures = len(built.text_uncond)
        rows = [(branch, i) for i in range(pictures) for branch in self._conditions]
        rows += [(self._unconditional, i) for i in range(pictures)]
        if len(rows) == len(built.x) == len(built.image_cond):  # else somebody has changed the batch: `shown` says so
            built.image_cond = self._marked(built.image_cond, tuple(rows))

    def _marked(self, image_cond: Tensor, rows: tuple[Row, ...]) -> Tensor:
        """As `write_marks`, the same tensor at every step."""
        key = (rows, image_cond.shape, image_cond.dtype, image_cond.device)
        _, kept, version = self._written.get(key, (rows, None, 0))
        if kept is None or kept._version != version:  # somebody has written into it
            kept = write_marks(image_cond, rows, self._dtype)
            self._written[key] = rows, kept, kept._version
        return kept

    def _told_by(self, image_conds: Any) -> tuple[Row, ...] | None:
        """As `read_marks`, without a look at the device where they are still the numbers that were written."""
        for rows, written, version in self._written.values() if image_conds else ():
            first = first_row(image_conds[0], written)
            if first is not None and written._version == version:
                return rows[first:first + len(image_conds[0])]
        return read_marks(image_conds)

    def shown(self, context: Tensor) -> tuple[Row, ...]:
        """Branch and picture of each row of the U-Net's call; context: [rows, N, D], others may put more before it.

        ColorizeError when the rows cannot be told, or the conditions are not ours: at the first call of a run, later
        ones are compared on the device and told when the run ends.
        """
        if self.failure is not None:
            raise self.failure
        rows, self._entered = self._entered, None
        if rows is None or len(rows) < len(context):
            raise ColorizeError("the U-Net was called with rows that the sampler did not make, so that sketch and "
                                "reference cannot be told apart; switch off the extension that does, or "
                                "ColorizeDiffusion")
        rows = rows[:len(context)]  # where the host skips the unconditionals it leaves their image conditions
        wanted = self._wanted(tuple(branch for branch, _ in rows), context)
        given = context[:, -wanted.shape[1]:]
        if given.shape != wanted.shape:
            raise _not_ours()
        self._differences.append((given != wanted).any())
        if not self._asked:
            self._require_ours()
        return rows

    def _wanted(self, branches: tuple[Branch, ...], like: Tensor) -> Tensor:
        """[rows, N, D]: the contexts of such rows, in the dtype and on the device of a call's."""
        key = (branches, like.dtype, like.device)
        if key not in self._contexts:
            self._contexts[key] = torch.stack([self.context(branch) for branch in branches]).to(like)
        return self._contexts[key]

    def _require_ours(self) -> None:
        """Waits for the device, where something was noted."""
        noted, self._differences = self._differences, []
        if noted:
            self._asked = True
            if bool(torch.stack(noted).any()):
                raise _not_ours()


def _not_ours() -> ColorizeError:
    return ColorizeError("the U-Net was given conditions that are not ours; switch off the extension that replaces "
                         "them, or ColorizeDiffusion")


def on_batch(built: Any) -> None:
    """The host's callback: it has built a batch, of any run. It prints what is raised here, and samples on."""
    rows = vars(built.denoiser).get(RUN)
    if rows is None:
        return
    try:
        rows.mark(built)
    except Exception as error:
        rows.failure = error
