"""2,000 damaged zips and pictures: no crash, no hang, and each is either read right or counted."""

from __future__ import annotations

import shutil
import struct
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training_data_folders import color_of, encoded, sketch_of, write_zip
from training.dataset.collate import to_tensor as tensor_of
from training.dataset.decode import BadPicture
from training.dataset.pairs import DataOptions, open_pairs

SIZE = (24, 24)
OPTIONS = DataOptions(resolution=24, flip=False, crop="centre", max_margin=0)
CASES = 2000
SECONDS = 5  # a case may take; thousands of times what it does
Rng = np.random.Generator
COLOR, SKETCH = color_of(1, SIZE), sketch_of(1, SIZE)
GOOD = (encoded(color_of(0, SIZE)), encoded(sketch_of(0, SIZE)))


# Damage to bytes

def truncated(content: bytes, rng: Rng) -> bytes:
    return content[:int(rng.integers(0, len(content)))]


def flipped(content: bytes, rng: Rng) -> bytes:
    found = bytearray(content)
    for place in rng.integers(0, len(found), rng.integers(1, 20)):
        found[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(found)


def overwritten(content: bytes, rng: Rng) -> bytes:
    start = int(rng.integers(0, len(content)))
    noise = rng.bytes(int(rng.integers(1, 64)))
    return content[:start] + noise + content[start + len(noise):]


def inserted(content: bytes, rng: Rng) -> bytes:
    start = int(rng.integers(0, len(content)))
    return content[:start] + rng.bytes(int(rng.integers(1, 64))) + content[start:]


def directory_field(content: bytes, rng: Rng) -> bytes:
    """A random number in the zip's central directory or its end record."""
    found = bytearray(content)
    start = content.rfind(b"PK\x01\x02") if rng.random() < 0.7 else content.rfind(b"PK\x05\x06")
    place = start + 4 + int(rng.integers(0, 40))
    value = int(rng.choice([0, 1, 0x7FFF, 0xFFFF, int(rng.integers(0, 65536))]))
    found[place:place + 2] = struct.pack("<H", value)
    return bytes(found)


def png_header(content: bytes, rng: Rng) -> bytes:
    """Another size, depth or colour type, under a right checksum."""
    fields = list(struct.unpack(">IIBBBBB", content[16:29]))
    which = int(rng.integers(0, 7))
    fields[which] = int(rng.choice([0, 1, 3, 25, 255, 70000, 2**31 - 1])) if which < 2 else int(rng.integers(0, 256))
    head = struct.pack(">IIBBBBB", *fields)
    return content[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + content[33:]


BYTES: list[Callable[[bytes, Rng], bytes]] = [truncated, flipped, overwritten, inserted]


# Cases: each writes color/bad and sketch/bad and says what must hold

def damaged_zip(folder: Path, rng: Rng) -> None:
    """The archive's own bytes."""
    part, other = rng.permutation(["color", "sketch"])
    for name, image in (("color", COLOR), ("sketch", SKETCH)):
        write_zip(folder / name / "bad.zip", [("x.png", encoded(image))], compressed=rng.random() < 0.5)
    damage = [*BYTES, directory_field][int(rng.integers(0, 5))]
    for name in (part, other)[:int(rng.integers(1, 3))]:
        file = folder / name / "bad.zip"
        file.write_bytes(damage(file.read_bytes(), rng))


def damaged_member(folder: Path, rng: Rng) -> None:
    """A damaged picture in a sound archive."""
    kind = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")[int(rng.integers(0, 6))]
    content = BYTES[int(rng.integers(0, 4))](encoded(COLOR, kind), rng)
    if kind == "PNG" and rng.random() < 0.4:
        content = png_header(encoded(COLOR), rng)
    write_zip(folder / "color/bad.zip", [(f"x.{kind.lower()}", content)])
    write_zip(folder / "sketch/bad.zip", [("x.png", encoded(SKETCH))])


def damaged_file(folder: Path, rng: Rng) -> None:
    """A damaged picture in a folder."""
    kind = ("PNG", "JPEG", "WEBP")[int(rng.integers(0, 3))]
    for part, image in (("color", COLOR), ("sketch", SKETCH)):
        (folder / part / "bad").mkdir()
        content = encoded(image, kind)
        if part == "color" or rng.random() < 0.5:
            content = BYTES[int(rng.integers(0, 4))](content, rng)
        (folder / part / "bad" / f"x.{kind.lower()}").write_bytes(content)


def wrong_member(folder: Path, rng: Rng) -> None:
    """Names and contents that are no pair."""
    color, sketch = encoded(COLOR), encoded(SKETCH)
    name = str(rng.choice(["x.png", "y.png", "x.txt", "../x.png", "/x.png", "C:/x.png", "a/../x.png", "x", "x.png/",
                           "a\\x.png", " .png", "x.png.png", "\uff58.png", "x" * 200 + ".png", "sub/x.png"]))
    content = (color, b"", b"hello", encoded(Image.new("RGB", (24, 60))), encoded(Image.new("RGB", (3, 3))),
               rng.bytes(500))[int(rng.integers(0, 6))]
    write_zip(folder / "color/bad.zip", [(name, content)] * int(rng.integers(1, 3)))
    write_zip(folder / "sketch/bad.zip", [("x.png", sketch)] if rng.random() < 0.8 else [])


CATEGORIES = {f.__name__: f for f in (damaged_zip, damaged_member, damaged_file, wrong_member)}


def right_pixels(folder: Path, batch_color: torch.Tensor, batch_sketch: torch.Tensor) -> bool:
    return (torch.allclose(batch_color, tensor_of([COLOR])[0], atol=1e-6)
            and torch.allclose(batch_sketch, -tensor_of([SKETCH])[0], atol=1e-6))


@pytest.mark.parametrize("name", CATEGORIES)
def test_damaged_data_is_read_right_or_counted(tmp_path: Path, name: str) -> None:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for case in range(CASES // len(CATEGORIES)):
        folder = tmp_path / "data"
        for part, content in zip(("color", "sketch"), GOOD):
            write_zip(folder / part / "good.zip", [("x.png", content)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile on writing two members of one name
            CATEGORIES[name](folder, np.random.default_rng((case, len(name))))
        start = time.process_time()
        outcome = read_all(folder, name, reasons)
        assert time.process_time() - start < SECONDS, (name, case)
        outcomes[outcome] += 1
        shutil.rmtree(folder)
    assert sum(outcomes.values()) == CASES // len(CATEGORIES)
    assert outcomes["counted"] > 0.5 * sum(outcomes.values()), outcomes
    assert len(reasons) >= 2, reasons


def read_all(folder: Path, name: str, reasons: Counter[str]) -> str:
    """Open, read every sample and a batch of all; says whether the damaged pair was counted or read."""
    pairs = open_pairs(folder, OPTIONS)
    keys = pairs.catalog.keys
    assert "good/x" in keys  # damage never spreads
    batch = pairs.batch(range(len(pairs)), 0, 0)
    assert batch.color.shape == batch.sketch.shape == (len(keys), 3, 24, 24)
    assert bool(torch.isfinite(batch.color).all()) and float(batch.color.abs().max()) <= 1
    reasons.update(pairs.report.skipped)
    bad = [i for i, key in enumerate(keys) if key != "good/x"]
    read = [i for i in bad if i not in pairs.damaged]
    if not read:
        assert sum(pairs.report.skipped.values()) >= 1, "lost without a count"
        return "counted"
    for i in read:
        if name == "damaged_zip":  # zip checksums leave no doubt
            assert right_pixels(folder, batch.color[i], batch.sketch[i])
    return "read"


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "La",
         "RGBa"]
FORMATS = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif", "WEBP": "webp", "BMP": "bmp", "GIF": "gif"}


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    via = {"PA": "P", "La": "LA", "RGBa": "RGBA", "LAB": "RGB", "I;16": "L"}.get(mode)
    if mode == "LAB":
        from PIL import ImageCms

        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return (image.convert(via) if via else image).convert(mode)


def test_every_mode_that_can_be_saved_is_read_or_counted(tmp_path: Path) -> None:
    read: set[str] = set()
    for mode in MODES:
        for kind, suffix in FORMATS.items():
            try:
                content = encoded(in_mode(COLOR, mode), kind)
            except (OSError, ValueError, KeyError):
                continue  # Pillow does not write it
            folder = tmp_path / f"{mode}-{suffix}".replace(";", "_")
            for part, good in zip(("color", "sketch"), GOOD):
                write_zip(folder / part / "good.zip", [("x.png", good)])
            write_zip(folder / "color/bad.zip", [(f"x.{suffix}", content)])
            write_zip(folder / "sketch/bad.zip", [("x.png", encoded(SKETCH))])
            if read_all(folder, "mode", Counter()) == "read":
                read.add(mode)
    assert {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"} <= read


def test_a_grey_picture_of_any_depth_is_the_same_picture(tmp_path: Path) -> None:
    grey = COLOR.convert("L")
    for mode in ("L", "LA", "RGB", "RGBA", "I;16"):
        for part, image in (("color", in_mode(grey.convert("RGB"), mode)), ("sketch", SKETCH)):
            write_zip(tmp_path / mode[0:3].replace(";", "") / part / "a.zip", [("x.png", encoded(image))])
        batch = open_pairs(tmp_path / mode[0:3].replace(";", ""), OPTIONS).batch([0], 0, 0)
        assert torch.allclose(batch.color[0], tensor_of([grey.convert("RGB")])[0], atol=1e-6), mode


def test_a_bad_picture_says_why() -> None:
    error = BadPicture("picture too small", "3x3")
    assert error.reason == "picture too small" and str(error) == "picture too small: 3x3"
    assert zipfile.ZIP_DEFLATED == 8  # the number in the headers that the reader inflates
