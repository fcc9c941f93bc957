"""One request, made ready: its pictures, its reference tokens, and the conditioning for any canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .. import __version__
from ..errors import ColorizeError
from ..method.attach import Attachment
from ..method.conditioning import Conditioning, encode
from ..method.framing import Fit, Frame
from ..method.images import Placement, canvas_sizes, crop_back, line_drawing, resize_lines
from ..method.overlay import multiply_lines, overlay_lines
from .checkpoints import ColorizeFile, sketch_encoder
from .host import Host
from .pictures import decode_picture, picture_hash
from .request import Request
from .settings import PREFIX, JobSettings, Start
from .tokens import TOKENS

PIXELS = 8  # of a picture for one of a latent, in every host


@dataclass(eq=False)
class Job:
    """What one processing object colours. It lives on that object and dies with it."""

    settings: JobSettings
    file: ColorizeFile
    reference: Image.Image | None
    sketches: tuple[Image.Image, ...]  # one, or one for each of several pictures of a batch
    tokens: Tensor | None  # [1, N, D], on the CPU
    placement: Placement | None = None  # of the sketch on the canvas, when the canvas follows it
    frame: Frame | None = None  # of the last run
    attachment: Attachment | None = None  # of the last run
    _conditionings: dict[Frame, Conditioning] = field(default_factory=dict)

    def conditioning(self, host: Host, frame: Frame) -> Conditioning:
        """Tokens and hints for that canvas, on the host's device; made once per canvas."""
        self.frame = frame
        if frame not in self._conditionings:
            host.show_progress("Encoding the sketch")
            self._conditionings[frame] = self._encode(host, frame)
        return self._conditionings[frame]

    @torch.no_grad()
    def _encode(self, host: Host, frame: Frame) -> Conditioning:
        device = host.device()
        encoder = sketch_encoder(self.file)
        host.make_room(encoder)
        encoder.to(device)
        canvases = [frame.place(line_drawing(sketch, self.settings)) for sketch in self.sketches]
        parts = [encode(encoder, canvas.to(device), None, self.settings) for canvas in canvases]
        host.show_progress("")
        hints = tuple(torch.cat(level) for level in zip(*(part.hints for part in parts)))
        tokens = None if self.tokens is None else self.tokens.to(device)
        return Conditioning(tokens, hints, parts[0].blank_hints)

    def forget_tensors(self) -> None:
        """Let go of all that only sampling needs; what still holds the attachment (a host's closures) holds nothing."""
        self._conditionings.clear()
        if self.attachment is not None:
            self.attachment.close()

    def finish(self, image: Image.Image, index: int) -> Image.Image:
        """A decoded picture as the user wants it: cut to the sketch, with its lines over it."""
        sketch = self.sketches[index % len(self.sketches)]
        if self.placement is not None and image.size == (self.placement.canvas_width, self.placement.canvas_height):
            return overlay_lines(crop_back(image, self.placement), sketch, self.settings)
        if self.settings.line_overlay == 0 or self.frame is None:
            return image
        lines = self.frame.place(line_drawing(sketch, self.settings))
        return multiply_lines(image, resize_lines(lines, image.height, image.width), self.settings.line_overlay)

    def infotext(self) -> dict[str, str]:
        """What a picture's text says of this job."""
        hashes = {"reference hash": [self.reference] if self.reference else [], "sketch hash": list(self.sketches)}
        found = {PREFIX + key: " ".join(map(picture_hash, pictures)) for key, pictures in hashes.items() if pictures}
        return {PREFIX + "version": __version__, **found, **self.settings.job_infotext()}


def start(host: Host, p: Any, request: Request, sketches_before: Sequence[Image.Image] = ()) -> Job:
    """The job of a request; ColorizeError for everything that stands in its way, before anything is computed.

    sketches_before: of a run whose result is now the host's own picture (loopback): the sketch stays the same.
    """
    file = ready_file(host, p)
    settings = request.settings
    reference = decode(host, request.reference, "the reference")
    if reference is None and settings.reference_strength > 0:
        raise ColorizeError("no reference picture; put one into the reference box (API: \"reference\"), or set the "
                            "reference strength to 0 to colour without one")
    sketches = tuple(sketches_before) or _sketches(host, p, request)
    tokens = None if reference is None or settings.reference_strength == 0 else TOKENS.tokens(host, file, reference)
    job = Job(settings, file, reference, sketches, tokens)
    if _follows_sketch(p, settings):
        job.placement = placement_of(sketches[0].size, file, settings)
    return job


