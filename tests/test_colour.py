"""Colours of a file as sRGB, within 2 CIEDE2000 of independent arithmetic; texts of any size; bilevel pages."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from lib_colorize.pictures.colour import TOLD
from lib_colorize.pictures.picture_files import open_image

PATCHES = np.array([(r, g, b) for r in (20, 120, 220) for g in (30, 130, 230) for b in (10, 110, 210)], np.uint8)
WANT = PATCHES.repeat(8, 0).reshape(9, 24, 3)


def linear(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def apart(got: Image.Image, want: np.ndarray = WANT) -> float:
    """The largest CIE76 difference, of which CIEDE2000 is at most about the same, in Lab of D65."""
    m = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])

    def lab(rgb: np.ndarray) -> np.ndarray:
        xyz = linear(rgb / 255.0) @ m.T / np.array([0.9505, 1, 1.089])
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)

    return float(np.abs(lab(np.asarray(got.convert("RGB"), float)) - lab(want.astype(float))).max())


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels: np.ndarray, *extra: bytes) -> bytes:
    """8 or 16 bits a channel, with chunks before the pixels."""
    h, w, channels = pixels.shape
    depth = 8 * pixels.itemsize
    rows = b"".join(b"\0" + row.astype(f">u{pixels.itemsize}").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", w, h, depth, {3: 2, 4: 6}[channels], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def wide() -> ImageCms.ImageCmsProfile:
    """sRGB with red and green of Rec. 2020: the matrix of a profile made anew."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag, xyz in ((b"rXYZ", (0.6734, 0.2790, -0.0019)), (b"gXYZ", (0.1656, 0.6753, 0.0299)),
                     (b"bXYZ", (0.1252, 0.0457, 0.7969))):
        at = struct.unpack(">I", profile[profile.index(tag) + 4:][:4])[0]
        profile[at + 8:at + 20] = struct.pack(">3i", *(round(value * 65536) for value in xyz))
    return ImageCms.ImageCmsProfile(io.BytesIO(bytes(profile)))


def test_an_embedded_profile_is_followed() -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = io.BytesIO()
    Image.fromarray(WANT).save(same, "PNG", icc_profile=own)
    assert np.array_equal(np.asarray(open_image(same.getvalue())), WANT)  # sRGB's own: not a bit is changed
    through = ImageCms.profileToProfile(Image.fromarray(WANT), ImageCms.createProfile("sRGB"), wide(), outputMode="RGB")
    file = io.BytesIO()
    through.save(file, "PNG", icc_profile=wide().tobytes())
    assert apart(through) > 10 and apart(open_image(file.getvalue())) < 4


def test_png_gamma_and_primaries_are_followed() -> None:
    coded = np.rint(linear(WANT / 255.0) ** (1 / 1.8) * 255).astype(np.uint8)
    assert apart(open_image(png(coded, chunk(b"gAMA", struct.pack(">I", round(1e5 / 1.8)))))) < 3
    plain = chunk(b"gAMA", struct.pack(">I", 45455))
    assert np.array_equal(np.asarray(open_image(png(WANT, plain))), WANT)
    swapped = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000))
    assert apart(open_image(png(np.ascontiguousarray(WANT[..., [1, 0, 2]]), swapped, plain))) < 2


def pq(nits: np.ndarray) -> np.ndarray:
    y = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


@pytest.mark.parametrize("deep", [np.uint8, np.uint16])
def test_hdr_by_pq_shows_what_is_below_diffuse_white(deep: type) -> None:
    bright = np.where(WANT < 100, 100, WANT)  # 8 bits of PQ are coarse below that
    code = pq(203 * linear(bright / 255.0)) * np.iinfo(deep).max
    got = open_image(png(np.rint(code).astype(deep), chunk(b"cICP", bytes([1, 16, 0, 1]))))
    assert apart(got, bright) < 4


def test_cmyk_and_lab_become_srgb() -> None:
    lab = ImageCms.applyTransform(Image.fromarray(WANT), ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"))
    file = io.BytesIO()
    lab.save(file, "TIFF")
    assert apart(open_image(file.getvalue())) < 3
    jpeg = io.BytesIO()
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(jpeg, "JPEG", quality=100)  # as Adobe's: stored inverted
    assert np.abs(np.asarray(open_image(jpeg.getvalue()), int) - (255, 0, 0)).max() < 6


def test_a_profile_that_cannot_be_used_is_told_and_the_pixels_stay() -> None:
    file = io.BytesIO()
    Image.fromarray(WANT).save(file, "PNG", icc_profile=b"no profile at all" * 20)
    got = open_image(file.getvalue())
    assert np.array_equal(np.asarray(got), WANT) and "profile" in got.info[TOLD]


def test_texts_of_any_size_and_place_are_no_hindrance() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 3_000_000, zip=True)
    file = io.BytesIO()
    Image.fromarray(WANT).save(file, "PNG", pnginfo=text)
    assert np.array_equal(np.asarray(open_image(file.getvalue())), WANT)
    behind = png(WANT)[:-12] + chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(3_000_000))) + chunk(b"IEND", b"")
    assert np.array_equal(np.asarray(open_image(behind)), WANT)


def test_a_large_bilevel_page_is_made_smaller_and_a_large_coloured_one_refused(tmp_path: Path) -> None:
    page = Image.new("1", (12_000, 9_000), 1)
    page.paste(0, (2000, 2000, 2400, 2400))
    page.save(tmp_path / "page.png")
    got = open_image(tmp_path / "page.png")
    assert got.size == (6000, 4500) and got.getpixel((1100, 1100)) == (0, 0, 0) and got.mode == "RGB"
    assert Image.MAX_IMAGE_PIXELS is not None  # the host's limit is as it was
