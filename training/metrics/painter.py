"""Colour many sketches by many references, with the reference encoder kept loaded."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.read import read_reference_encoder
from lib_colorize.engine import networks
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.canvas import crop_back
from lib_colorize.method.images import reference_tensor, sketch_tensor, to_image
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from lib_colorize.method.settings import Settings


class Painter(ABC):
    """A checkpoint, ready to colour."""

    device: torch.device
    dtype: torch.dtype
    encoder: ReferenceEncoder

    @abstractmethod
    def paint(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> Image.Image:
        """One picture of the sketch's aspect ratio at the checkpoint's own size."""

    @torch.no_grad()
    def tokens(self, reference: Image.Image) -> Tensor:
        """All tokens [1, 1 + N, D]."""
        with self.precision():
            found: Tensor = self.encoder(reference_tensor(reference).to(self.device))
        return found

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """Autocast in half precision, nothing in float32."""
        half = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype) if half else contextlib.nullcontext()


class EnginePainter(Painter):
    """`Engine.colorize` without its reloading: that is made for a few references on a small card."""

    def __init__(self, checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> None:
        self.engine = Engine.load(checkpoint, reference_encoder, device=device, dtype=dtype)
        self.device, self.dtype = self.engine.device, self.engine.dtype
        self.encoder = load_encoder(reference_encoder or checkpoint, self.device, self.dtype)

    def paint(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> Image.Image:
        engine = self.engine
        drawing, placement = sketch_tensor(sketch, settings, engine.resolution, engine.multiple)
        conditioning = engine.condition(drawing, self.tokens(reference), settings)
        factor = engine.vae.factor
        shape = (1, engine.unet.in_channels, drawing.shape[2] // factor, drawing.shape[3] // factor)
        with engine.denoiser(conditioning, settings) as denoise:
            latent = engine.sample_seed(denoise, settings, shape)
        return crop_back(to_image(engine.decode(latent)[0]), placement)


class AblationPainter(Painter):
    """The networks of Table 1 that see the CLS token (Proj-0.1, CLS-0.1), which the engine does not know."""

    def __init__(self, checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> None:
        from training.trainer.ablations import load_ablation
        from training.trainer.recipe import pixel_multiple

        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = getattr(torch, dtype or ("float16" if self.device.type == "cuda" else "float32"))
        model, self.card = load_ablation(checkpoint)
        self.model = model.to(self.device)
        self.vae = vae_inside(checkpoint, self.card).to(self.device)
        self.encoder = load_encoder(reference_encoder or checkpoint, self.device)
        self.multiple = pixel_multiple(self.card.config)
        self.schedule = NoiseSchedule(alphas_cumprod(**asdict(self.card.schedule)).to(self.device))

    @torch.no_grad()
    def paint(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> Image.Image:
        from training.trainer.sample_grids import colorize

        drawing, placement = sketch_tensor(sketch, settings, self.card.resolution, self.multiple)
        factor = self.vae.factor
        latent = (self.vae.quant_conv.out_channels // 2, drawing.shape[2] // factor, drawing.shape[3] // factor)
        assert self.card.prediction is not None, "training writes it"
        with self.precision():
            x = colorize(self.model, self.schedule, self.card.prediction, self.tokens(reference),
                         drawing.to(self.device), latent, settings)
        return crop_back(to_image(self.vae.decode(x.float())[0]), placement)


def open_painter(checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> Painter:
    """The painter for a checkpoint of any kind of tokens."""
    with open_tensors(checkpoint) as file:
        card = ModelCard.from_metadata(file.metadata)
    kind = EnginePainter if card is None or card.tokens == "local" else AblationPainter
    return kind(checkpoint, reference_encoder, device, dtype)


def load_encoder(
    path: Path, device: torch.device | str, dtype: torch.dtype = torch.float32,
) -> ReferenceEncoder:
    """The vision tower of a file (open_clip, Hugging Face, full CLIP, or inside a checkpoint of ours)."""
    state, sizes = read_reference_encoder(path)
    visual = {f"visual.{key}": value for key, value in state.items()}
    return networks.load_network(
        lambda: ReferenceEncoder(sizes), visual, "reference encoder", torch.device(device), dtype)


def vae_inside(path: Path, card: ModelCard) -> networks.AutoencoderKL:
    """The auto-encoder inside a checkpoint of ours, float32."""
    sizes, prefix = card.config.vae, PARTS["vae"]
    if sizes is None:
        raise ColorizeError(f"{path}: has no VAE inside; export it with one, results cannot be decoded")
    with open_tensors(path) as file:
        state = {key.removeprefix(prefix): file.tensor(key) for key in file.entries if key.startswith(prefix)}
    return networks.load_network(lambda: networks.AutoencoderKL(sizes, card.scale_factor), state, "VAE")