def ready_file(host: Host, p: Any) -> ColorizeFile:
    """The loaded checkpoint, when it can colour and nothing of the request is in the way."""
    file = host.loaded_file()
    if file is None:
        name = Path(host.chosen_path()).name or "(none)"
        raise ColorizeError(f"the loaded checkpoint {name} is no ColorizeDiffusion checkpoint; choose one above "
                            "(colorize-small comes with the extension), or switch ColorizeDiffusion off")
    file.usable()
    if not host.prediction():
        raise ColorizeError(f"{file.path.name} does not say whether it predicts eps or v, and a trial does not tell; "
                            "say so in Settings > ColorizeDiffusion and load it again")
    refusal = host.refusal(p)
    if refusal:
        raise ColorizeError(refusal)
    return file


def decode(host: Host, value: Any, what: str) -> Image.Image | None:
    """A picture out of a widget or an API call, as this host allows."""
    return decode_picture(value, what, host.picture_folders(), host.fetch_picture())


def _sketches(host: Host, p: Any, request: Request) -> tuple[Image.Image, ...]:
    own = decode(host, request.sketch, "the sketch")
    given = list(getattr(p, "init_images", None) or [])
    if request.settings.start is Start.BASE and any(value is None for value in given):
        raise ColorizeError("keep base: img2img's own picture is empty; put the coloured picture there, or start from "
                            "pure noise")
    if own is not None:
        return (own,)
    if not given:
        raise ColorizeError("no sketch; put one into the sketch box (API: \"sketch\"), or use img2img's own picture")
    if request.settings.start is Start.BASE and request.settings.extractor == "none":
        raise ColorizeError("keep base: img2img's picture is the coloured one, so the sketch is missing; put it into "
                            "the extension's sketch box, or choose a line extractor to draw it from that picture")
    pictures = [decode(host, value, "the sketch") for value in given]
    if any(picture is None for picture in pictures):
        raise ColorizeError("no sketch: img2img's picture is empty; put a sketch there or into the sketch box")
    first = given[0]
    found = [picture for picture in pictures if picture is not None]
    return tuple(found[:1] if all(value is first for value in given) else found)


def _follows_sketch(p: Any, settings: JobSettings) -> bool:
    """True when width and height are to follow the sketch."""
    plain = not getattr(p, "resize_mode", 0) and getattr(p, "image_mask", None) is None
    return settings.size_from_sketch and plain and settings.start is Start.NOISE


def placement_of(drawing: tuple[int, int], file: ColorizeFile, settings: JobSettings) -> Placement:
    """Canvas at the checkpoint's own size for a sketch of (width, height), and where the sketch lies on it."""
    card = file.usable()
    multiple = PIXELS * 2 ** (len(card.config.unet.channel_mult) - 1)
    (w, h), (width, height) = canvas_sizes(drawing, settings, card.resolution, multiple)
    return Placement((width - w) // 2, (height - h) // 2, w, h, width, height)


def frame_of(p: Any, job: Job, x: Tensor) -> Frame:
    """Where the sketch lies on the canvas of the coming run, whose latent is like x [B, C, h, w]."""
    width, height = x.shape[-1] * PIXELS, x.shape[-2] * PIXELS
    if getattr(p, "is_hr_pass", False):
        full = Frame(p.hr_upscale_to_x, p.hr_upscale_to_y, Fit.FILL)
        if (full.width, full.height) == (width, height):
            return full
        left, top = p.truncate_x // 2 * PIXELS, p.truncate_y // 2 * PIXELS
        return replace(full, cut=(left, top, left + width, top + height))
    if job.placement is not None or not hasattr(p, "resize_mode"):  # txt2img has no picture of its own
        return Frame(width, height, Fit.FILL)
    if getattr(p, "inpaint_full_res", False) and p.image_mask is not None and p.paste_to:
        left, top, across, down = p.paste_to
        return Frame(width, height, Fit.STRETCH, (left, top, left + across, top + down), p.init_images[0].size)
    return Frame(width, height, Fit(p.resize_mode))
