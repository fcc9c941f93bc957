"""Watches the scripts of the host's list while they run: which it is, and how the host splits a picture for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from modules import images, scripts

from .patching import Undo, replace_function
from .tiles import RUNNING, ScriptRun


def watch_scripts() -> list[Undo]:
    """From now on `RUNNING` says what runs; returns how to undo that."""
    return [replace_function(scripts.ScriptRunner, "run", _running),
            replace_function(images, "split_grid", _splitting)]


def _running(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(runner: Any, p: Any, *args: Any) -> Any:
        index = args[0] if args else 0
        if not isinstance(index, int) or not 0 < index <= len(runner.selectable_scripts):
            return original(runner, p, *args)
        given = getattr(p, "init_images", None) or [None]
        title = str(runner.selectable_scripts[index - 1].title())
        token = RUNNING.set(ScriptRun(title, given[0], getattr(p, "image_mask", None)))
        try:
            return original(runner, p, *args)
        finally:
            RUNNING.reset(token)

    return run


def _splitting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def split_grid(image: Any, *args: Any, **kwargs: Any) -> Any:
        grid, running = original(image, *args, **kwargs), RUNNING.get()
        if running is not None:
            running.add_grid(image, grid)
        return grid

    return split_grid
