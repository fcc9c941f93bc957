"""Pictures in and out: every pixel mode, every bad file, geometry and the golden sketches."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFile

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import MAX_SIZE, Polarity, Settings
from lib_colorize.pictures import picture_files
from lib_colorize.pictures.canvas import Placement, crop_back, letterbox
from lib_colorize.pictures.images import reference_tensor, sketch_tensor, to_image
from lib_colorize.pictures.picture_files import MIN_SIDE, open_image
from tests.conftest import golden_ids
from tests.golden.reader import Golden

RAMP = np.linspace(0, 255, 16 * 12).reshape(12, 16).round().astype(np.uint8)
RGB = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], -1)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    """A PNG of that size which holds no pixels worth the name."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def circle(ink: tuple[int, ...], paper: tuple[int, ...], size: tuple[int, int] = (96, 64)) -> Image.Image:
    image = Image.new("RGBA" if len(paper) == 4 else "RGB", size, paper)
    w, h = size
    ImageDraw.Draw(image).ellipse((w // 4, h // 4, w * 3 // 4, h * 3 // 4), outline=ink, width=3)
    return image


LINES = sketch_tensor(circle((0, 0, 0), (255, 255, 255)), Settings(), 64, 8)[0]


# Reading

@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_rgb_pixels_come_through_every_format(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    got = open_image(saved(Image.fromarray(RGB), kind, **options))
    assert got.mode == "RGB" and np.array_equal(np.asarray(got), RGB)


def test_path_string_bytes_and_stream_are_the_same_picture(tmp_path: Path) -> None:
    content = saved(Image.fromarray(RGB))
    path = tmp_path / "ä picture.png"
    path.write_bytes(content)
    with path.open("rb") as stream:
        for source in (path, str(path), content, stream):
            assert np.array_equal(np.asarray(open_image(source)), RGB)


def test_grey_palette_and_bilevel_become_rgb() -> None:
    for image in (Image.fromarray(RAMP), Image.fromarray(RAMP).convert("P"), Image.fromarray(RAMP).convert("1")):
        got = open_image(saved(image))
        assert got.mode == "RGB" and np.array_equal(np.asarray(got), np.asarray(image.convert("RGB")))


def test_alpha_is_kept_where_something_is_transparent_and_dropped_where_nothing_is() -> None:
    for mode in ("RGBA", "LA"):
        image = Image.fromarray(RGB).convert(mode)
        assert open_image(saved(image)).mode == "RGB"
        image.putalpha(Image.fromarray(RAMP))
        got = open_image(saved(image))
        assert got.mode == "RGBA" and np.array_equal(np.asarray(got)[..., 3], RAMP)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGB"])
def test_a_transparent_colour_becomes_alpha(mode: str) -> None:
    image = Image.new("L", (16, 12), 255).convert(mode)
    image.paste(0, (4, 4, 8, 8))
    background = image.getpixel((0, 0))
    got = open_image(saved(image, transparency=background))
    alpha = np.asarray(got)[..., 3]
    assert got.mode == "RGBA" and alpha[0, 0] == 0 and alpha[5, 5] == 255


@pytest.mark.parametrize("dtype, factor, kind", [
    (np.uint16, 257, "PNG"), (np.uint16, 257, "TIFF"), (np.int32, 257, "TIFF"), (np.int32, 1, "TIFF"),
    (np.float32, 1 / 255, "TIFF"), (np.float32, 1, "TIFF"), (np.float32, 257, "TIFF"),
])
def test_deep_grey_is_scaled_not_clipped(dtype: Any, factor: float, kind: str) -> None:
    image = Image.fromarray((RAMP * np.float64(factor)).astype(dtype))
    got = np.asarray(open_image(saved(image, kind)))
    assert np.array_equal(got, np.repeat(RAMP[..., None], 3, -1))


def test_a_dark_16_bit_png_stays_dark() -> None:
    assert np.asarray(open_image(saved(Image.fromarray(np.full((9, 9), 200, np.uint16))))).max() == 1


def test_cmyk_becomes_rgb() -> None:
    got = open_image(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF"))
    assert got.mode == "RGB" and got.getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = Image.fromarray(RGB)
    stored = {  # what a camera stores so that the orientation turns it upright (EXIF 2.3, 4.6.4 A)
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB), 7: RGB[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(RGB, -1)}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = open_image(saved(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
    assert np.array_equal(np.asarray(got), np.asarray(upright))


def test_an_animation_gives_its_first_frame() -> None:
    first, second = Image.new("RGB", (16, 16), (255, 0, 0)), Image.new("RGB", (16, 16), (0, 255, 0))
    assert open_image(saved(first, "GIF", save_all=True, append_images=[second])).getpixel((0, 0)) == (255, 0, 0)


# Bad files

NOISY = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
BAD = {
    "empty": (b"", "0 bytes"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "not an image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    "text": (b"P6 is a line of a diary, not a picture.\n" * 50, "not an image|damaged"),
    "binary": (bytes(range(256)) * 20, "not an image"),
    "one_byte": (b"\x89", "not an image"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n\n", "not supported|not an image"),
    "truncated_png": (saved(NOISY)[:-3000], "truncated"),
    "truncated_jpeg": (saved(NOISY, "JPEG")[:-900], "truncated"),
    "truncated_webp": (saved(NOISY, "WEBP", lossless=True)[:-3000], "truncated|not an image"),
    "truncated_header": (saved(NOISY)[:20], "not an image|truncated"),
    "broken_pixels": (saved(NOISY).replace(b"IDAT", b"IDAT\0\0\0\0", 1), "damaged"),
    "huge": (png_header(50_000, 50_000), "too large"),
    "long": (png_header(20_000, 20), "20000x20.*too large"),
    "area": (png_header(12_000, 12_000), "12000x12000.*too large"),
    "dot": (saved(Image.new("RGB", (1, 1))), "1x1.*too small"),
    "thread": (saved(Image.new("RGB", (500, MIN_SIDE - 1))), "too small"),
    "nan": (saved(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"), "not numbers"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("error", "ignore::PIL.Image.DecompressionBombWarning")
def test_a_bad_file_gives_one_line_that_names_it(tmp_path: Path, kind: str) -> None:
    content, message = BAD[kind]
    path = tmp_path / f"{kind}.png"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content), content):
        with pytest.raises(ColorizeError, match=message) as caught:
            open_image(source)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(f"{path}: " if source is path else "the picture: ")


@pytest.mark.parametrize("path, message", [
    ("missing.png", "no such file"), (".", "a folder"), ("nul\0.png", "cannot be opened"), ("", "no such file"),
    ("line\nbreak.png", "no such file"),
])
def test_a_path_that_leads_to_no_file_is_named_in_one_line(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ColorizeError, match=message) as caught:
        open_image(str(tmp_path / path) if path else "")
    assert "\n" not in str(caught.value)


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ColorizeError, match="not an ordinary file"):
        open_image(tmp_path / "pipe.png")


def test_half_a_file_is_refused_even_where_the_host_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for kind in ("truncated_png", "truncated_jpeg", "huge"):
        with pytest.raises(ColorizeError):
            open_image(BAD[kind][0])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_overlapping_calls_leave_the_hosts_flag_and_filters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each starts before the one before it has ended."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    filters, refused = list(warnings.filters), []

    class Slow(io.BytesIO):
        def __init__(self, content: bytes, started: threading.Event, may_end: threading.Event) -> None:
            super().__init__(content)
            self.started, self.may_end = started, may_end

        def read(self, size: int | None = -1) -> bytes:
            self.started.set()
            self.may_end.wait(10)
            return super().read(size)

    def decode(stream: io.BytesIO) -> None:
        with pytest.raises(ColorizeError, match="truncated"):
            picture_files._decode(stream, "half")
        refused.append(stream)

    events = [(threading.Event(), threading.Event()) for _ in range(3)]
    threads = [threading.Thread(target=decode, args=(Slow(BAD["truncated_png"][0], *pair),)) for pair in events]
    for thread, (started, _) in zip(threads, events):
        thread.start()
        assert started.wait(10)
    for thread, (_, may_end) in zip(threads, events):  # the first to come is the first to go
        may_end.set()
        thread.join(10)
    assert len(refused) == 3
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True and warnings.filters == filters


# Sketches

@pytest.mark.parametrize("id", golden_ids("pre.sketch."))
def test_sketch_equals_the_authors(golden: Golden, id: str) -> None:
    case = golden.case(id)
    height, width = case["params"]["resolution"]
    mode = case["params"]["mode"]
    polarity = Polarity.LIGHT_ON_DARK if mode == "none" else Polarity.DARK_ON_LIGHT
    extractor = "lineart" if mode == "invert-webui" else "none"
    settings = Settings(width=width, height=height, polarity=polarity, extractor=extractor, line_strength="as drawn")
    got, _ = sketch_tensor(Image.fromarray(golden.get(case, "inputs", "sketch_u8")), settings, min(height, width), 8)
    golden.check(case, "sketch", got.numpy())


@pytest.mark.parametrize("id", golden_ids("pre.sketch.none"))
def test_placement_and_paper_equal_the_authors(golden: Golden, id: str) -> None:
    case = golden.case(id)
    u8 = torch.from_numpy(golden.get(case, "inputs", "sketch_u8"))
    sketch = u8.permute(2, 0, 1)[None].float() / 127.5 - 1
    got, p = letterbox(sketch, *case["params"]["resolution"])
    golden.check(case, "sketch", got.numpy())
    golden.check(case, "white_sketch", -got.numpy())
    assert [p.left, p.top, p.width, p.height] == case["params"]["original_shape"]


@pytest.mark.parametrize("id", golden_ids("pre.crop"))
def test_crop_equals_the_authors(golden: Golden, id: str) -> None:
    case = golden.case(id)
    image = Image.fromarray(golden.get(case, "inputs", "image_u8"))
    left, top, width, height = case["params"]["original_shape"]
    got = crop_back(image, Placement(left, top, width, height, image.width, image.height))
    golden.check(case, "crop_u8", np.asarray(got))


def test_letterbox_and_crop_back_are_inverse_at_any_size() -> None:
    rng = np.random.default_rng(0)
    for h, w, height, width in rng.integers(1, 90, (60, 4)):
        canvas, p = letterbox(torch.ones(1, 3, h, w), int(height), int(width))
        assert canvas.shape == (1, 3, height, width) and (p.canvas_height, p.canvas_width) == (height, width)
        assert p.left >= 0 and p.top >= 0 and p.left + p.width <= width and p.top + p.height <= height
        assert p.width >= width - 1 or p.height >= height - 1  # int(h r) may lose one to rounding, as the authors' does
        inside = np.asarray(crop_back(to_image(canvas[0]), p))
        assert inside.shape == (p.height, p.width, 3) and inside.min() == 255
        assert int((canvas > 0).sum()) == 3 * p.width * p.height
        assert int((canvas == -1).sum()) == int((canvas < 0).sum())
        assert abs(width - p.width - 2 * p.left) <= 1 and abs(height - p.height - 2 * p.top) <= 1


def test_a_sketch_of_canvas_size_passes_unchanged() -> None:
    sketch = torch.rand(2, 3, 40, 56)
    canvas, p = letterbox(sketch, 40, 56)
    assert torch.equal(canvas, sketch) and p == Placement(0, 0, 56, 40, 56, 40)


@pytest.mark.parametrize("multiple", [8, 64])
def test_size_follows_the_aspect_ratio_at_the_models_area(multiple: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        w, h = (int(v) for v in rng.integers(40, 400, 2))
        sketch, p = sketch_tensor(circle((0, 0, 0), (255, 255, 255), (w, h)), Settings(), 256, multiple)
        height, width = sketch.shape[-2:]
        assert width % multiple == 0 and height % multiple == 0 and (p.canvas_width, p.canvas_height) == (width, height)
        assert abs(p.width - p.height * w / h) <= 0.5 + 0.5 * w / h  # rounded to whole pixels, nothing distorted
        assert p.width == width or p.height == height
        assert 0.65 < p.width * p.height / 256**2 < 1.5
        outside = torch.ones_like(sketch, dtype=torch.bool)
        outside[..., p.top : p.top + p.height, p.left : p.left + p.width] = False
        assert bool((sketch[outside] == -1).all())


@pytest.mark.parametrize(("size", "wanted"), [
    ((512, 308), (256, 154)), ((308, 512), (154, 256)), ((60, 60), (256, 256)), ((3000, 300), (256, 26))])
def test_a_model_of_squares_alone_gets_a_square_with_the_drawing_in_its_middle(
    size: tuple[int, int], wanted: tuple[int, int],
) -> None:
    sketch, p = sketch_tensor(circle((0, 0, 0), (255, 255, 255), size), Settings(), 256, 64, square=True)
    assert sketch.shape[-2:] == (256, 256) and (p.width, p.height) == wanted
    assert (p.left, p.top) == ((256 - p.width) // 2, (256 - p.height) // 2)
    asked = sketch_tensor(circle((0, 0, 0), (255, 255, 255)), Settings(width=128, height=64), 256, 64, square=True)[0]
    assert asked.shape[-2:] == (64, 128)


@pytest.mark.parametrize("side", [9, 49, 98, 161, 512, 1000])
def test_a_square_sketch_fills_the_models_own_size(side: int) -> None:
    _, p = sketch_tensor(circle((0, 0, 0), (255, 255, 255), (side, side)), Settings(), 128, 64)
    assert p == Placement(0, 0, 128, 128, 128, 128)


@pytest.mark.parametrize("width, height, multiple", [(100, 60, 64), (128, 128, 64), (33, 97, 8)])
def test_an_asked_size_is_given_exactly(width: int, height: int, multiple: int) -> None:
    sketch, p = sketch_tensor(circle((0, 0, 0), (255, 255, 255)), Settings(width=width, height=height), 64, multiple)
    assert (p.width, p.height) == (width, height)
    assert list(sketch.shape[-2:]) == [-(-side // multiple) * multiple for side in (height, width)]
    assert crop_back(to_image(sketch[0]), p).size == (width, height)
    inside = sketch[..., p.top : p.top + height, p.left : p.left + width]
    assert torch.equal((inside > 0).sum(), (sketch > 0).sum()) and bool((inside > 0).any())


@pytest.mark.parametrize("size", [(3000, 60), (60, 3000), (9000, 90)])
def test_a_long_sketch_stays_within_the_largest_size(size: tuple[int, int]) -> None:
    sketch, p = sketch_tensor(circle((0, 0, 0), (255, 255, 255), size), Settings(), 512, 64)
    assert max(sketch.shape[-2:]) <= MAX_SIZE and min(p.width, p.height) >= MIN_SIDE
    assert max(p.width, p.height) / min(p.width, p.height) == pytest.approx(max(size) / min(size), rel=0.05)
    assert float(sketch.max()) > 0


def test_a_sketch_too_long_to_be_drawn_is_an_error() -> None:
    with pytest.raises(ColorizeError, match="16000x10.*crop it"):
        sketch_tensor(circle((0, 0, 0), (255, 255, 255), (16000, 10)), Settings(), 512, 64)
    with pytest.raises(ColorizeError, match="larger size"):
        sketch_tensor(circle((0, 0, 0), (255, 255, 255), (600, 20)), Settings(width=64, height=64), 64, 8)


SAME = {
    "white on black": circle((255, 255, 255), (0, 0, 0)),
    "black on transparent": circle((0, 0, 0, 255), (0, 0, 0, 0)),
    "black on transparent white": circle((0, 0, 0, 255), (255, 255, 255, 0)),
    "white on transparent": circle((255, 255, 255, 255), (255, 255, 255, 0)),
    "white on transparent black": circle((255, 255, 255, 255), (0, 0, 0, 0)),
    "red on transparent": circle((255, 0, 0, 255), (0, 0, 0, 0)),
    "opaque white paper": circle((0, 0, 0, 255), (255, 255, 255, 255)),
    "lines cut out of white paper": circle((255, 255, 255, 0), (255, 255, 255, 255)),
    "lines cut out of black paper": circle((0, 0, 0, 0), (0, 0, 0, 255)),
    "grey": circle((0, 0, 0), (255, 255, 255)).convert("L"),
    "blue": circle((0, 0, 255), (255, 255, 255)),
    "dark grey paper": circle((0, 0, 0), (60, 60, 60)),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_drawing_gives_the_same_sketch(kind: str) -> None:
    got, _ = sketch_tensor(SAME[kind], Settings(), 64, 8)
    assert torch.allclose(got, LINES, atol=0.02)
    assert float(got.max()) > 0.95 and float(got.median()) == -1


def test_a_cut_out_figure_keeps_its_lines() -> None:
    """White skin and black outline on transparent, as clip art has it, and its negative."""
    white = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    ImageDraw.Draw(white).ellipse((24, 16, 72, 48), fill=(255, 255, 255, 255), outline=(0, 0, 0, 255), width=3)
    black = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    ImageDraw.Draw(black).ellipse((24, 16, 72, 48), fill=(0, 0, 0, 255), outline=(255, 255, 255, 255), width=3)
    for image in (white, black):
        assert torch.allclose(sketch_tensor(image, Settings(), 64, 8)[0], LINES, atol=0.02)


def test_a_given_polarity_decides_what_lies_behind_transparency() -> None:
    dark, light = Settings(polarity=Polarity.DARK_ON_LIGHT), Settings(polarity=Polarity.LIGHT_ON_DARK)
    assert torch.allclose(sketch_tensor(SAME["black on transparent"], dark, 64, 8)[0], LINES, atol=0.02)
    assert torch.allclose(sketch_tensor(SAME["white on transparent"], light, 64, 8)[0], LINES, atol=0.02)
    told = sketch_tensor(circle((0, 0, 0), (255, 255, 255)), light, 64, 8)[0]
    assert float(told.median()) == pytest.approx(1)  # wrong, but the user's word


@pytest.mark.parametrize("paper", [(255, 255, 255), (0, 0, 0), (90, 90, 90), (255, 255, 255, 0), (0, 0, 0, 128)])
@pytest.mark.parametrize("polarity", Polarity)
def test_a_sketch_without_lines_is_an_error(paper: tuple[int, ...], polarity: Polarity) -> None:
    image = Image.new("RGBA" if len(paper) == 4 else "RGB", (80, 60), paper)
    with pytest.raises(ColorizeError, match="no lines"):
        sketch_tensor(image, Settings(polarity=polarity), 64, 8)


def test_lines_that_the_given_polarity_hides_are_an_error() -> None:
    with pytest.raises(ColorizeError, match="no lines"):
        sketch_tensor(SAME["white on transparent"], Settings(polarity=Polarity.DARK_ON_LIGHT), 64, 8)


def test_an_unknown_extractor_is_told_before_anything_else() -> None:
    with pytest.raises(ColorizeError, match="known are none, lineart"):
        sketch_tensor(Image.new("RGB", (1, 1)), Settings(extractor="canny?"), 64, 8)


# References and results

def test_a_reference_is_its_own_pixels_with_transparency_over_white() -> None:
    x = reference_tensor(Image.fromarray(RGB))
    assert x.shape == (1, 3, 12, 16)
    assert np.allclose((x[0].permute(1, 2, 0).numpy() + 1) * 127.5, RGB, atol=1e-3)
    image = Image.fromarray(RGB)
    image.putalpha(Image.fromarray(RAMP))
    a = RAMP[..., None] / 255
    want = RGB * a + 255 * (1 - a)
    assert np.abs((reference_tensor(image)[0].permute(1, 2, 0).numpy() + 1) * 127.5 - want).max() <= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_result_is_rounded_and_clipped(dtype: torch.dtype) -> None:
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1
    x = torch.cat([levels, torch.tensor([-3.0, 3.0, 0.499 / 127.5 - 1, 0.501 / 127.5 - 1])]).to(dtype).expand(3, 1, -1)
    got = np.asarray(to_image(x))[0, :, 0]
    assert list(got[:256]) == list(range(256)) and list(got[256:258]) == [0, 255]
    if dtype is not torch.float16:
        assert list(got[258:]) == [0, 1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_result_with_nan_is_an_error_not_a_black_picture(value: float) -> None:
    x = torch.zeros(3, 8, 8)
    x[1, 2, 3] = value
    with pytest.raises(ColorizeError, match="not numbers"):
        to_image(x)


def test_a_result_of_another_size_than_the_canvas_is_an_error() -> None:
    with pytest.raises(ColorizeError, match="32x32.*64x64"):
        crop_back(Image.new("RGB", (32, 32)), Placement(0, 0, 64, 64, 64, 64))
