"""Forward and backward pass as one CUDA graph: narrow networks on small windows are bound by launches, not by the GPU.

A graph is made for a stage and sizes of tensors, and thrown away when another comes. It reads its inputs from, and
leaves gradients and losses in, tensors of its own.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from lib_colorize.engine.step_graph import cuda_capture
from training.trainer.compiling import is_narrow
from training.trainer.frozen_encoders import Encoded
from training.trainer.random_draws import Draws
from training.trainer.recipe import Recipe
from training.trainer.transfer import changed, stored_once

Pass = Callable[[Encoded, Draws, Tensor, int], Tensor]  # of a stage by number: weighted losses backward -> losses [B]
Given = tuple[Encoded, Draws, Tensor]
Recorder = Callable[[Callable[[], Tensor], Callable[[], None]], tuple[Callable[[], object], Tensor]]
WARM_UP = 3  # passes before the recording: compilation, and the choice of kernels


def wants_capture(recipe: Recipe, accelerator: Accelerator, trained: Sequence[nn.Parameter]) -> bool:
    """run.capture, or where it says nothing: for a narrow network whose batches are of one size, where it can be."""
    possible = (accelerator.device.type == "cuda" and accelerator.num_processes == 1 and accelerator.scaler is None
                and accelerator.gradient_accumulation_steps == 1)
    if recipe.run.capture is not None:
        return possible and recipe.run.capture
    return possible and not recipe.data.buckets and is_narrow(trained)


class CapturedPass:
    """A `Pass` that is recorded; for whole steps of one part, without a gradient scaler.

    Where recording fails, one line says so, and every pass is launched again.
    """

    def __init__(self, one: Pass, parameters: Sequence[nn.Parameter], record: Recorder | None = None) -> None:
        """record: as `record_graph`, on the parameters' device if it is that one."""
        self.one, self.parameters = one, parameters
        self.record = record or functools.partial(record_graph, device=parameters[0].device)
        self.fails = False
        self._forget()

    def _forget(self) -> None:
        self.made_for: object = None
        self.inputs: Given | None = None
        self.replay: Callable[[], object] | None = None
        self.losses: Tensor | None = None
        self.gradients: list[Tensor | None] = []

    def __call__(self, encoded: Encoded, draws: Draws, weights: Tensor, stage: int) -> Tensor:
        """Losses [B] of this call, until the next one; gradients are in the parameters, those of before are gone."""
        if self.fails:
            return self.one(encoded, draws, weights, stage)
        given = encoded, draws, weights
        made_for = (stage, *((x.shape, x.dtype) for x in _tensors(given)))
        if made_for != self.made_for:
            self._forget()
            try:
                self._record(given, stage)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                print(f"not recorded as a CUDA graph, and so slower: {str(error).splitlines()[0]}", file=sys.stderr)
                self.fails = True
                self._forget()
                self._clear()
                return self.one(encoded, draws, weights, stage)
            self.made_for = made_for
        assert self.replay is not None and self.inputs is not None and self.losses is not None
        for own, new in zip(_tensors(self.inputs), _tensors(given)):
            stored_once(own).copy_(stored_once(new), non_blocking=True)
        self.replay()
        for parameter, gradient in zip(self.parameters, self.gradients):
            parameter.grad = gradient
        return self.losses

    def _record(self, given: Given, stage: int) -> None:
        encoded, draws, weights = given
        inputs = self.inputs = changed(encoded, _own), changed(draws, _own), _own(weights)
        self.replay, self.losses = self.record(lambda: self.one(*inputs, stage).detach(), self._clear)
        self.gradients = [parameter.grad for parameter in self.parameters]

    def _clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


def record_graph(
    run: Callable[[], Tensor], clear: Callable[[], None], device: torch.device,
) -> tuple[Callable[[], object], Tensor]:
    """Run it a few times, then record it: what replays it, and the tensor that each replay fills anew.

    clear: takes away what a run leaves behind, so that the recorded one makes it anew, in memory of the graph.
    """
    with torch.cuda.device(device):
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch says no types
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                clear()
                run()
        torch.cuda.current_stream().wait_stream(side)
        clear()
        filled, replay = cuda_capture(run, None)
    return replay, filled


def _own(tensor: Tensor) -> Tensor:
    return stored_once(tensor).clone().expand(tensor.shape)


def _tensors(given: Given) -> list[Tensor]:
    encoded, draws, weights = given
    return [weights, *(getattr(group, field.name) for group in (encoded, draws) for field in fields(group))]
