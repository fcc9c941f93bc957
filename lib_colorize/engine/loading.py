"""A checkpoint file -> its networks, on a device and in a number format, ready for an engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoint.kinds import VARIANTS
from ..checkpoint.read import Checkpoint, read
from ..checkpoint.variant_file import VariantFile
from ..errors import ColorizeError
from ..method.network_config import SketchConfig, VAEConfig
from ..method.reference_encoder import ReferenceEncoder
from ..method.schedule import NoiseSchedule, Prediction, sampled_alphas
from ..method.sketch_encoder import SketchEncoder
from ..method.text.tower import TextTower
from ..method.unet import UNet
from ..method.variants.variant import Variant
from . import networks
from .weights import DTYPES, Files, ReferenceFile, TextFile, named_device


@dataclass(frozen=True)
class LoadedNetworks:
    """What a file holds. prediction: None = the file does not say; load_reference_encoder: reads it anew each time."""

    unet: UNet
    vae: networks.AutoencoderKL
    sketch_encoder: SketchEncoder
    load_reference_encoder: Callable[[], ReferenceEncoder]
    schedule: NoiseSchedule
    prediction: Prediction | None
    resolution: int
    files: Files
    load_text_tower: Callable[[], TextTower]
    variant: Variant
    square: bool


def load_networks(
    checkpoint: str | os.PathLike[str], reference_encoder: str | os.PathLike[str] | None = None,
    prediction: Prediction | None = None, device: str | None = None, dtype: str | None = None,
    text_encoder: str | os.PathLike[str] | None = None,
) -> LoadedNetworks:
    """See `Engine.load`."""
    where = named_device(device)
    number = DTYPES[dtype or ("float16" if where.type == "cuda" else "float32")]
    file = read(checkpoint, ("unet", "vae", "sketch_encoder"), prediction)
    if prediction and file.prediction and file.prediction is not prediction:
        raise ColorizeError(f"{file.path}: its metadata says {file.prediction.value}, you say {prediction.value}; "
                            "leave your word out")
    sizes, sketch = _sizes(file)
    tower = ReferenceFile(file.path, None if reference_encoder is None else Path(reference_encoder), where, number)
    tower.check(file.config)
    files = Files(file.path, tower.path, None if text_encoder is None else Path(text_encoder),
                  file.config.unet.context_dim)
    texts = TextFile(files, where, number)
    unet = networks.load_network(lambda: UNet(file.config.unet), file.unet or {}, "U-Net", where, number)
    vae = networks.load_network(
        lambda: networks.AutoencoderKL(sizes, file.scale_factor), file.vae or {}, "VAE", where)
    encoder = networks.load_network(
        lambda: SketchEncoder(sketch.model_channels, sketch.channel_mult, sketch.in_channels),
        file.sketch_encoder or {}, "sketch encoder", where, number)
    return LoadedNetworks(unet, vae, encoder, tower.load, NoiseSchedule(sampled_alphas(**asdict(file.schedule))),
                    file.prediction, file.resolution, files, texts.load, _variant(file, where, number),
                    file.card.square)


def _variant(file: Checkpoint, device: torch.device, dtype: torch.dtype) -> Variant:
    """What v1.5 and v2 have more. Of one type throughout, norms too, which sum in float32 all the same."""

    def build(make: Callable[[], nn.Module], state: dict[str, Tensor], what: str) -> nn.Module:
        return networks.load_network(make, state, what, device, dtype).to(dtype)

    return VariantFile(file.path, VARIANTS[file.kind], file.config.unet, build).variant().to(device, dtype)


def _sizes(file: Checkpoint) -> tuple[VAEConfig, SketchConfig]:
    if file.vae is None or file.config.vae is None or file.sketch_encoder is None or file.config.sketch is None:
        raise ColorizeError(f"{file.path}: has no VAE (first_stage_model.*) inside; use the released file itself")
    return file.config.vae, file.config.sketch
