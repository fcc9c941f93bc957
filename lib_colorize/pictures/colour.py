"""A picture's colours as sRGB: embedded ICC profiles, PNG's cICP, gAMA and cHRM, Lab and CMYK."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .colour_spaces import (
    D50,
    PRIMARIES,
    REC709,
    SRGB,
    TRANSFERS,
    Colours,
    Primaries,
    lab_to_xyz,
    power_law,
    srgb_coded,
    srgb_linear,
    to_srgb_matrix,
    xyz_of,
    xyz_to_srgb_matrix,
)
from .png_chunks import Cicp

TOLD = "colours"  # key of an image's info: what could not be done about its colours, in words
NEAR = 0.006  # of gamma and of chromaticities: what is so near to sRGB is sRGB
SAME = 2  # of 255: a profile that moves no colour by more is sRGB
CUBE = np.array([(r, g, b) for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)], np.uint8)
BAND = 512  # rows that are computed at a time


def to_srgb(image: Image.Image, cicp: Cicp | None = None) -> Image.Image:
    """8 bits a channel, of mode L, LA, RGB, RGBA, CMYK or LAB -> the same in sRGB; transparency is kept.

    cicp: what a PNG says of its colours by that chunk, which goes before all else (PNG 3rd edition, 4.3).
    """
    if image.mode == "LAB" and "icc_profile" not in image.info:
        return _mapped(image, _lab)
    if cicp is not None and cicp.primaries in PRIMARIES and cicp.transfer in TRANSFERS:
        return _by_numbers(image, PRIMARIES[cicp.primaries], cicp)
    if image.info.get("icc_profile"):
        return _by_profile(image, image.info["icc_profile"])
    gamma, chroma = image.info.get("gamma"), image.info.get("chromaticity")  # Pillow says them of a PNG alone
    if "srgb" in image.info or not (gamma or chroma):
        return image
    primaries = Primaries.of(chroma) if chroma else REC709
    usual = not gamma or abs(gamma - 1 / 2.2) < NEAR  # what writes it means sRGB's curve, and is shown so everywhere
    if usual and primaries.near(REC709, NEAR):
        return image
    curve: Colours = srgb_linear if usual else lambda rgb: power_law(rgb, 1 / float(gamma or 1))
    return _mapped(image, lambda rgb: _linear_to_srgb(curve(rgb), primaries))


def _by_numbers(image: Image.Image, primaries: Primaries, cicp: Cicp) -> Image.Image:
    if cicp.transfer in SRGB and primaries.near(REC709, NEAR):
        return image
    linear, deep = TRANSFERS[cicp.transfer], 0.5 / 255 if cicp.depth > 8 else 0.0  # Pillow drops a deep one's low byte
    return _mapped(image, lambda rgb: _linear_to_srgb(linear(rgb + deep * (rgb > 0)), primaries))


def _linear_to_srgb(linear: np.ndarray, primaries: Primaries) -> np.ndarray:
    return srgb_coded(linear @ to_srgb_matrix(primaries).T)


def _lab(lab: np.ndarray) -> np.ndarray:
    """Pillow's LAB in [0, 1] -> sRGB in [0, 1]; its white is D50, as in TIFF's ICCLab (ICC.1, annex A)."""
    values = lab * 255
    star = np.stack([values[..., 0] / 2.55, values[..., 1] - 128, values[..., 2] - 128], -1)
    return srgb_coded(lab_to_xyz(star, xyz_of(*D50)) @ xyz_to_srgb_matrix(D50).T)


def _mapped(image: Image.Image, change: Colours) -> Image.Image:
    """RGB of three channels of the image, by bands of rows; alpha kept."""
    alpha = image.getchannel("A") if "A" in image.mode and image.mode != "LAB" else None
    three = image if image.mode in ("RGB", "LAB") else image.convert("RGB")
    found = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        part = np.asarray(three.crop((0, top, image.width, min(top + BAND, image.height))), np.float32) / 255
        found[top:top + BAND] = np.rint(change(part).clip(0, 1) * 255).astype(np.uint8)
    return _with_alpha(Image.fromarray(found), alpha)


def _with_alpha(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Through the embedded profile, relative to white, with black point compensation; where Pillow has ImageCms."""
    try:
        from PIL import ImageCms
    except ImportError:
        return _untouched(image, "its colour profile is not looked at: this Pillow has no ImageCms")
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode[:-1]) if alpha is not None else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(source.profile.xcolor_space).strip()
        if space == "GRAY" and colours.mode == "RGB":
            colours = colours.convert("L")
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), colours.mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION)
        if colours.mode == "RGB" and _changes_nothing(transform):
            return image
        found = ImageCms.applyTransform(colours, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return _untouched(image, "its colour profile cannot be used")
    return _with_alpha(found if found is not None else image, alpha)


def _changes_nothing(transform: object) -> bool:
    from PIL import ImageCms

    cube = Image.fromarray(CUBE[None])
    moved = ImageCms.applyTransform(cube, transform)  # type: ignore[arg-type]
    return bool(np.abs(np.asarray(moved, int) - CUBE[None].astype(int)).max() <= SAME)


def _untouched(image: Image.Image, why: str) -> Image.Image:
    image.info[TOLD] = why
    return image
