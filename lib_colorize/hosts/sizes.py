"""The canvas that sketches get at the checkpoint's own size, where each lies on it, and how a result is cut back."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..pictures.canvas import Placement, canvas_sizes, letterbox_placement
from ..pictures.flattening import WHITE, over_paper
from ..pictures.framing import Box, Frame
from .checkpoints import ColorizeFile
from .settings import JobSettings

PIXELS = 8  # of a picture for one of a latent, in every host
Size = tuple[int, int]  # width, height


def placement_of(drawing: Size, file: ColorizeFile, settings: JobSettings) -> Placement:
    """Canvas at the checkpoint's own size for a sketch of (width, height), and where the sketch lies on it."""
    card = file.usable()
    (w, h), (width, height) = canvas_sizes(drawing, settings, card.resolution, card.multiple, card.square)
    return Placement((width - w) // 2, (height - h) // 2, w, h, width, height)


def placements_of(drawings: Sequence[Size], file: ColorizeFile, settings: JobSettings) -> tuple[Placement, ...]:
    """One canvas for all sketches of a batch, as wide and as high as any of them needs, and each one's place on it."""
    alone = [placement_of(drawing, file, settings) for drawing in drawings]
    width, height = max(p.canvas_width for p in alone), max(p.canvas_height for p in alone)
    return tuple(own if (own.canvas_width, own.canvas_height) == (width, height)
                 else letterbox_placement(drawing, width, height) for drawing, own in zip(drawings, alone))


def sketch_box(image: Size, frame: Frame, placement: Placement) -> Box:
    """The part of a result, in its pixels, that is the sketch's; frame: of the run that gave it, at any scale."""
    left, top, right, bottom = frame.cut or (0, 0, frame.width, frame.height)
    x, y = frame.width / placement.canvas_width, frame.height / placement.canvas_height
    across, down = image[0] / (right - left), image[1] / (bottom - top)
    x1, y1 = round((placement.left * x - left) * across), round((placement.top * y - top) * down)
    x2, y2 = x1 + round(placement.width * x * across), y1 + round(placement.height * y * down)
    return max(x1, 0), max(y1, 0), min(x2, image[0]), min(y2, image[1])


def on_canvas(image: Image.Image, placement: Placement) -> Image.Image:
    """A picture that was cut to its sketch, and maybe cut out, in its place on the canvas again, on white paper."""
    canvas = Image.new("RGB", (placement.canvas_width, placement.canvas_height), "white")
    picture = over_paper(image, WHITE).convert("RGB")
    resized = picture.resize((placement.width, placement.height), Image.Resampling.LANCZOS)
    canvas.paste(resized, (placement.left, placement.top))
    return canvas
