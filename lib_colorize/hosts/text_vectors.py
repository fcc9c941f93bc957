"""Texts -> vectors, in a host: CLIP's text half is found among the reference encoders, read, used and dropped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint.text_half import find_text_file, text_half_needed
from ..errors import ColorizeError
from ..method.text.change import Change
from ..method.text.manipulation import changed_tokens
from ..models.scan import find_reference_encoders
from .checkpoints import ColorizeFile, text_tower
from .host import Host
from .tokens import encoder_path

KEPT = 256  # texts; 4 kB each in full size


class VectorStore:
    """Vectors by the text half's file and the text."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, str], Tensor] = OrderedDict()

    def vectors(self, host: Host, file: ColorizeFile, texts: Iterable[str]) -> dict[str, Tensor]:
        """Each text -> its unit vector [D], on the CPU; ColorizeError when there is no text half for the checkpoint."""
        wanted = list(dict.fromkeys(texts))
        if not wanted:
            return {}
        path = text_path(host, file)
        keys = {text: (str(path), path.stat().st_mtime_ns, text) for text in wanted}
        new = [text for text in wanted if keys[text] not in self._kept]
        if new:
            made = _embed(host, path, file.config.unet.context_dim, new)
            self._kept |= {keys[text]: vector for text, vector in made.items()}
        found = {text: self._kept[key] for text, key in keys.items()}
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found


VECTORS = VectorStore()


def text_path(host: Host, file: ColorizeFile) -> Path:
    """Where the text half for a checkpoint lies: in its reference encoder's file, else in another of that width."""
    width = file.config.unet.context_dim
    encoder = encoder_path(host, file)
    others = [found.path for found in find_reference_encoders(host.folders()) if found.output_dim == width]
    path = find_text_file((encoder, *others), encoder.parent if encoder != file.path else None, width)
    if path is None:
        raise ColorizeError(text_half_needed(width, f"put it into {host.folders().own}"))
    return path


@torch.no_grad()
def _embed(host: Host, path: Path, context_dim: int, texts: Sequence[str]) -> dict[str, Tensor]:
    host.show_progress("Reading the texts")
    device = host.device()
    tower = text_tower(path, context_dim, torch.float16 if device.type == "cuda" else torch.float32)
    host.make_room(tower)
    made = {text: vector.float().cpu() for text, vector in tower.to(device).embed(texts).items()}
    host.show_progress("")
    return made


def after_changes(host: Host, file: ColorizeFile, tokens: Tensor, changes: Sequence[Change]) -> Tensor:
    """tokens: [1, 1 + N, D], CLS first -> the same after the changes."""
    texts = (text for change in changes for text in change.texts)
    return changed_tokens(tokens, changes, VECTORS.vectors(host, file, texts))
