"""One pair of the benchmark: sketch and reference drawn, and what is expected of the result."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import label

from lib_colorize.pictures.colour_spaces import lab_of
from training.evidence.questions import PairKind, Question
from training.evidence.worn_lines import Wear, WornLines, wear_down, widened
from training.small.colour import ciede2000, rgb_of
from training.small.drawings import PARTS, Drawing
from training.small.dress import APART, Dress, choose
from training.small.figures import LEAST_PART, Dressed, View, draw_dressed, number_of

DARK = 128  # below it a pixel of the sketch is a line
CLOSED = 0.95


class Asked(NamedTuple):
    """A question and its pictures; lines: of a worn sketch, L, where its lines run, black and whole."""

    question: Question
    sketch: Dressed
    reference: Dressed
    lines: Image.Image | None = None


def seen(picture: Dressed, dress: Dress) -> dict[str, tuple[str, ...]]:
    """Parts, and "background", with at least LEAST_PART of the pixels, and their colours."""
    colours = {"background": dress.background} | {part: (colour,) for part, colour in dress.parts.items()}
    return {part: found for part, found in colours.items()
            if (picture.labels == number_of(part, picture.names)).mean() >= LEAST_PART}


def ask(
    name: str, kind: PairKind, sketch: Drawing, reference: Drawing, busy: bool, size: int, seed: str,
    trial: str = "", wear: Wear | None = None,
) -> Asked:
    """One pair, a pure function of its arguments. The sketch's own picture has a plain background."""
    rng = random.Random(f"{seed}:{name}")
    dresses = [choose(sketch, rng, False), choose(reference, rng, busy)]
    view, worn, lines = View.draw(rng), None, None
    if wear is not None:
        view, worn = worn_view(sketch, view, wear, size, random.Random(f"{seed}:{name}:{trial}"))
    drawn = draw_dressed(sketch, dresses[0], view, size, rng)
    colours = draw_dressed(reference, dresses[1], View.draw(rng), size, rng)
    if worn is not None:
        drawn, lines = replace(drawn, sketch=worn.sketch), worn.lines
    labels, offered = seen(drawn, dresses[0]), seen(colours, dresses[1])
    closed = closed_parts(drawn, lines) if kind is PairKind.SAME else set()
    expected = [expected_of(name, kind, offered, closed, busy) for name in labels]
    palette = tuple(dict.fromkeys(colour for listed in offered.values() for colour in listed))
    question = Question(name, kind, sketch.group, (sketch.name, reference.name), busy, tuple(labels), tuple(expected),
                        palette, trial)
    return Asked(question, drawn, colours, lines)


def worn_view(
    drawing: Drawing, view: View, wear: Wear, size: int, rng: random.Random,
) -> tuple[View, WornLines]:
    """The view with strokes of a width that the wear allows, and the worn sketch seen so."""
    width = rng.uniform(*wear.width)
    view = widened(drawing, view, width, size)
    return view, wear_down(drawing, view, width, wear, size, rng)


def closed_parts(sketch: Dressed, lines: Image.Image | None) -> set[str]:
    """Parts that lines divide from all others: they are CLOSED of what has a label in the areas that they lie in."""
    areas, count = label(np.asarray(sketch.sketch if lines is None else lines) >= DARK)
    labelled = np.bincount(areas[sketch.labels > 0], minlength=count + 1)
    found = set()
    for part in sketch.names:
        own = np.bincount(areas[sketch.labels == number_of(part, sketch.names)], minlength=count + 1)
        if own.sum() >= CLOSED * labelled[own > 0].sum() > 0:
            found.add(part)
    return found


def expected_of(name: str, kind: PairKind, offered: dict[str, tuple[str, ...]], closed: set[str], busy: bool) -> str:
    """The right colour of a label of the sketch, "" where nobody can say. offered: what the reference shows."""
    if name not in offered or (name == "background" and busy):
        return ""
    if name == "background" or (kind is PairKind.FIGURE_FIGURE and name in PARTS):
        return offered[name][0]
    return offered[name][0] if name in closed and stands_alone(name, offered) else ""


def stands_alone(name: str, offered: dict[str, tuple[str, ...]]) -> bool:
    """True for a part whose colour is APART from all others of the reference: no other part's can pass for it."""
    own = lab_of(rgb_of(offered[name][0]))
    others = [colour for part, colours in offered.items() if part != name for colour in colours]
    return all(float(ciede2000(own, lab_of(rgb_of(colour)))) >= APART for colour in others)


def worth_asking(pair: Question) -> bool:
    """Two parts at least are asked about where parts are; any other pair shows one part beside its background."""
    named = [name for name, colour in zip(pair.labels, pair.expected) if colour and name != "background"]
    if pair.kind in (PairKind.FIGURE_FIGURE, PairKind.SAME):
        return len(named) >= 2
    return set(pair.labels) > {"background"}
