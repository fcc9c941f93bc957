"""One request, made ready: its pictures, its reference tokens, and what a sampler's run is shown, on any canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from .. import __version__
from ..errors import ColorizeError
from ..finishing.result import FinishedResult
from ..method.conditioning import Conditioning, encode
from ..method.variants.features import colours_apart
from ..method.variants.variant import V1, Variant
from ..pictures.backdrop import backdrop_extras, kept_figure
from ..pictures.canvas import Placement
from ..pictures.extras import NO_EXTRAS, Extras, FurtherReference
from ..pictures.framing import Frame
from ..pictures.images import line_drawing, resizing
from ..pictures.margins import with_margins
from ..pictures.masks import cut_away, given_mask
from ..pictures.opened_page import OpenedPage, open_references
from ..pictures.reading import told_of_sketch
from ..pictures.regions import check_regions
from ..pictures.required import require_references
from ..pictures.unused import require_used
from .canvases import Materials
from .checkpoints import ColorizeFile, sketch_encoder
from .extra_pictures import extra_hashes, requested_extras
from .host import Host
from .host_run import HostRun
from .pages import follows_sketch, pages_of
from .pictures import picture_hash
from .request import Request
from .results import Results, require_whole_sketch
from .sampler_run import SamplerRun
from .settings import PREFIX, JobSettings
from .shown_reference import shown_references
from .sizes import placements_of
from .sketches import decode, sketches_of
from .variants import host_variant, variant_name

READ_AS = PREFIX + "read as"  # told, and nothing that is pasted


@dataclass(eq=False)
class Job:
    """What one request of a host colours."""

    host: Host
    settings: JobSettings
    file: ColorizeFile
    reference: Image.Image | None
    sketches: tuple[Image.Image, ...]  # one, or one for each of several pictures of a batch
    tokens: Tensor | None  # [1, N, D] of all references, on the CPU
    placements: tuple[Placement, ...] = ()  # of each sketch on the canvas, when the canvas follows them
    frames: tuple[Frame, ...] = ()  # of the last run: one, or one for each picture
    run: SamplerRun | None = None  # the last
    extras: Extras = NO_EXTRAS
    pages: tuple[OpenedPage, ...] = ()  # of each sketch, what of it is looked at; all of each when not given
    figures: tuple[Image.Image, ...] = ()  # masks of the sketches, where something else is put behind them
    told: tuple[str, ...] = ()  # what these masks take away, in words
    materials: Materials | None = None  # None = lines and tokens are all
    _variant: Variant | None = None
    _conditionings: dict[tuple[Frame, ...], Conditioning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pages = self.pages or tuple(OpenedPage(sketch, sketch.size, sketch.size) for sketch in self.sketches)

    @property
    def has_reference(self) -> bool:
        """Whether a row without a reference differs from one with it: a picture behind the figure is one too."""
        behind = self.settings.background_enhance and self.extras.background is not None
        return self.tokens is not None or (behind and self.settings.reference_strength > 0)

    def context(self) -> Tensor:
        """[1, N, D]: the reference's tokens, on the CPU; one token of zeros without a reference."""
        return torch.zeros(1, 1, self.file.config.unet.context_dim) if self.tokens is None else self.tokens

    def start_run(self, unet: nn.Module, frames: Sequence[Frame]) -> SamplerRun:
        """What the coming run of a sampler with this U-Net is shown.

        frames: where the sketch lies on the run's canvas, one for all pictures or one for each.
        """
        self.frames = tuple(frames)
        timesteps = self.file.usable().schedule.timesteps
        shown = self.conditioning(self.frames)
        self.run = SamplerRun(unet, shown, self.settings, self.context(), timesteps, self._variant or V1)
        return self.run

    def conditioning(self, frames: tuple[Frame, ...]) -> Conditioning:
        """Tokens and hints for these canvases, on the host's device; made once."""
        if frames not in self._conditionings:
            self.host.show_progress("Encoding the sketch")
            self._conditionings[frames] = self._encode(frames)
            self.host.show_progress("")
        return self._conditionings[frames]

    @torch.no_grad()
    def _encode(self, frames: tuple[Frame, ...]) -> Conditioning:
        device = self.host.device()
        encoder = sketch_encoder(self.file)
        self.host.make_room(encoder)
        encoder.to(device)
        count = max(len(self.pages), len(frames))
        canvases = [self._canvas(self.pages[i % len(self.pages)].sketch, frames[i % len(frames)]) for i in range(count)]
        parts = [encode(encoder, canvas.to(device), None, self.settings) for canvas in canvases]
        hints = tuple(torch.cat(level) for level in zip(*(part.hints for part in parts)))
        tokens = None if self.tokens is None else self.tokens.to(device)
        plain = Conditioning(tokens, hints, parts[0].blank_hints)
        if self.materials is None:
            return plain
        if self._variant is None and colours_apart(self.settings):
            self._variant = host_variant(self.host, self.file)
        return self.materials.shown(plain, [frames[i % len(frames)] for i in range(count)], encoder,
                                    self._variant or V1)

    def _canvas(self, sketch: Image.Image, frame: Frame) -> Tensor:
        """[1, 3, H, W], lines +1 on -1."""
        return frame.place(line_drawing(sketch, self.settings, frame.shown(sketch.size)), resizing(self.settings))

    def forget_tensors(self) -> None:
        """Let go of all that only sampling needs."""
        self._conditionings.clear()
        vars(self).pop("results", None)
        self._variant = None
        if self.run is not None:
            self.run.close()

    def finished(self, image: Image.Image, index: int) -> FinishedResult:
        """A decoded picture as the user wants it: cut to the sketch, its size, hints, palette, lines, background."""
        return self.results.of(image, index, self._frame(index))

    def finish(self, image: Image.Image, index: int) -> Image.Image:
        """The same, without what its layers would need."""
        return self.finished(image, index).image

    def plain(self, image: Image.Image, index: int) -> Image.Image:
        """A decoded picture cut to the sketch, and no more: what is left when it cannot be finished."""
        return self.results.plain(image, index, self._frame(index))

    def _frame(self, index: int) -> Frame:
        return self.frames[index % len(self.frames)]

    @cached_property
    def results(self) -> Results:
        """What becomes of the decoded pictures; ColorizeError for hints that cannot be used."""
        return Results(self.settings, self.extras, self.pages, self.figures, self.placements)

    def infotext(self) -> dict[str, str]:
        """What a picture's text says of this job."""
        hashes = {"reference hash": [self.reference] if self.reference else [], "sketch hash": list(self.sketches)}
        found = {PREFIX + key: " ".join(map(picture_hash, pictures)) for key, pictures in hashes.items() if pictures}
        return {PREFIX + "version": __version__, **found, **extra_hashes(self.extras), READ_AS: self.read_as(),
                **self.settings.job_infotext()}

    def read_as(self) -> str:
        """How the sketch was read, in words; of several sketches each way once. ColorizeError for one without lines."""
        ways = (told_of_sketch(page.sketch, self.settings, page.told) for page in self.pages)
        return " / ".join(dict.fromkeys(ways))


