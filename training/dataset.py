"""Training samples from the arrays of build_data.py and cached latents; each a pure function of (seed, step)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lib_colorize.standalone.networks import AutoencoderKL


@dataclass(frozen=True)
class Batch:
    """mean, std: [B, 4, h, w] of the scaled latent; sketch: [B, 3, H, W], lines +1 on -1; reference: [B, 3, S, S]."""

    mean: Tensor
    std: Tensor
    sketch: Tensor
    reference: Tensor


def to_tensor(pictures: np.ndarray) -> Tensor:
    """[B, H, W, 3] uint8 -> [B, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


class PairDataset:
    """The pictures of one folder with the latents of one VAE."""

    def __init__(self, folder: Path, vae: AutoencoderKL, limit: int | None = None) -> None:
        self.color = np.load(folder / "color.npy", mmap_mode="r")
        self.sketch = np.load(folder / "sketch.npy", mmap_mode="r")
        order = np.random.default_rng(0).permutation(len(self.color))  # any prefix is a fair sample
        self.chosen = np.sort(order[:limit])
        self.factor = vae.factor  # pixels of a picture per pixel of a latent
        self.mean, self.std = self._latents(folder, vae)

    def _latents(self, folder: Path, vae: AutoencoderKL) -> tuple[np.ndarray, np.ndarray]:
        """Posterior means and standard deviations, scaled; cached beside the pictures under what made them."""
        digest = hashlib.sha256()
        encoder = {k: v for k, v in vae.state_dict().items() if k.startswith(("encoder.", "quant_conv."))}
        for key in sorted(encoder):
            digest.update(key.encode() + encoder[key].contiguous().numpy().tobytes())
        digest.update((folder / "index.json").read_bytes() + self.chosen.tobytes())
        cache = folder / f"latents-{digest.hexdigest()[:16]}.npz"
        if cache.exists():
            stored = np.load(cache)
            return stored["mean"], stored["std"]
        means, stds = [], []
        with torch.no_grad():
            for part in np.array_split(self.chosen, max(1, len(self.chosen) // 32)):
                mean, logvar = vae.encode(to_tensor(self.color[part]))
                means.append((vae.scale_factor * mean).numpy())
                stds.append((vae.scale_factor * (0.5 * logvar).exp()).numpy())
        mean, std = np.concatenate(means), np.concatenate(stds)
        np.savez(cache.with_name(f"unfinished-{cache.name}"), mean=mean, std=std)
        cache.with_name(f"unfinished-{cache.name}").replace(cache)
        return mean, std

    def __len__(self) -> int:
        return len(self.chosen)

    def batch(self, step: int, seed: int, count: int, window: int = 0) -> Batch:
        """`count` samples; window > 0: a random window of so many pixels of both (a multiple of `factor`).

        The reference is the ground truth, whole and undeformed (section 4.1).
        """
        rng = np.random.default_rng((seed, step))
        rows = rng.integers(0, len(self), count)
        index = self.chosen[rows]
        mean, std, sketch = self.mean[rows], self.std[rows], np.stack([self.sketch[i] for i in index])
        if window:
            factor = self.factor
            size, places = window // factor, self.mean.shape[-1] - window // factor + 1
            corners = rng.integers(0, places, (count, 2))
            mean, std = (np.stack([z[i, :, y:y + size, x:x + size] for i, (y, x) in enumerate(corners)])
                         for z in (mean, std))
            sketch = np.stack([sketch[i, factor * y:factor * y + window, factor * x:factor * x + window]
                               for i, (y, x) in enumerate(corners)])
        lines = 1 - torch.from_numpy(sketch).float() / 127.5  # black lines on white -> +1 on -1
        return Batch(torch.from_numpy(mean), torch.from_numpy(std), lines[:, None].expand(-1, 3, -1, -1),
                     to_tensor(np.stack([self.color[i] for i in index])))
