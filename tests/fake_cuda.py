"""torch.cuda's streams and captures on a machine without a card: which device and stream are current, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Stream:
    device: int
    own: bool = True  # False: the device's default stream

    def wait_stream(self, other: Stream) -> None:
        """In order as they are."""


class FakeCuda:
    """To be put in torch.cuda's place. `captures`: (current device, device of the stream) of each.

    As torch does, `graph` takes a stream of the device that was current first when it is given none, and leaves its
    stream current when ending the capture fails.
    """

    CUDAGraph = staticmethod(type("Graph", (), {"replay": lambda self: None}))
    OutOfMemoryError = torch.cuda.OutOfMemoryError

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.now = fails, Stream(0, False)
        self.captures: list[tuple[int, int]] = []
        self.first: Stream | None = None

    def current_device(self) -> int:
        return self.now.device

    def current_stream(self, device: Any = None) -> Stream:
        index = self.now.device if device is None else _index(device)
        return self.now if index == self.now.device else Stream(index, False)

    def Stream(self, device: Any = None) -> Stream:  # as torch has it
        return Stream(self.now.device if device is None else _index(device))

    def synchronize(self, device: Any = None) -> None:
        """Nothing is under way."""

    def graph_pool_handle(self) -> object:
        return object()

    @contextlib.contextmanager
    def device(self, device: Any) -> Iterator[None]:
        with self.stream(self.current_stream(device)):
            yield

    @contextlib.contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.now = self.now, stream
        try:
            yield
        finally:
            self.now = before

    @contextlib.contextmanager
    def graph(self, graph: Any, pool: Any = None, stream: Stream | None = None, **modes: str) -> Iterator[None]:
        self.first = self.first or self.Stream()
        before, device = self.now, self.now.device
        self.now = stream or self.first
        self.captures.append((device, self.now.device))
        yield
        if self.fails:
            raise RuntimeError("operation failed due to a previous error during capture")
        self.now = before


def _index(device: Any) -> int:
    return device if isinstance(device, int) else torch.device(device).index or 0
