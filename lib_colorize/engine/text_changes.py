"""Changes of a reference by text, in an engine: the text half is read, used and dropped, its vectors are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

import torch
from torch import Tensor

from ..errors import ColorizeError
from ..method.text.change import Change
from ..method.text.manipulation import changed_tokens
from ..method.text.tower import TextTower
from .running import Running


def no_text_tower() -> NoReturn:
    """Of an engine that was told of none."""
    raise ColorizeError("changes by text need CLIP's text half; load the engine from files, with --text-encoder")


class TextChanges:
    """The texts of one checkpoint's space."""

    def __init__(self, load: Callable[[], TextTower], running: Running) -> None:
        """load: ColorizeError when there is no text half."""
        self._load, self._running = load, running
        self._vectors: dict[str, Tensor] = {}

    def vectors(self, texts: Iterable[str]) -> dict[str, Tensor]:
        """Each text -> its unit vector [D]; a text that was read before costs nothing."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            tower = self._load()
            with self._running.precision(self._running.dtype != torch.float32):
                self._vectors |= tower.embed(new)
        return self._vectors

    def read(self, changes: Iterable[Change]) -> None:
        """Read what the changes say, before anything is computed."""
        self.vectors(text for change in changes for text in change.texts)

    def apply(self, tokens: Tensor, changes: tuple[Change, ...]) -> Tensor:
        """tokens: [1, 1 + N, D], CLS first -> the same, changed."""
        return changed_tokens(tokens, changes, self.vectors(text for each in changes for text in each.texts))
