"""Pictures to feature vectors: what a Frechet distance is taken over. One registry, so that a network can be added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder, preprocess
from training.dataset.cache_key import weights_hash
from training.dataset.collate import to_tensor
from training.metrics import inception
from training.metrics.read_ahead import in_threads

BATCH = 16


@dataclass(frozen=True)
class Features:
    """A feature network: [H, W] pictures of any size to [D] vectors."""

    name: str  # as the table says it
    source: str  # what the numbers depend on: weights and resizing
    prepare: Callable[[Image.Image], Tensor]  # RGB picture -> what the network takes of it, [1, ...]; run in threads
    embed: Callable[[Tensor], Tensor]  # [B, ...] of these -> [B, D], on any device

    @torch.no_grad()
    def of(self, pictures: Iterable[Image.Image]) -> np.ndarray:
        """[N, D] float32."""
        found, rest = [], in_threads(self.prepare, pictures)
        while batch := list(islice(rest, BATCH)):
            found.append(self.embed(torch.cat(batch)).float().cpu().numpy())
        if not found:
            raise ColorizeError("no pictures to take features of")
        return np.concatenate(found)


def pytorch_fid(weights: Path | None, device: str = "cpu") -> Features:
    """As pytorch-fid: bilinear to 299 x 299 without antialiasing, [-1, 1]."""
    network = inception.load_inception(weights, device)

    def prepare(picture: Image.Image) -> Tensor:
        x = (to_tensor([picture]) + 1) / 2
        return 2 * F.interpolate(x, (inception.SIDE, inception.SIDE), mode="bilinear", align_corners=False) - 1

    return Features("FID", f"pytorch-fid resizing, {_named(weights)}", prepare, lambda x: network(x.to(device)))


def clean_fid(weights: Path | None, device: str = "cpu") -> Features:
    """clean-FID's resizing: Pillow's antialiased bicubic in float, not rounded, and TensorFlow's (x - 128) / 128.

    With pytorch-fid's weights; clean-FID's own file of the same network is TorchScript, which is code.
    """
    network = inception.load_inception(weights, device)

    def prepare(picture: Image.Image) -> Tensor:
        return torch.from_numpy(clean_resize(picture)).permute(2, 0, 1)[None]

    return Features("clean-FID", f"clean-FID resizing, {_named(weights)}", prepare,
                    lambda x: network((x.to(device) - 128) / 128))


def clean_resize(picture: Image.Image) -> np.ndarray:
    """RGB -> [299, 299, 3] float32 in [0, 255]."""
    size = (inception.SIDE, inception.SIDE)
    bands = [Image.fromarray(np.asarray(band, dtype=np.float32)).resize(size, Image.Resampling.BICUBIC)
             for band in picture.split()]
    return np.stack([np.asarray(band).clip(0, 255) for band in bands], axis=2)


def reference_encoder_features(encoder: ReferenceEncoder) -> Features:
    """CLS tokens of the checkpoint's own reference encoder; with CLIP's ViT-H these are CLIP's image features.

    It is named by its weights: checkpoints of many names hold the same one, and of one name different ones. Give it in
    float32, for the name and for the numbers.
    """
    weight = next(encoder.parameters())

    def prepare(picture: Image.Image) -> Tensor:
        return preprocess(to_tensor([picture]), encoder.image_size)

    def embed(x: Tensor) -> Tensor:
        return encoder.encode_preprocessed(x.to(weight))[:, 0]

    source = f"CLS tokens, weights {weights_hash(encoder.state_dict())[:16]}"
    return Features("FD (reference encoder)", source, prepare, embed)


def _named(weights: Path | None) -> str:
    return f"{weights.name} sha256 {file_sha256(weights)[:16]}" if weights else "random"


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: [N, D] -> [N] cosine of the angle between rows."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: np.ndarray = (a * b).sum(axis=1) / np.maximum(norms, 1e-12)
    return found