def start(host: Host, request: Request, run: HostRun = HostRun()) -> Job:  # noqa: B008 - frozen
    """The job of a request; ColorizeError for everything that stands in its way, before anything is computed."""
    file = ready_file(host)
    settings = request.settings
    reference = decode(host, request.reference, "the reference")
    sketches = sketches_of(host, request, run)
    given = requested_extras(host, request)
    pages = pages_of(sketches, settings, run)
    materials = _materials(host, file, settings, reference, pages, given)
    job = Job(host, settings, file, reference, sketches, torch.cat(materials.tokens, 1) if materials.tokens else None,
              extras=given, pages=pages, materials=materials)
    kept = (kept_figure(page.sketch, page.extras(given), settings) for page in job.pages)
    found = [figure for figure in kept if figure is not None]
    job.materials = replace(materials, drawn=found[0] if found else None)  # so that it is not looked for again
    job.figures = tuple(figure.image for figure in found)
    job.told = tuple(dict.fromkeys(filter(None, map(cut_away, found))))
    if follows_sketch(settings, run):
        job.placements = placements_of([page.sketch.size for page in job.pages], file, settings)
    require_whole_sketch(settings, given, run)
    assert job.results  # hints are looked at before anything is painted
    return job


def _materials(
    host: Host, file: ColorizeFile, settings: JobSettings, reference: Image.Image | None,
    pages: Sequence[OpenedPage], given: Extras,
) -> Materials:
    """The pictures as they are looked at, the references' tokens made; ColorizeError for what cannot be shown."""
    page, acts = pages[0], settings.reference_strength > 0
    extras = backdrop_extras(page.extras(given), settings)
    seen, extras, _ = open_references(reference, settings, extras)
    seen, extras = with_margins(seen, extras, settings.reference_padding)
    references = extras.references(seen) if acts else ()
    on_pages = tuple(_regions_on(each, references, each.extras(given)) for each in pages)
    if not references and acts and not (settings.background_enhance and extras.background is not None):
        raise ColorizeError("no reference picture; put one into the reference box (API: \"reference\"), or set the "
                            "reference strength to 0 to colour without one")
    for each, found in zip(pages, on_pages):
        check_regions(found, each.sketch.size)
    require_references(variant_name(file), settings, references, extras.background is not None)
    require_used(settings, extras)
    masks = ((extras.sketch_mask, page.sketch, "sketch"), (extras.reference_mask, seen, "reference"))
    for mask, picture, what in masks:
        if mask is not None and picture is not None:
            given_mask(mask, picture.size, what)
    tokens = shown_references(host, file, references, settings)
    return Materials(host, file, settings, page.sketch, references, tokens, extras, on_pages)


def _regions_on(
    page: OpenedPage, references: Sequence[FurtherReference], followed: Extras,
) -> tuple[FurtherReference, ...]:
    """The references with their regions as they lie over this page; followed: what `page` makes of the job's own."""
    regions = {1: followed.reference_region} | {i: each.region for i, each in enumerate(followed.further, 2)}
    return tuple(replace(found, region=regions[found.place]) for found in references)


def ready_file(host: Host) -> ColorizeFile:
    """The loaded checkpoint; ColorizeError when it cannot colour."""
    file = host.loaded_file()
    if file is None:
        name = Path(host.chosen_path()).name or "(none)"
        raise ColorizeError(f"the loaded checkpoint {name} is no ColorizeDiffusion checkpoint; choose one above "
                            "(colorize-small comes with the extension), or switch ColorizeDiffusion off")
    file.usable()
    if not host.prediction():
        raise ColorizeError(f"{file.path.name} does not say whether it predicts eps or v, and a trial does not tell; "
                            "say so in Settings > ColorizeDiffusion and load it again")
    return file
