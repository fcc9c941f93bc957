"""img2img's batch tab: a picture that cannot be coloured is passed over and told, and the rest is done.

The host itself passes over what is no picture; an error of ours would end its whole loop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from modules import img2img, shared

from ....errors import ColorizeError
from .patching import Undo, replace_function

ALIKE = 3  # pictures refused for one reason, and none made: then it is not theirs, and the host hears it at once


@dataclass
class BatchRun:
    """One run of the batch tab. refused: which picture, as the host counts them, and why."""

    made: int = 0
    refused: list[tuple[str, ColorizeError]] = field(default_factory=list)

    def pass_over(self, which: str, error: ColorizeError) -> None:
        """Note it; raises what is no fault of the single picture."""
        self.refused.append((which, error))
        print(f"ColorizeDiffusion: picture {which} passed over: {error}")
        if not self.made and [str(each) for _, each in self.refused[:ALIKE]] == [str(error)] * ALIKE:
            raise error

    def __str__(self) -> str:
        lines = [f"picture {which} passed over: {error}" for which, error in self.refused]
        return "\n".join(("ColorizeDiffusion:", *lines))


BATCH: ContextVar[BatchRun | None] = ContextVar("colorize_batch", default=None)


def watch_batch_tab() -> list[Undo]:
    """From now on errors of ours end one picture of a batch; returns how to undo that."""
    return [replace_function(img2img, "process_batch", _whole), replace_function(img2img, "process_images", _single)]


def _whole(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def process_batch(*args: Any, **kwargs: Any) -> Any:
        run = BatchRun()
        token = BATCH.set(run)
        try:
            results = original(*args, **kwargs)
        finally:
            BATCH.reset(token)
        if not run.refused:
            return results
        if results is None:  # nothing was made, so the page would say nothing
            raise run.refused[-1][1]
        said = getattr(results, "comments", "")
        results.comments = f"{said}\n{run}" if said else str(run)
        return results

    return process_batch


def _single(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def process_images(p: Any, *args: Any, **kwargs: Any) -> Any:
        run = BATCH.get()
        if run is None:
            return original(p, *args, **kwargs)
        try:
            made = original(p, *args, **kwargs)
        except ColorizeError as error:
            run.pass_over(str(shared.state.job), error)
            return None  # of which the host takes no notice
        run.made += 1
        return made

    return process_images
