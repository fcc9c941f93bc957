"""A checkpoint file and two pictures -> coloured pictures: the whole method, over `ldm` and `k_diffusion`."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..checkpoint.read import read
from ..errors import ColorizeError
from ..method.attach import attach
from ..method.canvas import crop_back
from ..method.conditioning import Conditioning, encode
from ..method.guidance import Guidance
from ..method.images import reference_tensor, sketch_tensor, to_image
from ..method.overlay import overlay_lines
from ..method.probe import probe_unet
from ..method.reference_encoder import ReferenceEncoder
from ..method.schedule import NoiseSchedule, Prediction, denoised, sampled_alphas
from ..method.settings import MAX_SEED, Settings
from ..method.shown_tokens import shown_tokens
from ..method.sketch_encoder import SketchEncoder
from ..method.unet import UNet
from . import networks, samplers
from .decoding import Decoding
from .shared_rows import share_rows
from .weights import DTYPES, Files, ReferenceFile, named_device

Progress = Callable[[int, int], None]  # (steps done, steps in all)


@dataclass(frozen=True)
class Result:
    """One picture, and the settings that give it alone: its own seed, batch 1."""

    image: Image.Image
    settings: Settings

    @property
    def seed(self) -> int:
        return self.settings.seed


class Engine:
    """The networks of one checkpoint, ready to colour."""

    def __init__(
        self, unet: Any, vae: networks.AutoencoderKL, sketch_encoder: SketchEncoder,
        load_reference_encoder: Callable[[], ReferenceEncoder], schedule: NoiseSchedule,
        prediction: Prediction | None = None, resolution: int = 512,
    ) -> None:
        """load_reference_encoder is called for each new reference, and what it gives is freed before sampling.

        prediction: None = tell it by one forward pass, or ColorizeError when that does not decide.
        """
        self.unet = unet  # an nn.Module of LDM layout
        self.vae, self.sketch_encoder = vae, sketch_encoder
        self.schedule, self.resolution = schedule, resolution
        weight = next(unet.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.multiple = vae.factor * 2 ** (len(unet.channel_mult) - 1)  # pixels: each level of both networks halves
        self._decoding = Decoding.on(self.device, vae, self.dtype)
        self._load_reference_encoder = load_reference_encoder
        self._last_reference: tuple[str, Tensor] | None = None
        self.files: Files | None = None  # when loaded from files
        self.prediction = prediction or self._probe()

    @classmethod
    def load(
        cls, checkpoint: str | os.PathLike[str], reference_encoder: str | os.PathLike[str] | None = None,
        prediction: Prediction | None = None, device: str | None = None, dtype: str | None = None,
    ) -> Engine:
        """Load a released file or one of ours; ColorizeError for any other, and when no reference encoder is found.

        reference_encoder: the vision tower in a file of its own; None = the one inside the checkpoint.
        prediction: the user's word, for files that do not say; None = probed then.
        device: None = cuda if there is one; dtype: a name of DTYPES, None = float16 on cuda, float32 elsewhere.
        """
        where = named_device(device)
        number = DTYPES[dtype or ("float16" if where.type == "cuda" else "float32")]
        file = read(checkpoint, ("unet", "vae", "sketch_encoder"), prediction)
        if prediction and file.prediction and file.prediction is not prediction:
            raise ColorizeError(f"{file.path}: its metadata says {file.prediction.value}, you say {prediction.value}; "
                                "leave your word out")
        config, sizes, sketch = file.config, file.config.vae, file.config.sketch
        if file.vae is None or sizes is None or file.sketch_encoder is None or sketch is None:
            raise ColorizeError(f"{file.path}: has no VAE (first_stage_model.*) inside; use the released file itself")
        tower = ReferenceFile(file.path, None if reference_encoder is None else Path(reference_encoder), where, number)
        tower.check(config)
        unet = networks.load_network(lambda: UNet(config.unet), file.unet or {}, "U-Net", where, number)
        vae = networks.load_network(lambda: networks.AutoencoderKL(sizes, file.scale_factor), file.vae, "VAE", where)
        sketch_encoder = networks.load_network(
            lambda: SketchEncoder(sketch.model_channels, sketch.channel_mult, sketch.in_channels), file.sketch_encoder,
            "sketch encoder", where, number)
        numbers = sampled_alphas(**asdict(file.schedule))
        engine = cls(unet, vae, sketch_encoder, tower.load, NoiseSchedule(numbers), file.prediction, file.resolution)
        engine.files = Files(file.path, tower.path)
        return engine

    def colorize(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, progress: Progress | None = None,
    ) -> list[Result]:
        """settings.batch pictures, picture i with seed + i; each is the same whether made alone or in a batch.

        They are sampled one after the other, the guidance branches of one in one batch: convolutions round otherwise in
        a larger batch, and a picture would no longer repeat bit for bit.
        """
        drawing, placement = sketch_tensor(sketch, settings, self.resolution, self.multiple)
        conditioning = self.condition(drawing, None if reference is None else self.tokens(reference), settings)
        shape = (1, self.unet.in_channels, drawing.shape[2] // self.vae.factor, drawing.shape[3] // self.vae.factor)
        jobs = [self.settings_of(settings, i) for i in range(settings.batch)]
        latents = []
        with self.denoiser(conditioning, settings) as denoise:
            for i, own in enumerate(jobs):

                def report(state: dict[str, Any], before: int = i * settings.steps) -> None:
                    if progress is not None:
                        progress(before + min(state["i"] + 1, settings.steps), settings.steps * settings.batch)

                latents.append(self.sample_seed(denoise, own, shape, report))
                report({"i": settings.steps})  # a sampler may take fewer steps
        pictures = [crop_back(to_image(self.decode(latent)[0]), placement) for latent in latents]
        return [Result(overlay_lines(picture, sketch, own), own) for picture, own in zip(pictures, jobs)]

    @staticmethod
    def settings_of(settings: Settings, index: int) -> Settings:
        """The settings that give picture `index` of a batch alone."""
        return settings.with_(seed=(settings.seed + index) % (MAX_SEED + 1), batch=1)

    def tokens(self, reference: Image.Image) -> Tensor:
        """All tokens [1, 1 + N, D] of a reference; kept until the next one, the encoder itself is freed."""
        key = hashlib.sha256(repr((reference.mode, reference.size)).encode() + reference.tobytes()).hexdigest()
        if self._last_reference is None or self._last_reference[0] != key:
            with self._precision():
                tokens = self._load_reference_encoder()(reference_tensor(reference).to(self.device))
            self._last_reference = (key, tokens)
        return self._last_reference[1]

    def condition(self, sketch: Tensor, tokens: Tensor | None, settings: Settings) -> Conditioning:
        """sketch: [1, 3, H, W] in [-1, 1], lines +1 on -1; tokens: [1, 1 + N, D] of `tokens`."""
        with self._precision():
            shown = None if tokens is None else shown_tokens(tokens)
            return encode(self.sketch_encoder, sketch.to(self.device), shown, settings)

    def noise_levels(self, settings: Settings) -> Tensor:
        """The sigmas [steps + 1] of a job, on the engine's device."""
        sigmas = samplers.noise_levels(settings.sampler, settings.scheduler, settings.steps, self.schedule)
        return sigmas.to(self.device)

    def sample_seed(
        self, denoise: samplers.Denoiser, settings: Settings, shape: tuple[int, ...],
        callback: samplers.Callback | None = None,
    ) -> Tensor:
        """The latent [1, C, h, w] that settings.seed alone gives; all noise is drawn on the CPU."""
        sigmas = self.noise_levels(settings)
        x_T, generator = samplers.first_noise(shape, settings.seed)
        x_T = x_T.to(self.device)
        noise = samplers.step_noise(settings.sampler, x_T, sigmas, settings.seed, generator)
        return samplers.run_sampler(settings.sampler, denoise, x_T, sigmas, noise, callback)

    @contextlib.contextmanager
    def denoiser(self, conditioning: Conditioning, settings: Settings) -> Iterator[samplers.Denoiser]:
        """The guided U-Net as k-diffusion wants it: (x [1, C, h, w], sigma [1]) -> denoised x."""
        has_reference = conditioning.tokens is not None
        last = len(self.schedule.sigmas) - 1
        with self._precision(), attach(self.unet, conditioning, settings) as attached, share_rows(self.unet, attached):

            def denoise(x: Tensor, sigma: Tensor) -> Tensor:
                t = self.schedule.t_of_sigma(sigma)
                attached.progress = 1 - float(t[0]) / last
                acts = has_reference and settings.uses_reference_at(attached.progress)
                guidance = Guidance.of(settings, acts)
                attached.branches = rows = guidance.branches
                scaled = x / (1 + sigma.view(-1, 1, 1, 1) ** 2).sqrt()
                output = self.unet(scaled.repeat(len(rows), 1, 1, 1), t.repeat(len(rows)), None).to(x.dtype)
                guided = guidance.guide(dict(zip(rows, output.chunk(len(rows)))))
                return denoised(x, guided, sigma, self.prediction)

            yield denoise

    def decode(self, latent: Tensor) -> Tensor:
        """latent: [B, C, h, w] -> picture [B, 3, H, W], about [-1, 1], float32."""
        return self._decoding(latent)

    def _probe(self) -> Prediction:
        """Tell the prediction type by one forward pass without a reference and without lines."""

        def call(x: Tensor, t: Tensor) -> Tensor:
            output: Tensor = self.unet(x, t.float(), None)
            return output

        with self._precision():
            found = probe_unet(self.unet, self.sketch_encoder, call, self.schedule, self.unet.in_channels,
                               self.resolution, self.multiple, self.vae.factor)
        if found is None:
            raise ColorizeError("the checkpoint does not say whether it predicts eps or v, and a trial does not tell; "
                                "say so with --prediction")
        return found

    @contextlib.contextmanager
    def _precision(self) -> Iterator[None]:
        """Half precision keeps norms, latents and sums in float32 (autocast)."""
        half = self.dtype != torch.float32
        with torch.no_grad(), torch.autocast(self.device.type, self.dtype) if half else contextlib.nullcontext():
            yield
