"""One step of the sampler captured as a CUDA graph and replayed: hundreds of small launches become one.

A graph works on the memory that it was captured with, so that all its inputs are copied in: latent, time, and what it
shows of the conditioning. Graphs outlive a job; another size of picture throws them away, and their memory with them,
and so does a device that is nearly full.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..method.attach import Attachment

KEPT = 4  # graphs at once, all of one shape: with and without the reference, and as many for another setting
Step = Callable[..., Tensor]  # (x, sigma, shifts) -> denoised x
Replay = Callable[[], object]
Capture = Callable[[Callable[[], Tensor], Any], tuple[Tensor, Replay]]  # (what to run, pool) -> its output, replay


def cuda_capture(run: Callable[[], Tensor], pool: Any) -> tuple[Tensor, Replay]:
    """`run` as a CUDA graph on the current device, without running it; other threads may use the device meanwhile."""
    graph, cuda = torch.cuda.CUDAGraph(), torch.cuda
    # the outer one puts things right after a capture that failed, which `graph` leaves on its own stream
    with cuda.stream(cuda.current_stream()), cuda.graph(
            graph, pool=pool, stream=_capture_stream(cuda.current_device()), capture_error_mode="thread_local"):
        output = run()
    return output, graph.replay


@functools.cache
def _capture_stream(device: int) -> Any:
    """One of each device, so that graphs share a pool's memory; torch's own is one for the process, and of the device
    that was current first: on it what runs on another device is not captured, and a replay does nothing.
    """
    make: Any = torch.cuda.Stream
    return make(device)


class StepGraph:
    """A captured step with its own inputs. The step must have run before, so that all it keeps is there."""

    def __init__(
        self, step: Step, inputs: Sequence[Tensor], attachment: Attachment, constants: Sequence[Tensor],
        capture: Capture, pool: Any,
    ) -> None:
        self._inputs = [value.clone() for value in inputs]
        self._constants, self._shown = list(constants), attachment
        self._captured_with = attachment  # its tensors are the graph's
        self._output, self._replay = capture(lambda: step(*self._inputs), pool)

    def __call__(self, inputs: Sequence[Tensor], attachment: Attachment, constants: Sequence[Tensor]) -> Tensor:
        """constants: those of `attachment`, copied in when it is another one than the last time."""
        for own, value in zip(self._inputs, inputs):
            own.copy_(value)
        if attachment is not self._shown:
            for own, value in zip(self._constants, constants):
                own.copy_(value)
            self._shown = attachment
        self._replay()
        return self._output.clone()


class StepGraphs:
    """The graphs of an engine, by what they were captured for."""

    def __init__(self, capture: Capture = cuda_capture) -> None:
        self._capture, self._graphs = capture, dict[Hashable, StepGraph]()
        self._shape: object = None
        self._pool: Any = None
        self._seen: set[Hashable] = set()
        self.problem: Exception | None = None  # why nothing is captured any more

    def run(self, key: Hashable, step: Step, inputs: Sequence[Tensor], attachment: Attachment, rows: int,
            like: Tensor) -> Tensor:
        """step(*inputs): as it is the first time for this key, from the second time on captured.

        key: everything that decides which operators run, but for the inputs' shapes; rows, like: see `constants`.
        """
        shape = tuple(tuple(value.shape) for value in inputs)
        if shape != self._shape:
            self.clear()
            self._shape = shape
        constants = attachment.constants(rows, like)
        key = key, tuple(tuple(value.shape) for value in constants)
        graph = self._graphs.get(key)
        if graph is None and self.problem is None and key in self._seen:
            graph = self._captured(key, step, inputs, attachment, constants)
        self._seen.add(key)
        return step(*inputs) if graph is None else graph(inputs, attachment, constants)

    def _captured(self, key: Hashable, step: Step, inputs: Sequence[Tensor], attachment: Attachment,
                  constants: Sequence[Tensor]) -> StepGraph | None:
        while len(self._graphs) >= KEPT:
            del self._graphs[next(iter(self._graphs))]
        try:
            if self._pool is None and inputs[0].is_cuda:
                self._pool = torch.cuda.graph_pool_handle()
            with torch.cuda.device(inputs[0].device) if inputs[0].is_cuda else contextlib.nullcontext():
                self._graphs[key] = StepGraph(step, inputs, attachment, constants, self._capture, self._pool)
        except Exception as problem:  # an allocator without pools, no memory left, an operator that waits, ...
            logging.getLogger(__name__).info("steps run one operator after the other: %s", problem)
            self.clear()
            self.problem = problem
        return self._graphs.get(key)

    def ease(self, device: torch.device) -> None:
        """After a job: let go of them where memory is short, for decoding and whatever else uses the device."""
        free, total = torch.cuda.mem_get_info(device) if device.type == "cuda" else (1, 1)
        if free < total // 4:
            self.clear()

    def clear(self) -> None:
        """Let go of all graphs and of their memory."""
        self._graphs.clear()
        self._seen.clear()
        self._shape = self._pool = None
