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
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.dataset.cache_key import weights_hash
from training.dataset.collate import to_tensor
from training.metrics import inception

BATCH = 16


@dataclass(frozen=True)
class Features:
    """A feature network: [H, W] pictures of any size to [D] vectors."""

    name: str  # as the table says it
    source: str  # what the numbers depend on: weights and resizing
    embed: Callable[[list[Image.Image]], Tensor]  # RGB pictures -> [B, D]

    @torch.no_grad()
    def of(self, pictures: Iterable[Image.Image]) -> np.ndarray:
        """[N, D] float32."""
        found, rest = [], iter(pictures)
        while batch := list(islice(rest, BATCH)):
            found.append(self.embed(batch).float().cpu().numpy())
        if not found:
            raise ColorizeError("no pictures to take features of")
        return np.concatenate(found)


def pytorch_fid(weights: Path | None, device: str = "cpu") -> Features:
    """As pytorch-fid: bilinear to 299 x 299 without antialiasing, [-1, 1]."""
    network = inception.load_inception(weights, device)

    def embed(pictures: list[Image.Image]) -> Tensor:
        x = [(to_tensor([picture]) + 1) / 2 for picture in pictures]  # sizes may differ
        sized = [F.interpolate(z, (inception.SIDE, inception.SIDE), mode="bilinear", align_corners=False) for z in x]
        found: Tensor = network(2 * torch.cat(sized).to(device) - 1)
        return found

    return Features("FID", f"pytorch-fid resizing, {_named(weights)}", embed)


def clean_fid(weights: Path | None, device: str = "cpu") -> Features:
    """clean-FID's resizing: Pillow's antialiased bicubic in float, not rounded, and TensorFlow's (x - 128) / 128.

    With pytorch-fid's weights; clean-FID's own file of the same network is TorchScript, which is code.
    """
    network = inception.load_inception(weights, device)

    def embed(pictures: list[Image.Image]) -> Tensor:
        x = torch.from_numpy(np.stack([clean_resize(picture) for picture in pictures])).permute(0, 3, 1, 2)
        found: Tensor = network((x.to(device) - 128) / 128)
        return found

    return Features("clean-FID", f"clean-FID resizing, {_named(weights)}", embed)


def clean_resize(picture: Image.Image) -> np.ndarray:
    """RGB -> [299, 299, 3] float32 in [0, 255]."""
    size = (inception.SIDE, inception.SIDE)
    bands = [Image.fromarray(np.asarray(band, dtype=np.float32)).resize(size, Image.Resampling.BICUBIC)
             for band in picture.split()]
    return np.stack([np.asarray(band).clip(0, 255) for band in bands], axis=2)


def reference_encoder_features(encoder: ReferenceEncoder) -> Features:
    """CLS tokens of the checkpoint's own reference encoder; with CLIP's ViT-H these are CLIP's image features.

    It is named by its weights: checkpoints of many names hold the same one, and of one name different ones.
    """

    def embed(pictures: list[Image.Image]) -> Tensor:
        return torch.cat([encoder(to_tensor([picture]))[:, 0] for picture in pictures])

    return Features("FD (reference encoder)", f"CLS tokens, weights {weights_hash(encoder.state_dict())[:16]}", embed)


def _named(weights: Path | None) -> str:
    return f"{weights.name} sha256 {file_sha256(weights)[:16]}" if weights else "random"


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: [N, D] -> [N] cosine of the angle between rows."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: np.ndarray = (a * b).sum(axis=1) / np.maximum(norms, 1e-12)
    return found
