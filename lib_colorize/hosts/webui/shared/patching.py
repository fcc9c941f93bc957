"""Replace one function of a host's module, and put it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Undo = Callable[[], None]
MARK = "colorize_replaces"  # on a replacement: what was there before


def replace_function(
    owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> Undo:
    """Sets owner.name to make(what is there); returns how to undo that.

    A replacement of ours from before a reload of the WebUI's scripts is taken off first. Undoing leaves alone what
    somebody else has put over ours since.
    """
    current = getattr(owner, name)
    original = getattr(current, MARK, current)
    replacement = make(original)
    setattr(replacement, MARK, original)
    setattr(owner, name, replacement)

    def undo() -> None:
        if getattr(owner, name) is replacement:
            setattr(owner, name, original)

    return undo
