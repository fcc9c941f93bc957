"""Pictures in and out: files to 8-bit pictures, sketches and references to tensors, results back to pictures."""

from __future__ import annotations

import io
import itertools
import math
import os
import stat
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageFile, ImageOps
from torch import Tensor
from torch.nn import functional as F

from ..errors import ColorizeError
from .lineart import MIN_CONTRAST, dark_lines, extract, extractor, polarity_score, telling_channel
from .settings import MAX_SIZE, Polarity, Settings

MIN_SIDE = 8  # pixels, of an input and of a sketch within its canvas: less shows nothing
MAX_SIDE = 16384
MAX_PIXELS = 100_000_000
WORK_SIDE = 2 * MAX_SIZE  # larger pictures are averaged down by a whole factor first: memory, not looks
PROGRAMS = ("EPS", "WMF")  # formats that Pillow draws with an outside program


@dataclass(frozen=True)
class Placement:
    """Where the wanted picture lies on its canvas, in pixels."""

    left: int
    top: int
    width: int
    height: int
    canvas_width: int
    canvas_height: int


def open_image(source: str | os.PathLike[str] | bytes | BinaryIO) -> Image.Image:
    """Any picture that Pillow reads, as 8-bit RGB, or RGBA where something is transparent; EXIF turned, first frame.

    ColorizeError, one line that names the file, for everything else: missing, a folder, empty, not an image,
    damaged, below MIN_SIDE, above MAX_SIDE or MAX_PIXELS (told from the header, before anything is decoded).
    """
    if isinstance(source, (bytes, bytearray)):
        return _decode(io.BytesIO(source), "the picture")
    if not isinstance(source, (str, os.PathLike)):
        name = _printable(getattr(source, "name", "the picture"))
        content = source.read()
        if not isinstance(content, bytes):
            raise ColorizeError(f"{name}: opened as text; open it in binary mode")
        return _decode(io.BytesIO(content), name)
    name = _printable(source)
    try:
        mode = os.stat(source).st_mode
        if stat.S_ISDIR(mode):
            raise ColorizeError(f"{name}: a folder, expected a picture file")
        if not stat.S_ISREG(mode):
            raise ColorizeError(f"{name}: not an ordinary file, expected a picture file")
        with open(source, "rb") as stream:
            return _decode(stream, name)
    except FileNotFoundError:
        raise ColorizeError(f"{name}: no such file; check the path") from None
    except ColorizeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise ColorizeError(f"{name}: cannot be opened: {getattr(error, 'strerror', None) or error}") from None


def _printable(source: Any) -> str:
    name = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else str(source)
    return name if name.isprintable() and name else repr(name)


