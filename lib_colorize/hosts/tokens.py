"""Reference picture -> tokens, in a host: the encoder is read, used and dropped; the last tokens are kept."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..models.encoders import choose_reference_encoder
from ..models.scan import find_reference_encoders
from ..pictures.images import reference_tensor
from .checkpoints import INSIDE, ColorizeFile, reference_encoder
from .host import Host

KEPT = 16  # pictures; 1 MB each in full size


class TokenStore:
    """Tokens by what they were made from: the encoder's file and the picture's pixels."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, str, float], Tensor] = OrderedDict()

    def tokens(self, host: Host, file: ColorizeFile, reference: Image.Image, scale: float = 1.0) -> Tensor:
        """All tokens [1, 1 + N, D] of a reference, CLS first, on the CPU, float32. scale: as of `ReferenceEncoder`."""
        path = encoder_path(host, file)
        pixels = hashlib.sha256(repr((reference.mode, reference.size)).encode() + reference.tobytes()).hexdigest()
        key = (str(path), path.stat().st_mtime_ns, pixels, scale)
        if key not in self._kept:
            self._kept[key] = encoded(host, file, reference_tensor(reference), scale)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


TOKENS = TokenStore()


@torch.no_grad()
def encoded(host: Host, file: ColorizeFile, picture: Tensor, scale: float = 1.0) -> Tensor:
    """All tokens [1, 1 + N, D] of a picture [1, 3, h, w] in [-1, 1], on the CPU, float32."""
    host.show_progress("Encoding the reference")
    path, device = encoder_path(host, file), host.device()
    half = device.type == "cuda"  # 2.5 GB in float32; its tokens differ by half precision's last digits
    encoder = reference_encoder(path, file.config.unet.context_dim, torch.float16 if half else torch.float32)
    host.make_room(encoder)
    tokens: Tensor = encoder.to(device)(picture.to(device), scale).float().cpu()
    host.show_progress("")
    if not bool(torch.isfinite(tokens).all()):
        raise ColorizeError(f"{path}: gives tokens that are not numbers; the file is damaged, fetch it again")
    return tokens


def encoder_path(host: Host, file: ColorizeFile) -> Path:
    """Where the reference encoder of a checkpoint lies; ColorizeError says what is needed when there is none."""
    if file.config.reference is not None:
        return file.path
    folders = host.folders()
    wanted = str(host.option("colorize_reference_encoder", "") or "") or None
    return choose_reference_encoder(
        find_reference_encoders(folders), file.config.unet.context_dim, wanted, folders.own).path


def encoder_note(host: Host, file: ColorizeFile) -> str:
    """The same for people: INSIDE, the file's path, or "" when there is none."""
    try:
        path = encoder_path(host, file)
    except ColorizeError:
        return ""
    return INSIDE if path == file.path else str(path)
