"""Reference pictures -> their tokens: the encoder is read for new ones, used and freed; the last tokens are kept."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import torch
from PIL import Image
from torch import Tensor

from ..method.reference_encoder import ReferenceEncoder
from ..pictures.images import reference_tensor
from .running import Running

KEPT = 16  # pictures; 1 MB each in full size, at scale 1


class ReferenceTokens:
    """Tokens by what they were made from: the picture's pixels and the scale.

    A picture that the encoder is shown as it is, such as a background without its figure, counts by its values.
    """

    def __init__(self, load: Callable[[], ReferenceEncoder], running: Running) -> None:
        self.load, self._running = load, running
        self._kept: OrderedDict[tuple[str, float], Tensor] = OrderedDict()

    def of(self, references: Sequence[Image.Image], scale: float = 1.0) -> list[Tensor]:
        """All tokens [1, 1 + N, D] of each; scale: as of `ReferenceEncoder`."""
        keys = [(_digest(reference), scale) for reference in references]
        missing = {key: reference for key, reference in zip(keys, references) if key not in self._kept}
        if missing:
            self._make(missing.items())
        found = [self._kept[key] for key in keys]
        for key in keys:
            self._kept.move_to_end(key)
        self._let_go()
        return found

    def make(self, references: Iterable[Image.Image], scale: float = 1.0) -> None:
        """Those of pictures that will be asked for, by one reading of the encoder. Each is asked for when needed."""
        self._make(((_digest(reference), scale), reference) for reference in references)
        self._let_go()

    def of_picture(self, picture: Tensor) -> Tensor:
        """All tokens [1, 1 + N, D] of a picture as the encoder is shown it, [1, 3, h, w] in [-1, 1]."""
        key = (hashlib.sha256(repr(picture.shape).encode() + picture.numpy().tobytes()).hexdigest(), 1.0)
        if key not in self._kept:
            with self._running.precision(self._running.dtype != torch.float32):
                self._kept[key] = self.load()(picture.to(self._running.device))
        self._kept.move_to_end(key)
        found = self._kept[key]
        self._let_go()
        return found

    def _make(self, references: Iterable[tuple[tuple[str, float], Image.Image]]) -> None:
        with self._running.precision(self._running.dtype != torch.float32):
            encoder = self.load()  # once for all of them
            for key, reference in references:
                if key not in self._kept:
                    self._kept[key] = encoder(reference_tensor(reference).to(self._running.device), key[1])
                self._kept.move_to_end(key)

    def _let_go(self) -> None:
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _digest(reference: Image.Image) -> str:
    return hashlib.sha256(repr((reference.mode, reference.size)).encode() + reference.tobytes()).hexdigest()