class _StrictPillow:
    """Inside, half a file is an error even where the host allows it. Threads may overlap: Pillow's flag is one for all,
    so the first to come sets it and the last to go puts it back, unless somebody else has set it meanwhile.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and not ImageFile.LOAD_TRUNCATED_IMAGES:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before


_STRICT = _StrictPillow()


def _decode(stream: BinaryIO, name: str) -> Image.Image:
    if stream.seek(0, os.SEEK_END) == 0:
        raise ColorizeError(f"{name}: an empty file (0 bytes), expected a picture")
    stream.seek(0)
    with _STRICT:
        try:
            image = Image.open(stream)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's own limit is wider than ours
            raise ColorizeError(f"{name}: too large, expected at most {_limit()}; make it smaller") from None
        except Exception:  # noqa: BLE001 - Pillow raises anything here, SyntaxError to struct.error
            raise ColorizeError(f"{name}: not an image that can be read; expected PNG, JPEG, WebP") from None
        if image.format in PROGRAMS:
            raise ColorizeError(f"{name}: {image.format} is not supported; save it as PNG")
        _check_size(image.size, name)
        try:
            image.load()
            return _to_8bit(_turned(image))
        except (MemoryError, Image.DecompressionBombError):
            raise ColorizeError(f"{name}: no memory for {image.width}x{image.height} pixels; make it smaller") from None
        except Exception as error:  # noqa: BLE001 - as above, inside the pixel data
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ColorizeError(f"{name}: a damaged or truncated picture ({reason}); save it again") from None


def _limit() -> str:
    return f"{MAX_SIDE} pixels a side and {MAX_PIXELS / 1e6:g} million in all"


def _check_size(size: tuple[int, int], name: str) -> None:
    w, h = size
    if min(w, h) < MIN_SIDE:
        raise ColorizeError(f"{name}: {w}x{h} pixels is too small, expected at least {MIN_SIDE} a side")
    if max(w, h) > MAX_SIDE or w * h > MAX_PIXELS:
        raise ColorizeError(f"{name}: {w}x{h} pixels is too large, expected at most {_limit()}; make it smaller")


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - unreadable EXIF data says nothing about the picture: keep it as stored
        return image


def _to_8bit(image: Image.Image) -> Image.Image:
    """Any mode -> RGB, or RGBA where a pixel is not opaque."""
    if image.mode.startswith(("I", "F")):
        image = _deep_grey(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return image
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey -> L, or LA where a PNG names a transparent grey. Pillow itself would clip.

    PNG and PGM are 16 bit; elsewhere the full scale is the smallest of 1 (float only), 255, 65535 and 2**32 - 1
    that holds every value.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not numbers")
    sixteen = image.mode.startswith("I;16") or image.format in ("PNG", "PPM")
    scales = [65535.0] if sixteen else [255.0, 65535.0, 2.0**32 - 1]
    if image.mode == "F":
        scales = [1.0, *scales]
    top = float(values.max())
    scale = next((s for s in scales if top <= s), top)
    grey = Image.fromarray(np.rint(values.clip(0) / scale * 255).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def sketch_tensor(
    image: Image.Image, settings: Settings, resolution: int, multiple: int
) -> tuple[Tensor, Placement]:
    """A sketch as the sketch encoder wants it: [1, 3, H, W], lines +1 on -1, and where to crop the result.

    H and W are multiples of `multiple`. Values lie in [-1, 1] but for the overshoot of bicubic resizing, which the
    released models know. The drawing keeps its aspect ratio and is never cropped; paper (-1) lies around it.
    - settings.width x height given: the drawing is letterboxed into exactly that size (golden pre.sketch.*), and the
      placement is that size, so the result has it too, with coloured paper where the aspect ratios differ.
    - otherwise: the drawing's aspect ratio at an area of about resolution**2, no side above MAX_SIZE; the placement
      is the drawing itself.
    ColorizeError for a sketch without lines, an unknown extractor, and one so long that less than MIN_SIDE pixels of
    its short side would be left.
    """
    extractor(settings.extractor)  # a wrong name is told before any work
    _check_size(image.size, "the sketch")
    size, canvas = canvas_sizes(image.size, settings, resolution, multiple)
    sketch = line_drawing(image, settings)
    if not settings.width:
        return _paste(resize_lines(sketch, size[1], size[0]), canvas[1], canvas[0])
    boxed, _ = letterbox(sketch, settings.height, settings.width)
    return _paste(boxed, canvas[1], canvas[0])


def line_drawing(image: Image.Image, settings: Settings) -> Tensor:
    """The lines of a sketch at its own size (a whole fraction of it above WORK_SIDE): [1, 3, h, w], lines +1 on -1.

    ColorizeError when there are none.
    """
    picture = _unit(_flat(_shrunk(_to_8bit(image)), settings.polarity))
    if float((picture.amax((1, 2)) - picture.amin((1, 2))).max()) < MIN_CONTRAST:
        raise ColorizeError("the sketch has no lines: it is of one colour all over; choose another file")
    return extract(dark_lines(picture, settings.polarity), settings.extractor)[None]


def canvas_sizes(
    drawing: tuple[int, int], settings: Settings, resolution: int, multiple: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the drawing within its canvas, and of the canvas; see `sketch_tensor`."""
    w, h = drawing

    def fitted(box: tuple[int, int]) -> tuple[int, int]:
        r = min(box[0] / w, box[1] / h)
        return round(w * r), round(h * r)

    if settings.width:
        size = fitted((settings.width, settings.height))
        canvas = (_round_up(settings.width, multiple), _round_up(settings.height, multiple))
    else:
        scale = min(resolution / math.sqrt(w * h), MAX_SIZE / max(w, h))
        steps = [[max(1, f(side * scale / multiple)) for f in (math.floor, math.ceil)] for side in (w, h)]
        most = max(1, MAX_SIZE // multiple)
        boxes = [(min(a, most) * multiple, min(b, most) * multiple) for a, b in itertools.product(*steps)]
        wanted = w * h * scale**2
        canvas = min(boxes, key=lambda box: abs(math.log(max(1, math.prod(fitted(box))) / wanted)))
        size = fitted(canvas)
    if min(size) < MIN_SIDE:
        raise ColorizeError(
            f"the sketch of {w}x{h} pixels would become {size[0]}x{size[1]}, expected at least {MIN_SIDE} a side; "
            "crop it, or ask for a larger size")
    return size, canvas


def _round_up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def _shrunk(image: Image.Image) -> Image.Image:
    factor = -(-max(image.size) // WORK_SIDE)
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image


def _flat(image: Image.Image, polarity: Polarity) -> Image.Image:
    """RGB; transparent pixels become paper: white under dark lines, black under light ones.

    Which one AUTO tells from the picture over both: the right one shows a drawing, the other hides its lines.
    """
    if image.mode != "RGBA":
        return image
    white, black = _over(image, 255), _over(image, 0)
    if polarity is not Polarity.AUTO:
        return white if polarity is Polarity.DARK_ON_LIGHT else black
    sure = [abs(polarity_score(telling_channel(_unit(over)))) for over in (white, black)]
    return white if sure[0] >= sure[1] else black


def _over(image: Image.Image, grey: int) -> Image.Image:
    paper = Image.new("RGBA", image.size, (grey, grey, grey, 255))
    return Image.alpha_composite(paper, image).convert("RGB")


def _unit(image: Image.Image) -> Tensor:
    """RGB picture -> [3, h, w] in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def letterbox(sketch: Tensor, height: int, width: int) -> tuple[Tensor, Placement]:
    """sketch: [B, 3, h, w], lines +1 on -1 -> the same resized to fit, centred on [B, 3, height, width] of -1.

    Golden pre.sketch.*: r = min(H / h, W / w), antialiased bicubic to (int(h r), int(w r)), nothing clamped.
    """
    h, w = sketch.shape[-2:]
    r = min(height / h, width / w)
    return _paste(resize_lines(sketch, max(1, int(h * r)), max(1, int(w * r))), height, width)


def resize_lines(sketch: Tensor, height: int, width: int) -> Tensor:
    """sketch: [B, 3, h, w] -> [B, 3, height, width], antialiased bicubic, not clamped."""
    if sketch.shape[-2:] == (height, width):
        return sketch
    return F.interpolate(sketch, (height, width), mode="bicubic", antialias=True)


def _paste(sketch: Tensor, height: int, width: int) -> tuple[Tensor, Placement]:
    h, w = sketch.shape[-2:]
    top, left = (height - h) // 2, (width - w) // 2
    canvas = sketch.new_full((*sketch.shape[:-2], height, width), -1.0)
    canvas[..., top : top + h, left : left + w] = sketch
    return canvas, Placement(left, top, w, h, width, height)


def reference_tensor(image: Image.Image) -> Tensor:
    """A reference as the reference encoder wants it: [1, 3, h, w] in [-1, 1], transparency over white.

    h and w are the picture's own (the encoder resizes), a whole fraction of them above WORK_SIDE.
    """
    image = _shrunk(_to_8bit(image))
    return (_unit(_over(image, 255) if image.mode == "RGBA" else image) * 2 - 1)[None]


def to_image(x: Tensor) -> Image.Image:
    """x: [3, H, W] in [-1, 1], any float type -> RGB; clipped and rounded (the authors truncate, quirk 20).

    ColorizeError for NaN or infinity, which would come out as black.
    """
    if not bool(torch.isfinite(x).all()):
        raise ColorizeError("the result holds values that are not numbers; use float32, or a lower guidance")
    u8 = ((x.detach().float().cpu() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(u8.permute(1, 2, 0).contiguous().numpy())


def crop_back(image: Image.Image, placement: Placement) -> Image.Image:
    """The wanted picture out of the canvas; `image` has the canvas' size."""
    if image.size != (placement.canvas_width, placement.canvas_height):
        raise ColorizeError(
            f"result of {image.width}x{image.height} pixels, expected the canvas of "
            f"{placement.canvas_width}x{placement.canvas_height}")
    p = placement
    return image.crop((p.left, p.top, p.left + p.width, p.top + p.height))
