"""Around each call of the U-Net in a run: the conditioning is attached, each row as its own mark says.

It stays attached from one step to the next. A call without marks is another extension's own (reference-only looks at a
picture by one): for it everything is taken off, as for a call that comes to the U-Net past the host's wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from ....method.attach import Attached
from ...sampler_run import SamplerRun
from .marks import Row

ROWS = "colorize_rows"  # of a call: its rows, as `RowMarks` gives them
Call = Callable[[Callable[..., Tensor], dict[str, Any]], Tensor]


class Calls:
    """The U-Net's calls of one run. `progress`: of the coming ones, set where the run has a window."""

    def __init__(self, run: SamplerRun, unet: nn.Module) -> None:
        self.progress = 0.0
        self._run, self._unet = run, unet
        self._open = ExitStack()
        self._attached: Attached | None = None
        self._during_run = self._expected = False
        self._assigned: dict[tuple[Row, ...], tuple[Row, ...]] = {}

    @contextmanager
    def during_run(self) -> Iterator[None]:
        """Inside, what is attached may stay so between calls; afterwards it is off."""
        def before(module: nn.Module, args: Any) -> None:
            if not self._expected:
                self._take_off()

        handle = self._unet.register_forward_pre_hook(before)
        self._during_run = True
        try:
            yield
        finally:
            self._during_run = False
            handle.remove()
            self._take_off()

    def around(self, inner: Call | None) -> Call:
        """The host's wrapper, around that of others: a closure, as the host copies what is not a function."""
        def plain(apply_model: Callable[..., Tensor], args: dict[str, Any]) -> Tensor:
            return inner(apply_model, args) if inner else apply_model(args["input"], args["timestep"], **args["c"])

        def call(apply_model: Callable[..., Tensor], args: dict[str, Any]) -> Tensor:
            c = dict(args["c"])
            rows = c.pop(ROWS, None)
            if rows is None:
                self._take_off()
                return plain(apply_model, args)
            try:
                self._show(rows)
                return plain(apply_model, {**args, "c": c})
            finally:
                self._expected = False
                if not self._during_run:
                    self._take_off()

        return call

    def _show(self, rows: tuple[Row, ...]) -> None:
        if self._attached is None:
            self._attached = self._open.enter_context(self._run.applied())
        if rows not in self._assigned:  # the same object for the same rows, of which `attached` keeps what follows
            self._assigned[rows] = tuple((branch, picture % self._run.pictures) for branch, picture in rows)
        self._attached.assigned, self._attached.progress = self._assigned[rows], self.progress
        self._attached.latents = tuple(picture for _, picture in rows)
        self._expected = True

    def _take_off(self) -> None:
        self._attached = None
        self._open.close()
