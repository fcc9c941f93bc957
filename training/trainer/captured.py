"""Forward and backward pass as one CUDA graph: narrow networks on small windows are bound by launches, not by the GPU.

A graph is made for a stage and sizes of tensors, and thrown away when another comes. It reads its inputs from, and
leaves gradients and losses in, tensors of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from training.trainer.frozen_encoders import Encoded
from training.trainer.random_draws import Draws
from training.trainer.transfer import changed, stored_once

Pass = Callable[[Encoded, Draws, Tensor, int], Tensor]  # of a stage by number: weighted losses backward -> losses [B]
WARM_UP = 3  # passes before the recording: compilation, and the choice of kernels


class CapturedPass:
    """A `Pass` that is recorded; for whole steps of one part, without a gradient scaler."""

    def __init__(self, one: Pass, parameters: Sequence[nn.Parameter]) -> None:
        self.one, self.parameters = one, parameters
        self.made_for: object = None
        self._forget()

    def _forget(self) -> None:
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: tuple[Encoded, Draws, Tensor] | None = None
        self.losses: Tensor | None = None
        self.gradients: list[Tensor | None] = []

    def __call__(self, encoded: Encoded, draws: Draws, weights: Tensor, stage: int) -> Tensor:
        """Losses [B] of this call, until the next one; gradients are in the parameters."""
        given = encoded, draws, weights
        made_for = (stage, *((x.shape, x.dtype) for x in _tensors(given)))
        if made_for != self.made_for:
            self._forget()
            self._record(given, stage)
            self.made_for = made_for
        assert self.graph is not None and self.inputs is not None and self.losses is not None
        for own, new in zip(_tensors(self.inputs), _tensors(given)):
            stored_once(own).copy_(stored_once(new), non_blocking=True)
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients):
            parameter.grad = gradient
        return self.losses

    def _record(self, given: tuple[Encoded, Draws, Tensor], stage: int) -> None:
        encoded, draws, weights = given
        self.inputs = changed(encoded, _own), changed(draws, _own), _own(weights)
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch says no types
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._clear()
                self.one(*self.inputs, stage)
        torch.cuda.current_stream().wait_stream(side)
        self._clear()
        torch.cuda.empty_cache()  # what the first passes took; the graph has memory of its own
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):  # a DataLoader pins memory meanwhile
            self.losses = self.one(*self.inputs, stage).detach()
        self.gradients = [parameter.grad for parameter in self.parameters]

    def _clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


def _own(tensor: Tensor) -> Tensor:
    return stored_once(tensor).clone().expand(tensor.shape)


def _tensors(given: tuple[Any, ...]) -> list[Tensor]:
    found = [given[2]]
    for group in given[:2]:
        found += [getattr(group, field.name) for field in fields(group)]
    return found
