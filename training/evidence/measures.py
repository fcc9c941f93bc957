"""What is measured of a coloured benchmark pair, and over all of them; docs/evidence.md has the formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, distance_transform_edt

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.colour_spaces import lab_of
from training.evidence.flatness import FlatPixels, away_from_lines, flat_pixels, flatness
from training.evidence.questions import Benchmark, Question
from training.metrics import leak
from training.metrics.leak import Energies
from training.metrics.lines import compare, redrawn
from training.small.colour import ciede2000, rgb_of

NEAR, FAR = 10.0, 20.0  # CIEDE2000 within which a part counts
CORE = 32  # px; a region with fewer left after one pixel is taken off all around is not measured
REACH = 2.0  # px between a line of the sketch and an edge of the result
DARK = 128  # below it a sketch's pixel is a line


@dataclass(frozen=True)
class Measured:
    """One pair. errors: CIEDE2000 of each label with an expected colour; strays: of each label to the nearest colour
    of the reference; lines: share of the drawing's line pixels with an edge; leaks: energies of `metrics.leak`, None
    where the reference is plain, no background is blank, or no blank run was made; flat: of each label."""

    errors: dict[str, float]
    strays: dict[str, float]
    lines: float
    leaks: dict[str, Energies] | None
    flat: dict[str, FlatPixels]


def measure(
    benchmark: Benchmark, pair: Question, result: Image.Image, blank: Image.Image | None = None,
) -> Measured:
    """result: of the sketch's size; blank: the same sketch and seed by a white reference."""
    lines = benchmark.lines(pair)
    for picture in (result, blank or result):
        if picture.size != lines.size:
            raise ColorizeError(f"{pair.name}: found a result of {picture.size}, expected the sketch's {lines.size}")
    errors, strays, flat = {}, {}, {}
    away = away_from_lines(np.asarray(lines) < DARK)
    for label, expected in zip(pair.labels, pair.expected):
        region = benchmark.region(pair, label)
        flat[label] = flat_pixels(result, region, away)
        found = colour_of(result, region)
        if found is None:
            continue
        if expected:
            errors[label] = colour_difference(found, [expected])
        strays[label] = colour_difference(found, pair.palette)
    leaks = None
    if pair.busy and blank is not None:
        leaks = leak.measure_leak(lines, benchmark.reference(pair), result, blank)
    return Measured(errors, strays, line_share(lines, result), leaks, flat)


def colour_of(picture: Image.Image, region: np.ndarray) -> np.ndarray | None:
    """The median [3] in [0, 255] over a region [H, W] less its rim of one pixel; None when too little is left."""
    core = binary_erosion(region)
    if core.sum() < CORE:
        return None
    found: np.ndarray = np.median(np.asarray(picture.convert("RGB"), dtype=np.float64)[core], axis=0)
    return found


def colour_difference(found: np.ndarray, colours: Sequence[str]) -> float:
    """CIEDE2000 to the nearest of some colours #rrggbb."""
    return float(ciede2000(lab_of(found), lab_of(np.stack([rgb_of(colour) for colour in colours]))).min())


def line_share(sketch: Image.Image, result: Image.Image) -> float:
    """Share of the sketch's line pixels with an edge of the result within REACH.

    The inside of what the sketch fills with black is no line: no edge of the sketch itself is near.
    """
    drawn = np.asarray(sketch.convert("L")) < DARK
    drawn &= distance_transform_edt(~redrawn(sketch.convert("RGB"))) <= REACH
    return compare(redrawn(result.convert("RGB")), drawn, REACH).recall


def reconstruction(result: Image.Image, truth: Image.Image) -> dict[str, float]:
    """A sketch coloured by its own picture: mean CIEDE2000 over pixels, and PSNR in dB over RGB."""
    a, b = (np.asarray(p.convert("RGB"), dtype=np.float64) for p in (result, truth))
    squared = float(((a - b) ** 2).mean())
    return {"difference": float(ciede2000(lab_of(a), lab_of(b)).mean()),
            "psnr": float(10 * np.log10(255**2 / max(squared, 1e-6)))}


def shares(errors: Iterable[float]) -> dict[str, float | int | None]:
    """Number, median, and shares within NEAR and FAR."""
    x = np.array(list(errors))
    if not len(x):
        return {"count": 0, "median": None, "within_10": None, "within_20": None}
    return {"count": len(x), "median": float(np.median(x)), "within_10": float((x <= NEAR).mean()),
            "within_20": float((x <= FAR).mean())}


def summary(measured: Mapping[Question, Measured]) -> dict[str, object]:
    """All pairs together, part colours by group of the sketch and by part, containment by kind."""
    def errors(keep: str = "", group: str = "") -> list[float]:
        return [error for pair, m in measured.items() for label, error in m.errors.items()
                if (label == keep if keep else label != "background") and group in ("", pair.group.value)]

    groups = dict.fromkeys(pair.group.value for pair in measured)
    labels = dict.fromkeys(label for m in measured.values() for label in m.errors)
    kinds = dict.fromkeys(pair.kind.value for pair in measured)
    leaks = [m.leaks for m in measured.values() if m.leaks is not None]
    return {
        "parts": shares(errors()), "parts_by_group": {group: shares(errors(group=group)) for group in groups},
        "by_label": {label: shares(errors(label)) for label in labels},
        "containment": {kind: shares(e for pair, m in measured.items() if pair.kind.value == kind
                                     for e in m.strays.values()) for kind in kinds},
        "lines": float(np.mean([m.lines for m in measured.values()])),
        "flat": {"parts": flatness(pixels for m in measured.values() for label, pixels in m.flat.items()
                                   if label != "background"),
                 "background": flatness(m.flat["background"] for m in measured.values() if "background" in m.flat)},
        "leak": {name: leak.leak_score(energies[name] for energies in leaks) for name in ("colour", "edge")},
        "leak_pairs": len(leaks)}
