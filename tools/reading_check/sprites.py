"""How well the segmenter takes a figure out of its picture: sprites before the backgrounds of their own game."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.pictures.masks import MaskSource, reference_mask
from lib_colorize.pictures.picture_files import open_image
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages

GOAL = 0.9
PLACES = ((0.5, 1.0), (0.2, 1.0), (0.75, 0.6))  # where the middle of the width is, and the height of the sprite's own


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """Intersection over union with the sprite's own alpha."""
    folder = packages.pictures("renpy-thequestion")
    for place in PLACES:
        found = overlaps(folder, *place)
        worst = min(found, key=lambda name: found[name])
        where = f"{place[0]:.0%} across, {place[1]:.0%} of its height"
        yield ReadingFigure(f"{len(found)} sprites {where}: mean IoU", float(np.mean([*found.values()])), GOAL)
        yield ReadingFigure("the same: worst IoU", found[worst], GOAL, note=worst)


def overlaps(folder: Path, across: float, height: float) -> dict[str, float]:
    """By names of sprite and background."""
    found = {}
    for sprite in sorted(folder.glob("sylvie *.png")):
        for ground in sorted(folder.glob("bg *.jpg")):
            picture, truth = before_ground(open_image(sprite), open_image(ground), across, height)
            mask = reference_mask(picture)
            assert mask.source is MaskSource.SEGMENTER
            found[f"{sprite.stem} before {ground.stem}"] = overlap_of(np.asarray(mask.image) >= 128, truth)
    return found


def before_ground(
    sprite: Image.Image, ground: Image.Image, across: float, height: float,
) -> tuple[Image.Image, np.ndarray]:
    """RGB, the sprite standing on the lower edge of the ground; [h, w] bool, where it is."""
    sprite = sprite.resize((round(sprite.width * height), round(sprite.height * height)), Image.Resampling.LANCZOS)
    layer = Image.new("RGBA", ground.size)
    layer.paste(sprite, (round(ground.width * across - sprite.width / 2), ground.height - sprite.height))
    picture = Image.alpha_composite(ground.convert("RGBA"), layer).convert("RGB")
    return picture, np.asarray(layer.getchannel("A")) >= 128


def overlap_of(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two regions [h, w]."""
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))
