"""What is shown while and after a command runs: a progress bar, and lines in whatever encoding the console has."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.engine import Progress


def take_any_text() -> None:
    """From now on a letter that the console's encoding lacks is shown as its number, and is no error.

    A Japanese path on a Western Windows console (cp1252), or a log file of one, is printed as \\u3042.png.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # pythonw has none, a test or a notebook its own
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def bar(quiet: bool, name: str) -> Iterator[Progress | None]:
    """A progress bar on stderr, or None."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit="step", file=sys.stderr, leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress
