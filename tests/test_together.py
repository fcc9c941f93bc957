"""The pictures of a batch in parts: all of them, in order, and fewer at once where memory is short."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from lib_colorize.engine.together import in_parts
from lib_colorize.method.settings import Settings

JOBS = [Settings(seed=seed) for seed in range(7)]


class Device:
    """Holds a number of pictures."""

    def __init__(self, room: int) -> None:
        self.room, self.tried, self.emptied = room, list[int](), 0

    def sample(self, part: Sequence[Settings], before: int) -> torch.Tensor:
        assert part[0].seed == before
        self.tried.append(len(part))
        if len(part) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return torch.tensor([float(job.seed) for job in part])[:, None]

    def make_room(self) -> None:
        self.emptied += 1


@pytest.mark.parametrize(("room", "count", "tried"), (
    (9, 3, [3, 3, 1]), (9, 16, [7]), (2, 5, [5, 2, 2, 2, 1]), (1, 4, [4, 2, 1, 1, 1, 1, 1, 1, 1])))
def test_every_picture_comes_once_and_in_order(room: int, count: int, tried: list[int]) -> None:
    device = Device(room)
    latents = list(in_parts(JOBS, count, device.sample, device.make_room))
    assert [float(latent) for latent in latents] == [job.seed for job in JOBS]
    assert [latent.shape for latent in latents] == [(1, 1)] * len(JOBS)
    assert device.tried == tried and device.emptied == len([size for size in tried if size > room])


def test_what_does_not_fit_alone_is_an_error() -> None:
    device = Device(0)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        list(in_parts(JOBS, 2, device.sample, device.make_room))
    assert device.tried == [2, 1]
