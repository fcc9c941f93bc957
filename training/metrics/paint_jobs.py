"""What can be painted, what of that fits one batch, and what every painter has."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from lib_colorize.method.reference_encoder import ReferenceEncoder, preprocess
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.canvas import Placement
from lib_colorize.pictures.images import reference_tensor, sketch_tensor
from training.metrics.read_ahead import in_threads

_Mark = TypeVar("_Mark")


@dataclass(frozen=True)
class PaintJob:
    """One picture to make."""

    sketch: Image.Image
    reference: Image.Image
    settings: Settings


@dataclass(frozen=True)
class PreparedJob:
    """The same as tensors on the CPU: what can be done beforehand, in another thread."""

    drawing: Tensor  # [1, 3, H, W] in [-1, 1], lines +1 on -1
    reference: Tensor  # [1, 3, h, w] in [-1, 1]
    placement: Placement
    settings: Settings

    @property
    def alike(self) -> tuple[object, ...]:
        """Equal for jobs that can be painted together."""
        return self.drawing.shape, self.settings.with_(seed=0)


class Painter(ABC):
    """A checkpoint, ready to colour."""

    device: torch.device
    dtype: torch.dtype
    encoder: ReferenceEncoder
    resolution: int
    multiple: int  # pixels that a canvas is a multiple of, each way
    square: bool  # those that follow a sketch are squares
    at_once: int = 0  # pictures, when somebody says so; 0 = as many as `fitting` says

    def paint(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> Image.Image:
        """One picture of the sketch's aspect ratio at the checkpoint's own size."""
        picture, = self.paint_together([self.prepare(PaintJob(sketch, reference, settings))])
        return picture

    def paint_many(self, jobs: Sequence[PaintJob]) -> list[Image.Image]:
        """All of them in their order, as many at once as are alike and fit."""
        found: dict[int, Image.Image] = {}
        prepared = ((number, job) for number, job in enumerate(in_threads(self.prepare, jobs)))
        for numbers, batch in self.batches(prepared):
            found |= zip(numbers, self.paint_together(batch))
        return [found[number] for number in range(len(jobs))]

    def prepare(self, job: PaintJob) -> PreparedJob:
        """Asks nothing of a GPU."""
        drawing, placement = sketch_tensor(job.sketch, job.settings, self.resolution, self.multiple, self.square)
        return PreparedJob(drawing, reference_tensor(job.reference), placement, job.settings)

    @abstractmethod
    def paint_together(self, jobs: Sequence[PreparedJob]) -> list[Image.Image]:
        """Pictures of jobs that are alike; in float32 each is within 1/255 of the one made alone."""

    def fitting(self, job: PreparedJob) -> int:
        """How many like this the device takes at once: one on a CPU, where together is no faster."""
        return 1

    def batches(
        self, jobs: Iterable[tuple[_Mark, PreparedJob]],
    ) -> Iterator[tuple[list[_Mark], list[PreparedJob]]]:
        """Marked jobs in batches of those that are alike, each as soon as it is full; what is left over at the end."""
        open_batches: dict[tuple[object, ...], list[tuple[_Mark, PreparedJob]]] = {}
        for mark, job in jobs:
            batch = open_batches.setdefault(job.alike, [])
            batch.append((mark, job))
            if len(batch) >= (self.at_once or self.fitting(job)):
                del open_batches[job.alike]
                yield [mark for mark, _ in batch], [job for _, job in batch]
        for batch in open_batches.values():
            yield [mark for mark, _ in batch], [job for _, job in batch]

    @torch.no_grad()
    def tokens(self, references: Sequence[Tensor]) -> Tensor:
        """References [1, 3, h, w] each -> all tokens [P, 1 + N, D]."""
        sized = [preprocess(reference.to(self.device), self.encoder.image_size) for reference in references]
        weight = next(self.encoder.parameters())
        with self.precision():
            return self.encoder.encode_preprocessed(torch.cat(sized).to(weight.dtype))

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """What networks need that do not compute in their weights' type."""
        return contextlib.nullcontext()
