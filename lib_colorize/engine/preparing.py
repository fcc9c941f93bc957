"""Pictures and settings -> what the U-Net is shown: canvas, tokens, hints. Encoders are read, used and dropped here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.conditioning import Conditioning, encode
from ..method.reference_encoder import ReferenceEncoder
from ..method.settings import Settings
from ..method.shown_tokens import shown_tokens
from ..method.sketch_encoder import SketchEncoder
from ..method.text.tower import TextTower
from ..pictures.canvas import Placement
from ..pictures.extras import Extras
from ..pictures.images import reference_tensor, sketch_tensor
from .running import Running
from .text_changes import TextChanges


@dataclass(frozen=True)
class Prepared:
    """One job's conditioning, its canvas in pixels (H, W), and where the wanted picture lies on it."""

    conditioning: Conditioning
    canvas: tuple[int, int]
    placement: Placement


class Preparing:
    """The encoders of one checkpoint."""

    def __init__(
        self, sketch_encoder: SketchEncoder, load_reference_encoder: Callable[[], ReferenceEncoder],
        running: Running, resolution: int, multiple: int, load_text_tower: Callable[[], TextTower],
    ) -> None:
        """load_reference_encoder: called for each new reference; multiple: of a canvas' sides, in pixels.

        load_text_tower: called for texts that were not read before; ColorizeError when there is none.
        """
        self.sketch_encoder, self.load_reference_encoder = sketch_encoder, load_reference_encoder
        self.running, self.resolution, self.multiple = running, resolution, multiple
        self.texts = TextChanges(load_text_tower, running)
        self._last_reference: tuple[str, Tensor] | None = None

    def prepare(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, extras: Extras,
    ) -> Prepared:
        """ColorizeError for what cannot be coloured, before anything is computed."""
        drawing, placement = sketch_tensor(sketch, settings, self.resolution, self.multiple)
        changes = settings.changes()
        if changes and reference is None:
            raise ColorizeError("changes by text: there is no reference to change; name one, or leave the texts out")
        self.texts.read(changes)
        tokens = None if reference is None else self.texts.apply(self.tokens(reference), changes)
        conditioning = self.condition(drawing, tokens, settings)
        return Prepared(conditioning, (drawing.shape[2], drawing.shape[3]), placement)

    def tokens(self, reference: Image.Image) -> Tensor:
        """All tokens [1, 1 + N, D] of a reference; kept until the next one, the encoder itself is freed."""
        key = hashlib.sha256(repr((reference.mode, reference.size)).encode() + reference.tobytes()).hexdigest()
        if self._last_reference is None or self._last_reference[0] != key:
            with self.running.precision(self.running.dtype != torch.float32):
                tokens = self.load_reference_encoder()(reference_tensor(reference).to(self.running.device))
            self._last_reference = (key, tokens)
        return self._last_reference[1]

    def condition(self, sketch: Tensor, tokens: Tensor | None, settings: Settings) -> Conditioning:
        """sketch: [1, 3, H, W] in [-1, 1], lines +1 on -1; tokens: [1, 1 + N, D] of `tokens`."""
        with self.running.precision():
            shown = None if tokens is None else shown_tokens(tokens)
            return encode(self.sketch_encoder, sketch.to(self.running.device), shown, settings)
