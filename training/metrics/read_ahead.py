"""Work on the CPU that is done while the main thread waits for something else: in threads, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_In = TypeVar("_In")
_Out = TypeVar("_Out")
MOST_THREADS = 16


def thread_count() -> int:
    """Of the cores that this process may use, shared among the processes of one machine."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return max(1, min(MOST_THREADS, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


def workers() -> ThreadPoolExecutor:
    """Threads in which torch has no threads of its own: there is one for every core already. The caller keeps its."""
    torch.get_num_threads()  # settles the caller's, which would begin with what the threads below set
    return ThreadPoolExecutor(thread_count(), initializer=torch.set_num_threads, initargs=(1,))


def in_threads(work: Callable[[_In], _Out], items: Iterable[_In], ahead: int = 2) -> Iterator[_Out]:
    """`work` of every item, in the items' order; the first error is raised where its result would be.

    ahead: results for each thread that wait at most, so that a slow reader does not fill the memory. Pillow, scipy and
    torch let go of the interpreter in what takes long.
    """
    threads = thread_count()
    with workers() as pool:
        waiting: deque[Future[_Out]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > ahead * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Behind:
    """Work that is handed over and done in threads; `wait` and handing over raise what went wrong before."""

    def __init__(self, pool: ThreadPoolExecutor, limit: int) -> None:
        self._pool, self._limit = pool, limit
        self._waiting: deque[Future[None]] = deque()

    def __call__(self, work: Callable[[], None]) -> None:
        """Waits for the oldest when too many are open, so that memory is bounded."""
        self._waiting.append(self._pool.submit(work))
        while self._waiting and (len(self._waiting) > self._limit or self._waiting[0].done()):
            self._waiting.popleft().result()

    def wait(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


@contextmanager
def behind(limit: int = 64) -> Iterator[Behind]:
    """All that is handed over is done at the end of the `with`, whatever the way out."""
    with workers() as pool:
        handed = Behind(pool, limit)
        yield handed
        handed.wait()
