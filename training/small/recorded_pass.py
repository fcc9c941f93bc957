"""The same pass over tensors of the same sizes, recorded once as a CUDA graph: narrow networks wait for launches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from training.trainer.transfer import stored_once

WARM_UP = 3  # passes before the recording: the choice of kernels


class RecordedPass:
    """one(*tensors) -> losses, and gradients in the parameters. Without a GPU, or where recording fails, it is called.

    The losses are of this call until the next one; nobody else may clear the gradients.
    """

    def __init__(self, one: Callable[..., Tensor], parameters: Sequence[nn.Parameter], device: torch.device) -> None:
        self.one, self.parameters, self.wanted, self.device = one, list(parameters), device.type == "cuda", device
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.losses: Tensor | None = None

    def __call__(self, *given: Tensor) -> Tensor:
        if self.wanted and self.graph is None:
            try:
                # a graph is of the current device's streams: on another one nothing would be recorded. And a capture
                # that fails would leave its stream the current one.
                with torch.cuda.device(self.device), torch.cuda.stream(torch.cuda.current_stream(self.device)):
                    self._record(given)
            except RuntimeError as error:
                torch.cuda.synchronize(self.device)
                self.graph, self.wanted = None, False
                print(f"not recorded, and so slower: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        if self.graph is None or self.losses is None:
            self._clear()
            return self.one(*given)
        for own, new in zip(self.inputs, given, strict=True):
            stored_once(own).copy_(stored_once(new), non_blocking=True)
        self.graph.replay()
        return self.losses.clone()

    def _record(self, given: Sequence[Tensor]) -> None:
        self.inputs = [stored_once(tensor).clone().expand(tensor.shape) for tensor in given]
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch says no types
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._clear()
                self.one(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._clear()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=side):  # torch's own is of the device that was current first
            self.losses = self.one(*self.inputs)
        self.graph = graph

    def _clear(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None
