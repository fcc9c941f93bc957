"""What a command shows while it works: a bar, and lines on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..console import one_line

if TYPE_CHECKING:
    from ..engine.engine import Progress


@contextlib.contextmanager
def bar(quiet: bool, name: str) -> Iterator[Progress | None]:
    """On stderr, gone afterwards; None when quiet. name: what is being coloured."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=one_line(name), unit="step", file=sys.stderr, leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress


def tell(line: str) -> None:
    """One line on stderr, if there is one."""
    if line:
        print(one_line(line), file=sys.stderr)
