"""A decoded picture of a job, finished; one that cannot be finished stays as the model made it, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image

from ...job import Job
from ...settings import PREFIX
from .layer_saving import add_layers, in_one_line, not_written

NOT_FINISHED = PREFIX + "not finished"  # in a picture's text: why it is as the model made it


def finished_picture(p: Any, job: Job, image: Image.Image, say: Callable[[Any, str], None]) -> Image.Image:
    """What the host goes on with; its layers wait for being saved. say: puts a line under the result."""
    p.extra_generation_params.pop(NOT_FINISHED, None)
    index = getattr(p, "batch_index", 0)
    try:
        result = job.finished(image, index)
    except Exception as error:  # noqa: BLE001 - a picture that was long to wait for is not lost
        problem = in_one_line(error)
        p.extra_generation_params[NOT_FINISHED] = problem
        say(p, f"This picture could not be finished, and is as the model made it: {problem}")
        return job.plain(image, index)
    problem = add_layers(p, result.image, lambda: result.finished.layers())
    if problem:
        say(p, not_written(problem))
    return result.image


class FailedPicture:
    """In the place of a picture that there is not: whatever the host does with it raises the error."""

    def __init__(self, error: Exception) -> None:
        self.__dict__["_error"] = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]
