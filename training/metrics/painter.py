"""Colour many sketches by many references: the engine, with its reference encoder kept loaded."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lib_colorize.checkpoint.read import read_reference_encoder
from lib_colorize.images import crop_back, reference_tensor, sketch_tensor, to_image
from lib_colorize.reference_encoder import ReferenceEncoder
from lib_colorize.settings import Settings
from lib_colorize.standalone import networks
from lib_colorize.standalone.engine import Engine


class Painter:
    """`Engine.colorize` without its reloading: that is made for a few references on a small card."""

    def __init__(self, checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> None:
        self.engine = Engine.load(checkpoint, reference_encoder, device=device, dtype=dtype)
        self.encoder = load_encoder(reference_encoder or checkpoint, str(self.engine.device), self.engine.dtype)

    @torch.no_grad()
    def tokens(self, reference: Image.Image) -> Tensor:
        """All tokens [1, 1 + N, D]."""
        with torch.autocast(self.engine.device.type, self.engine.dtype, enabled=self.engine.dtype != torch.float32):
            found: Tensor = self.encoder(reference_tensor(reference).to(self.engine.device))
        return found

    def paint(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> Image.Image:
        """One picture of the sketch's aspect ratio at the checkpoint's own size."""
        engine = self.engine
        drawing, placement = sketch_tensor(sketch, settings, engine.resolution, engine.multiple)
        conditioning = engine.condition(drawing, self.tokens(reference), settings)
        factor = engine.vae.factor
        shape = (1, engine.unet.in_channels, drawing.shape[2] // factor, drawing.shape[3] // factor)
        with engine.denoiser(conditioning, settings) as denoise:
            latent = engine.sample_seed(denoise, settings, shape)
        return crop_back(to_image(engine.decode(latent)[0]), placement)


def load_encoder(path: Path, device: str, dtype: torch.dtype = torch.float32) -> ReferenceEncoder:
    """The vision tower of a file (open_clip, Hugging Face, full CLIP, or inside a checkpoint of ours)."""
    state, sizes = read_reference_encoder(path)
    visual = {f"visual.{key}": value for key, value in state.items()}
    return networks.load(lambda: ReferenceEncoder(sizes), visual, "reference encoder", torch.device(device), dtype)
