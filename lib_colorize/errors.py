"""The one error type that a user sees, and what its sentences say of what was found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class ColorizeError(ValueError):
    """A wrong input: one line that says what was found, what was expected and what to do.

    Every border of the package (pictures, settings, checkpoints) raises this type and nothing else for bad
    input, so that a command line can print it and exit with 2, and a host can show it in the page.
    """


def shortened(value: Any) -> str:
    """What was found, for an error: at most 60 letters of it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:50] + "..."


def most_like(name: str, known: Iterable[str]) -> str:
    """Of many names the three nearest to one that is unknown, for an error that would else list them all."""
    return ", ".join(difflib.get_close_matches(name[:60], list(known), 3, 0.0))
