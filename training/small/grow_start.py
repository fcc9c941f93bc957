"""A checkpoint whose networks have grown to a recipe's sizes: what the small model begins as."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.write import write
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig
from training.small.grow_encoder import grown_encoder
from training.small.grow_unet import grown_unet


def grow_start(start: Path, sizes: NetworkConfig, target: Path) -> None:
    """`start` with U-Net and reference encoder grown to `sizes`, as a checkpoint of its own."""
    file = read(start)
    if (file.unet is None or file.sketch_encoder is None or file.reference_encoder is None
            or file.config.reference is None or sizes.reference is None):
        raise ColorizeError(f"{start}: no reference encoder inside; expected a small model of this project")
    parts = {name: state for name in PARTS if (state := getattr(file, name)) is not None}
    parts["unet"], parts["sketch_encoder"] = grown_unet(file.unet, file.sketch_encoder, file.config, sizes)
    parts["reference_encoder"] = grown_encoder(file.reference_encoder, file.config.reference, sizes.reference)
    sized = replace(file.config, unet=sizes.unet, sketch=sizes.sketch, reference=sizes.reference)
    target.parent.mkdir(parents=True, exist_ok=True)
    write(target, parts, replace(file.card, config=sized))
