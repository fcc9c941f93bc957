"""A checkpoint file and two pictures -> coloured pictures: the whole method, over `ldm` and `k_diffusion`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..finishing.finished import Finished
from ..finishing.result import FinishedResult, Finishing
from ..method.attach import Attachment
from ..method.conditioning import Conditioning
from ..method.probe import probe_unet
from ..method.reference_encoder import ReferenceEncoder
from ..method.schedule import NoiseSchedule, Prediction
from ..method.settings import MAX_SEED, Settings
from ..method.sketch_encoder import SketchEncoder
from ..method.text.tower import TextTower
from ..method.variants.variant import USUAL, V1, Variant
from ..pictures.backdrop import cut_out
from ..pictures.canvas import crop_back
from ..pictures.extras import NO_EXTRAS, Extras
from ..pictures.images import NotNumbers, to_image
from ..pictures.opened_page import open_page, open_references
from ..pictures.overlay import overlay_lines
from ..pictures.reading import told_of_sketch
from ..pictures.strips import joined, strip_windows
from ..pictures.unused import told_unused
from . import networks, samplers
from .decoding import Decoding
from .faulty_weights import fault_of_weights
from .following import follow, in_frame, strength_of
from .guided_step import DeviceStep, GuidedStep
from .loading import load_networks
from .noise import first_noise, step_noises
from .preparing import Prepared, Preparing
from .running import Running
from .second_pass import begun_from, passes_of, second_levels, told_of_passes
from .shared_rows import share_rows
from .strip import paint_windows
from .text_changes import no_text_tower
from .tiled_step import TiledStep
from .together import in_parts, pictures_at_once
from .weights import Files

Progress = Callable[[int, int], None]  # (steps done, steps in all)


@dataclass(frozen=True)
class Result:
    """One picture, and the settings that give it alone: its own seed, batch 1."""

    image: Image.Image
    settings: Settings
    read_as: str = ""  # how the sketch was read, in words
    made: FinishedResult | None = None

    @property
    def finished(self) -> Finished:
        """The picture at the sketch's own size, lines and colours apart: made when it is asked for."""
        assert self.made is not None  # of every picture that an engine made
        return self.made.finished

    @property
    def seed(self) -> int:
        return self.settings.seed


