"""Colour many sketches by many references, with the reference encoder kept loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
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
from lib_colorize.engine.batches import colorize_together
from lib_colorize.engine.decoding import Decoding
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.together import pictures_at_once
from lib_colorize.engine.weights import DTYPES, named_device
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from lib_colorize.pictures.canvas import crop_back
from lib_colorize.pictures.images import to_image
from training.metrics.paint_jobs import Painter, PreparedJob


class EnginePainter(Painter):
    """`Engine.colorize` without its reloading: that is made for a few references on a small card."""

    def __init__(self, engine: Engine, encoder: ReferenceEncoder) -> None:
        """encoder: on the engine's device; it takes on its dtype, with its norms, which sum in float32 all the same."""
        self.engine, self.encoder = engine, encoder
        if any(p.dtype != engine.dtype for p in encoder.parameters()):
            encoder.to(engine.dtype)
        self.device, self.dtype = engine.device, engine.dtype
        self.resolution, self.multiple, self.square = engine.resolution, engine.multiple, engine.square

    @classmethod
    def load(
        cls, checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None,
    ) -> EnginePainter:
        engine = Engine.load(checkpoint, reference_encoder, device=device, dtype=dtype)
        return cls(engine, load_encoder(reference_encoder or checkpoint, engine.device, engine.dtype))

    def paint_together(self, jobs: Sequence[PreparedJob]) -> list[Image.Image]:
        drawings = torch.cat([job.drawing for job in jobs])
        made = colorize_together(self.engine, drawings, self.tokens([job.reference for job in jobs]),
                                 [job.settings for job in jobs])
        return [crop_back(to_image(picture), job.placement) for picture, job in zip(made, jobs)]

    def fitting(self, job: PreparedJob) -> int:
        if self.device.type != "cuda":
            return 1
        shape = (1, self.engine.unet.in_channels, *(side // self.engine.vae.factor for side in job.drawing.shape[2:]))
        return pictures_at_once(self.engine.unet, shape, job.settings)


class AblationPainter(Painter):
    """Of Table 1, what sees the CLS token (Proj-0.1, CLS-0.1), which the engine does not know; one by one."""

    def __init__(self, checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> None:
        from training.trainer.ablations import load_ablation
        from training.trainer.recipe import pixel_multiple

        self.device = named_device(device)
        self.dtype = DTYPES[dtype or ("float16" if self.device.type == "cuda" else "float32")]
        model, self.card = load_ablation(checkpoint)
        self.model = model.to(self.device)
        self.vae = vae_inside(checkpoint, self.card).to(self.device)
        self.decode = Decoding.on(self.device, self.vae, self.dtype)
        self.encoder = load_encoder(reference_encoder or checkpoint, self.device)
        self.resolution, self.multiple = self.card.resolution, pixel_multiple(self.card.config)
        self.square = self.card.square
        self.schedule = NoiseSchedule(alphas_cumprod(**asdict(self.card.schedule)).to(self.device))

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """Autocast in half precision, nothing in float32."""
        half = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype) if half else contextlib.nullcontext()

    def paint_together(self, jobs: Sequence[PreparedJob]) -> list[Image.Image]:
        return [crop_back(to_image(self._paint(job)[0]), job.placement) for job in jobs]

    @torch.no_grad()
    def _paint(self, job: PreparedJob) -> Tensor:
        """[1, 3, H, W]."""
        from training.trainer.sample_grids import colorize

        factor = self.vae.factor
        latent = (self.vae.quant_conv.out_channels // 2, *(side // factor for side in job.drawing.shape[2:]))
        assert self.card.prediction is not None, "training writes it"
        with self.precision():
            x = colorize(self.model, self.schedule, self.card.prediction, self.tokens([job.reference]),
                         job.drawing.to(self.device), latent, job.settings)
        return self.decode(x)


def open_painter(checkpoint: Path, reference_encoder: Path | None, device: str | None, dtype: str | None) -> Painter:
    """The painter for a checkpoint of any kind of tokens."""
    with open_tensors(checkpoint) as file:
        card = ModelCard.from_metadata(file.metadata)
    if card is None or card.tokens == "local":
        return EnginePainter.load(checkpoint, reference_encoder, device, dtype)
    return AblationPainter(checkpoint, reference_encoder, device, dtype)


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
