"""A limit to the time that the experiment takes at once; what is unfinished then goes on by the same command."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 0.5  # s between two reminders: what does not listen yet hears a later one


class OutOfTime(Exception):
    """The limit is reached."""


class TimeLimit:
    """So many minutes from now; None = no limit.

    Training is reminded by the signal that it listens to anyway (`trainer.stop_signal`): it writes a checkpoint and
    leaves the program. Everything else asks by `check` between two pieces of work that are kept.
    """

    def __init__(self, minutes: float | None) -> None:
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def check(self) -> None:
        """OutOfTime when the limit is reached."""
        if self.end is not None and time.monotonic() >= self.end:
            raise OutOfTime

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within it reminders are sent from the limit on, SIGTERM to this process alone; nobody listens = no effect."""
        over = threading.Event()
        reminder = threading.Thread(target=self._remind, args=(over,), daemon=True)
        if self.end is not None:
            reminder.start()
        try:
            yield
        finally:
            over.set()
            if self.end is not None:
                reminder.join()

    def _remind(self, over: threading.Event) -> None:
        assert self.end is not None
        wait = self.end - time.monotonic()
        while not over.wait(max(0.0, wait)):
            _thread.interrupt_main(signal.SIGTERM)
            wait = AGAIN