class Engine:
    """The networks of one checkpoint, ready to colour."""

    def __init__(
        self, unet: Any, vae: networks.AutoencoderKL, sketch_encoder: SketchEncoder,
        load_reference_encoder: Callable[[], ReferenceEncoder], schedule: NoiseSchedule,
        prediction: Prediction | None = None, resolution: int = 512, one_by_one: bool | None = None,
        load_text_tower: Callable[[], TextTower] = no_text_tower, variant: Variant = V1, square: bool = False,
    ) -> None:
        """load_reference_encoder is called for each new reference, and what it gives is freed before sampling.

        prediction: None = tell it by one forward pass, or ColorizeError when that does not decide.
        one_by_one: the pictures of a batch, which is bit for bit what each alone gives; None = unless on CUDA: on a
        CPU together is no faster, and CUDA says how much memory is free. Together each is within 1/255 of that in
        float32; half precision rounds more.
        load_text_tower: called for changes by text; ColorizeError when there is no text half.
        variant: what the checkpoint has besides v1's networks. square: it was shown square pictures alone, and needs
        a square canvas.
        """
        self.unet = unet  # an nn.Module of LDM layout
        self.vae, self.sketch_encoder = vae, sketch_encoder
        self.schedule, self.resolution, self.variant, self.square = schedule, resolution, variant, square
        weight = next(unet.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self.one_by_one = self.device.type != "cuda" if one_by_one is None else one_by_one
        self.running = Running.prepare(unet, sketch_encoder, schedule)
        self.multiple = vae.factor * 2 ** (len(unet.channel_mult) - 1)  # pixels: each level of both networks halves
        self._decoding = Decoding.on(self.device, vae, self.dtype)
        self.preparing = Preparing(sketch_encoder, vae, load_reference_encoder, self.running, schedule, resolution,
                                   self.multiple, load_text_tower, variant, square)
        self._load_reference_encoder = load_reference_encoder
        self.files: Files | None = None  # when loaded from files
        self.prediction = prediction or self._probe()

    @classmethod
    def load(
        cls, checkpoint: str | os.PathLike[str], reference_encoder: str | os.PathLike[str] | None = None,
        prediction: Prediction | None = None, device: str | None = None, dtype: str | None = None,
        one_by_one: bool | None = None, text_encoder: str | os.PathLike[str] | None = None,
    ) -> Engine:
        """Load a released file or one of ours; ColorizeError for any other, and when no reference encoder is found.

        reference_encoder: the vision tower in a file of its own; None = the one inside the checkpoint.
        prediction: the user's word, for files that do not say; None = probed then.
        device: None = cuda if there is one; dtype: a name of DTYPES, None = float16 on cuda, float32 elsewhere.
        one_by_one: as of the engine itself.
        text_encoder: CLIP's text half in a file; None = looked for in the reference encoder's file, and beside it.
        """
        loaded = load_networks(checkpoint, reference_encoder, prediction, device, dtype, text_encoder)
        engine = cls(loaded.unet, loaded.vae, loaded.sketch_encoder, loaded.load_reference_encoder, loaded.schedule,
                     loaded.prediction, loaded.resolution, one_by_one, loaded.load_text_tower, loaded.variant,
                     loaded.square)
        engine.files = loaded.files
        return engine

    def colorize(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, progress: Progress | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> list[Result]:
        """settings.batch pictures, picture i with seed + i; each is the same whether made alone or in a batch.

        The same to 1/255, and bit for bit when `one_by_one`: convolutions round otherwise in a larger batch.
        """
        page = open_page(sketch, settings)
        finishing = Finishing(page, settings, extras)
        reference, extras, trimmed = open_references(reference, settings, page.extras(extras))
        followed, following = follow(extras.last, page, settings)
        extras = replace(extras, begun=None if followed is None else followed.begun)
        windows = strip_windows(page.sketch.size, settings)
        cuts: list[str] = []

        def paint(drawing: Image.Image, its: Extras, report: Progress | None) -> list[Image.Image]:
            painted, cut = self._paint(drawing, reference, settings, report, its, overlay=not finishing.snaps)
            cuts.append(cut)
            return painted

        if windows:
            made = paint_windows(paint, page.sketch, extras, windows, settings, progress)
            pictures = [joined([None if each is None else each[i] for each in made], windows, page.sketch.size)
                        for i in range(settings.batch)]
        else:
            pictures = paint(page.sketch, extras, progress)
        size = windows[0] if windows else (0, 0, *page.sketch.size)
        passes = told_of_passes((size[2] - size[0], size[3] - size[1]), settings, self.resolution, self.multiple,
                                self.square)
        strip = (f"a strip, in {len(windows)} windows",) if windows else ()
        said = (*page.told, *trimmed, *strip, *passes, *following, *dict.fromkeys(cuts), *told_unused(settings, extras))
        told = told_of_sketch(page.sketch, settings, said)
        owns = [self.settings_of(settings, i) for i in range(settings.batch)]
        pictures = [page.put_back(picture) for picture in pictures]
        if followed is not None:
            pictures = [followed.keep(picture, finishing) for picture in pictures]
        finished = [finishing.of(picture) for picture in pictures]
        return [Result(each.image, own, told, each) for each, own in zip(finished, owns)]

    def _paint(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, progress: Progress | None,
        extras: Extras, overlay: bool,
    ) -> tuple[list[Image.Image], str]:
        """The pictures of a sketch, of the last of its passes, cut to it, and what a mask took away, in words.

        overlay: with the lines that are wanted over them.
        """
        passes = passes_of(sketch.size, settings, self.resolution)
        strengths = [strength_of(extras), *[settings.second_strength] * (len(passes) - 1)]  # None = from noise alone
        taken = [settings.steps if strength is None else len(self.second_levels(settings, strength)) - 1
                 for strength in strengths]
        pictures = [] if extras.begun is None else [in_frame(extras.begun, passes[0].settings)] * settings.batch
        for number, (each, strength) in enumerate(zip(passes, strengths)):
            ready = self.preparing.prepare(sketch, reference, each.settings, extras, each.resolution,
                                           tiled=number > 0)
            before, every = settings.batch * sum(taken[:number]), settings.batch * sum(taken)
            said = None if progress is None else _within(progress, before, every)
            begun = self._begun(pictures, ready, settings.gap)
            latents = self._sampled(ready, settings, taken[number], said, begun, strength)
            try:
                pictures = [crop_back(to_image(picture), ready.placement) for picture in self.decode(latents)]
            except NotNumbers as error:
                raise self._fault() or error from None
        if overlay:
            pictures = [overlay_lines(picture, sketch, settings) for picture in pictures]
        return [cut_out(picture, ready.figure) for picture in pictures], ready.told

    def _begun(self, pictures: Sequence[Image.Image], ready: Prepared, gap: float) -> Tensor | None:
        """The latents [B, C, h, w] of pictures, to begin a pass from on its canvas; None where there are none."""
        if not pictures:
            return None
        with self.running.precision():
            begun = begun_from(pictures, ready.drawing, ready.placement, gap / 100)
            return torch.cat([self.preparing.latent(picture) for picture in begun])

    def _sampled(
        self, ready: Prepared, settings: Settings, steps: int, progress: Progress | None, begun: Tensor | None,
        strength: float | None,
    ) -> Tensor:
        """The latents [B, C, h, w] of a pass. steps: that it takes; begun, strength: as of `sample_seeds`."""
        shape = (1, self.unet.in_channels, *(side // self.vae.factor for side in ready.canvas))
        jobs = [self.settings_of(settings, i) for i in range(settings.batch)]
        done = 0

        def report(found: int) -> None:
            nonlocal done
            if progress is not None and found > done:
                done = found
                progress(found, steps * settings.batch)

        with self.shown(ready, settings) as denoise:

            def sample(part: Sequence[Settings], before: int) -> Tensor:
                def step(state: dict[str, Any]) -> None:
                    report(before * steps + len(part) * min(state["i"] + 1, steps))

                own = None if begun is None else begun[before:before + len(part)]
                sampled = self.sample_seeds(denoise, part, shape, step, own, strength)
                step({"i": steps})  # a sampler may take fewer steps
                return sampled

            at_once = self._at_once(settings, ready)
            return torch.cat(list(in_parts(jobs, at_once, sample, self.make_room)))

    def _at_once(self, settings: Settings, ready: Prepared) -> int:
        if self.one_by_one or samplers.find_sampler(settings.sampler).adaptive:  # which steps as the worst of a batch
            return 1
        return pictures_at_once(self.unet, ready.latent_size, settings)

    def _fault(self) -> ColorizeError | None:
        """What is wrong with the weights, if anything is."""
        networks = {"unet": self.unet, "vae": self.vae, "sketch_encoder": self.sketch_encoder}
        path = None if self.files is None else self.files.checkpoint
        return fault_of_weights(networks, self._load_reference_encoder, path, self.dtype)

    def make_room(self) -> None:
        """Give back the device memory that is kept between jobs; the next one makes it anew."""
        if self.running.graphs is not None:
            self.running.graphs.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @staticmethod
    def settings_of(settings: Settings, index: int) -> Settings:
        """The settings that give picture `index` of a batch alone."""
        return settings.with_(seed=(settings.seed + index) % (MAX_SEED + 1), batch=1)

    def tokens(self, reference: Image.Image) -> Tensor:
        """See `Preparing.tokens`."""
        return self.preparing.tokens(reference)

    def encode_ahead(self, references: Iterable[Image.Image], settings: Settings) -> None:
        """Tokens of references of coming jobs (`as_encoded`), by one reading of the encoder; a few are kept."""
        self.preparing.reference_tokens.make(references, settings.reference_scale)

    def condition(self, sketch: Tensor, tokens: Tensor | None, settings: Settings) -> Conditioning:
        """See `Preparing.condition`."""
        return self.preparing.condition(sketch, tokens, settings)

    def noise_levels(self, settings: Settings) -> Tensor:
        """The sigmas [steps + 1] of a job, on the CPU: what is done next is decided by them."""
        return samplers.noise_levels(settings.sampler, settings.scheduler, settings.steps, self.schedule)

    def second_levels(self, settings: Settings, strength: float | None = None) -> Tensor:
        """The sigmas of a second pass, or of that share of a run; as `noise_levels`."""
        return second_levels(settings, self.schedule, strength)

    def sample_seed(
        self, denoise: samplers.Denoiser, settings: Settings, shape: tuple[int, ...],
        callback: samplers.Callback | None = None,
    ) -> Tensor:
        """The latent [1, C, h, w] that settings.seed alone gives; all noise is drawn on the CPU."""
        return self.sample_seeds(denoise, [settings], shape, callback)

    def sample_seeds(
        self, denoise: samplers.Denoiser, jobs: Sequence[Settings], shape: tuple[int, ...],
        callback: samplers.Callback | None = None, begun: Tensor | None = None, strength: float | None = None,
    ) -> Tensor:
        """The latents [P, C, h, w] of P jobs that differ in their seeds alone, sampled together.

        shape: (1, C, h, w) of one. `denoise` is of one conditioning, or of P. begun: latents [P, C, h, w] of a first
        pass, or of a frame's last one, that this begins from; None = from noise alone. strength: the share of the
        steps that is taken then; None = the second pass'.
        """
        settings = jobs[0]
        sigmas = self.noise_levels(settings) if begun is None else self.second_levels(settings, strength)
        drawn, generators = zip(*(first_noise(shape, job.seed) for job in jobs))
        x_T = torch.cat(drawn).to(self.device)
        noise = step_noises(settings.sampler, x_T, sigmas, [job.seed for job in jobs], generators)
        if isinstance(denoise, TiledStep):
            denoise.begin(begun)
        if begun is not None:
            x_T = x_T + begun.to(x_T) / sigmas[0]
        if isinstance(denoise, (GuidedStep, TiledStep)):
            denoise.start([job.seed for job in jobs])
        if isinstance(denoise, (DeviceStep, TiledStep)) and not samplers.find_sampler(settings.sampler).adaptive:
            denoise.prepare([float(sigma) for sigma in samplers.asked_sigmas(settings.sampler, sigmas)])
        return samplers.run_sampler(settings.sampler, denoise, x_T, sigmas, noise, callback)

    @contextlib.contextmanager
    def denoiser(self, conditioning: Conditioning, settings: Settings) -> Iterator[GuidedStep]:
        """The guided U-Net as k-diffusion wants it: (x [P, C, h, w], sigma [P]) -> denoised x."""
        step = self._step_of(conditioning, settings)
        with self._opened(step):
            yield step
        self._ease()

    @contextlib.contextmanager
    def shown(self, ready: Prepared, settings: Settings) -> Iterator[GuidedStep | TiledStep]:
        """The same of a canvas that was prepared, in one piece or in windows."""
        if not ready.windows:
            with self.denoiser(ready.conditioning, settings) as step:
                yield step
            return
        steps = [None if seen is None else self._step_of(seen, settings) for seen in ready.seen]
        yield TiledStep(ready.windows, steps, self._opened)
        self._ease()

    def _step_of(self, conditioning: Conditioning, settings: Settings) -> GuidedStep:
        attachment = Attachment(self.unet, conditioning, settings, self.variant)
        step = (self.unet, attachment, settings, self.schedule, self.prediction, conditioning.has_reference)
        times, graphs = self.running.times, self.running.graphs
        return GuidedStep(*step) if times is None else DeviceStep(*step, times=times, graphs=graphs)

    @contextlib.contextmanager
    def _opened(self, step: GuidedStep) -> Iterator[None]:
        """Inside, the U-Net shows what the step is of."""
        with self.running.precision(), step.attachment.applied() as attached, share_rows(self.unet, attached):
            yield

    def _ease(self) -> None:
        if self.running.graphs is not None:
            self.running.graphs.ease(self.device)

    def decode(self, latent: Tensor) -> Tensor:
        """latent: [B, C, h, w] -> picture [B, 3, H, W], about [-1, 1], float32.

        A captured step keeps its memory. Where a decoding lacks it, it is let go of, and captured anew when needed.
        """
        if self.running.graphs is not None:
            with contextlib.suppress(torch.cuda.OutOfMemoryError):
                return self._decoding(latent)
            self.make_room()
        return self._decoding(latent)

    def _probe(self) -> Prediction:
        """Tell the prediction type by one forward pass without a reference and without lines."""

        def call(x: Tensor, t: Tensor) -> Tensor:
            output: Tensor = self.unet(x, t.float(), None)
            return output

        with self.running.precision():
            found = probe_unet(self.unet, self.sketch_encoder, call, self.schedule, self.unet.in_channels,
                               self.resolution, self.multiple, self.vae.factor)
        found = found or USUAL.get(self.variant.name)
        if found is None:
            raise self._fault() or ColorizeError("the checkpoint does not say whether it predicts eps or v, and a "
                                                 "trial does not tell; say so with --prediction")
        return found


def _within(progress: Progress, before: int, every: int) -> Progress:
    """Of a pass that `before` steps were taken before, out of `every`."""
    return lambda done, steps: progress(before + done, every)
