"""Lines of pictures whose lines are known: clip art painted with and without outlines, against the other extractors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reading_settings import LineStrength
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.pictures.preview import shown_sketch
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.line_layers import in_turn
from tools.reading_check.packages import Packages

COUNT, LARGE, SHOWN, MULTIPLE = 60, 1024, 256, 64  # pictures, px of each, px of the working size
REACH, AHEAD = 2.0, 0.05  # px; F1
DRAWN = "stroke:#000!important;stroke-opacity:1!important;opacity:1!important;"
LEAST, MOST = 0.01, 0.2  # of a line drawing, covered by lines
PAPERS = ("#ffffff", "#e8e0d0", "#27303c")

Lines = Callable[[Image.Image], np.ndarray]  # RGB -> [SHOWN, SHOWN] in [0, 1], 1 = line


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The mean F1 of each extractor, at half of full ink; ours has to be ahead of all others."""
    from training.metrics.lines import compare

    found = {name: [0.0, 0.0] for name in EXTRACTED}
    counts = [0, 0]
    for number, (picture, lines) in enumerate(clip_art(packages.pictures("openclipart-svg"), COUNT)):
        counts[number % 2] += 1
        for name, draw in EXTRACTED.items():
            found[name][number % 2] += compare(draw(picture) > 0.5, lines, REACH).f1
    means = {name: sum(values) / sum(counts) for name, values in found.items()}
    for name, (outlined, bare) in found.items():
        note = f"with outlines {outlined / counts[0]:.3f}, without {bare / counts[1]:.3f}"
        others = max(value for other, value in means.items() if other != name)
        goal = round(others + AHEAD, 3) if name == "lineart" else None
        yield ReadingFigure(f"lines of {sum(counts)} pictures, {name}: mean F1", means[name], goal, note=note)


def clip_art(svgs: Path, count: int) -> Iterator[tuple[Image.Image, np.ndarray]]:
    """Pictures, RGB, and where their lines are, [SHOWN, SHOWN] of bool; every other one is painted without outlines."""
    found = 0
    for file in in_turn(svgs):
        pair = painted(file.read_text(encoding="utf-8", errors="replace"), found % 2 == 0, PAPERS[found % len(PAPERS)])
        if pair is None:
            continue
        yield pair
        found += 1
        if found == count:
            return


def painted(svg: str, outlined: bool, paper: str) -> tuple[Image.Image, np.ndarray] | None:
    """The picture and its lines: all shapes outlined in their order, white within; None where that gives no drawing."""
    from training.small.rasterize import over, rasterize

    head = re.search(r"<svg[^>]*>", svg)
    view = re.search(r'viewBox="([^"]*)"', head[0]) if head else None
    if head is None or view is None:
        return None
    try:
        width = max(map(float, view[1].replace(",", " ").split()[2:])) / 150
        stroke = f"{DRAWN}stroke-width:{width:g}!important"
        hollow = '[fill="none"],[style*="fill:none"]{fill:none!important}'
        drawn = _styled(svg, head.end(), f"*{{fill:#fff!important;fill-opacity:1!important;{stroke}}}{hollow}")
        shown = _styled(svg, head.end(), f"*{{{stroke}}}" if outlined else "*{stroke:none!important}")
        lines, picture = rasterize(drawn, LARGE), rasterize(shown, LARGE)
    except ValueError:  # what resvg cannot draw, numbers that are none
        return None
    ink = 255 - np.asarray(_square(over(lines, "#ffffff"), "#ffffff").convert("L").resize((SHOWN, SHOWN)))
    colours = _square(over(picture, paper), paper)
    is_drawing = LEAST < float((ink > 127).mean()) < MOST and len(np.unique(np.asarray(colours).reshape(-1, 3)[::97],
                                                                           axis=0)) > 2
    return (colours, ink > 127) if is_drawing else None


def _styled(svg: str, place: int, rule: str) -> str:
    return f"{svg[:place]}<style>{rule}</style>{svg[place:]}"


def _square(image: Image.Image, paper: str) -> Image.Image:
    canvas = Image.new("RGB", (LARGE, LARGE), paper)
    canvas.paste(image, ((LARGE - image.width) // 2, (LARGE - image.height) // 2))
    return canvas


def as_shown(settings: Settings) -> Lines:
    """The extractor as the sketch encoder is shown its lines."""

    def draw(picture: Image.Image) -> np.ndarray:
        try:
            seen = shown_sketch(picture, settings, SHOWN, MULTIPLE)
        except ColorizeError:  # no lines
            return np.zeros((SHOWN, SHOWN))
        ink: np.ndarray = 1 - np.asarray(seen.convert("L"), np.float64) / 255
        return ink

    return draw


def difference_of_gaussians(picture: Image.Image) -> np.ndarray:
    """Plain, at the working size: what is darker than around it, a tenth of the largest as half of full ink."""
    grey = np.asarray(picture.convert("L").resize((SHOWN, SHOWN), Image.Resampling.BOX), np.float64) / 255
    darker = np.maximum(gaussian_filter(grey, 1.6) - gaussian_filter(grey, 1.0), 0)
    ink: np.ndarray = np.minimum(darker / max(darker.max(), 1e-6) * 5, 1)
    return ink


def edges(picture: Image.Image) -> np.ndarray:
    """The extractor `edges` of the training data, at the working size."""
    from training.dataset.extractors import REGISTRY

    small = picture.resize((SHOWN, SHOWN), Image.Resampling.BOX)
    ink: np.ndarray = 1 - np.asarray(REGISTRY["edges"](None, "cpu")(small), np.float64) / 255
    return ink


AUTO = Settings(extractor="lineart", polarity=Polarity.DARK_ON_LIGHT)
EXTRACTED: Mapping[str, Lines] = {
    "lineart": as_shown(AUTO), "lineart as drawn": as_shown(AUTO.with_(line_strength=LineStrength.AS_DRAWN)),
    "difference of Gaussians": difference_of_gaussians, "edges": edges}
