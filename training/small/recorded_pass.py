"""The same pass over tensors of the same sizes, recorded once as a CUDA graph: narrow networks wait for launches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from training.trainer.captured import record_graph
from training.trainer.transfer import stored_once


class RecordedPass:
    """one(*tensors) -> losses, and gradients in the parameters. Without a GPU, or where recording fails, it is called.

    The losses are of this call until the next one; nobody else may clear the gradients.
    """

    def __init__(self, one: Callable[..., Tensor], parameters: Sequence[nn.Parameter], device: torch.device) -> None:
        self.one, self.parameters, self.wanted, self.device = one, list(parameters), device.type == "cuda", device
        self.replay: Callable[[], object] | None = None
        self.inputs: list[Tensor] = []
        self.losses: Tensor | None = None

    def __call__(self, *given: Tensor) -> Tensor:
        if self.wanted and self.replay is None:
            try:
                self._record(given)
            except RuntimeError as error:
                torch.cuda.synchronize(self.device)
                self.replay, self.wanted = None, False
                print(f"not recorded, and so slower: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        if self.replay is None or self.losses is None:
            self._clear()
            return self.one(*given)
        for own, new in zip(self.inputs, given, strict=True):
            stored_once(own).copy_(stored_once(new), non_blocking=True)
        self.replay()
        return self.losses.clone()

    def _record(self, given: Sequence[Tensor]) -> None:
        inputs = self.inputs = [stored_once(tensor).clone().expand(tensor.shape) for tensor in given]
        self.replay, self.losses = record_graph(lambda: self.one(*inputs), self._clear, self.device)

    def _clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None
