"""What a cache is made from, as hashes, and how large it gets. Whatever changes a number changes the key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.dataset.cache_store import KINDS


@dataclass(frozen=True)
class Networks:
    """The frozen networks whose outputs are cached; None: that output is not."""

    vae: AutoencoderKL | None = None
    reference_encoder: ReferenceEncoder | None = None


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """sha256 of names, dtypes and numbers."""
    found = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        found.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return found.hexdigest()


def keys(samples: str, networks: Networks, dtype: torch.dtype) -> dict[str, dict[str, str]]:
    """Kind -> what makes it, in words and hashes; only of the kinds that are asked for."""
    made = {}
    if networks.vae is not None:
        state = {k: v for k, v in networks.vae.state_dict().items() if k.startswith(("encoder.", "quant_conv."))}
        made["latents"] = {"weights": weights_hash(state), "scale_factor": repr(networks.vae.scale_factor)}
    if networks.reference_encoder is not None:
        made["tokens"] = {"weights": weights_hash(networks.reference_encoder.state_dict()),
                          "image_size": str(networks.reference_encoder.image_size)}
    return {kind: {**made[kind], "samples": samples, "dtype": str(dtype)} for kind in KINDS if kind in made}


def short(key: Mapping[str, str]) -> str:
    """16 digits for the directory's name."""
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:16]


def row_shapes(networks: Networks, size: tuple[int, int]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Kind -> name -> shape of one sample of a bucket, without flips. size: (width, height) in px."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    if networks.vae is not None:
        factor, channels = networks.vae.factor, networks.vae.quant_conv.out_channels // 2
        latent = (channels, size[1] // factor, size[0] // factor)
        shapes["latents"] = {"mean": latent, "std": latent}
    if networks.reference_encoder is not None:
        visual = networks.reference_encoder.visual
        shapes["tokens"] = {"tokens": (len(visual.positional_embedding), visual.proj.shape[1])}
    return shapes
