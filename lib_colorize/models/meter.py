"""How far a download has come, told now and then with its speed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

Progress = Callable[[int, "int | None", float], None]  # bytes done, bytes in all if known, bytes a second
PAUSE = 0.2  # seconds between two reports of progress
WINDOW = 5.0  # seconds over which the speed is measured


class TransferMeter:
    """Reports progress now and then, with the speed of the last seconds."""

    def __init__(self, report: Progress | None) -> None:
        self._report = report
        self._total: int | None = None
        self._points: deque[tuple[float, int]] = deque()
        self._last = float("-inf")

    def begin(self, done: int, total: int | None) -> None:
        """A request was answered; what came before does not count into the speed."""
        self._total = total
        self._points.clear()
        self._points.append((time.monotonic(), done))

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= PAUSE:
            self._tell(now, done)

    def end(self, done: int) -> None:
        self._total = done
        self._tell(time.monotonic(), done)

    def _tell(self, now: float, done: int) -> None:
        if self._report is None:
            return
        self._last = now
        self._points.append((now, done))
        while len(self._points) > 2 and now - self._points[0][0] > WINDOW:
            self._points.popleft()
        seconds, before = now - self._points[0][0], self._points[0][1]
        self._report(done, self._total, max(done - before, 0) / seconds if seconds > 0 else 0.0)
