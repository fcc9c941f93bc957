"""A picture taken apart: lines, colour without lines, flats, and the shade and light that make one of the other."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .ink import Ink, laid_over


class Blend(enum.Enum):
    """How a layer acts on what lies below it."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"


@dataclass(frozen=True)
class Layer:
    """pixels: [H, W, 3 or 4] uint8; with a fourth channel it is the layer's opacity, not premultiplied."""

    name: str
    pixels: np.ndarray
    blend: Blend = Blend.NORMAL


NAMES = ("lines", "light", "shade", "flats", "colour")  # from the top


def take_apart(
    colours: np.ndarray, labels: np.ndarray, ink: Ink, names: Sequence[str] = NAMES, opaque: np.ndarray | None = None,
) -> list[Layer]:
    """Layers from the bottom up; laid together they give `ink` over `colours` within 1/255.

    colours: [H, W, 3] uint8, without lines; labels: [H, W] int32 >= 1, the areas; names: in place of NAMES. opaque:
    [H, W] bool, outside of which all layers but the lines are transparent.
    Flats give each area one colour that no other area has, so that a magic wand without tolerance selects it. Where the
    picture is darker, shade is multiplied, where it is lighter, light is screened: screen(flats * shade, light).
    """
    named = dict(zip(NAMES, names))
    flats = flat_colours(colours, labels)[labels]
    shade = np.minimum(colours, flats).astype(np.uint16) * 255
    shade = ((shade + flats // 2) // np.maximum(flats, 1)).astype(np.uint8)
    shade[flats == 0] = 255
    darkened = multiplied(flats, shade)
    light = needed_light(colours, darkened)
    found = [Layer(named["colour"], colours), Layer(named["flats"], flats),
             Layer(named["shade"], shade, Blend.MULTIPLY)]
    if light.any():
        found.append(Layer(named["light"], light, Blend.SCREEN))
    if opaque is not None:
        alpha = np.where(opaque, 255, 0).astype(np.uint8)
        found = [replace(layer, pixels=np.dstack([layer.pixels, alpha])) for layer in found]
    return [*found, Layer(named["lines"], np.dstack([ink.colour, ink.alpha]))]


def flat_colours(colours: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[count + 1, 3] uint8: the median colour of each area, changed by a little where two areas have the same."""
    table = median_colours(colours, labels)
    taken: set[tuple[int, ...]] = set()
    for number in range(1, len(table)):
        table[number] = _one_of_its_own(tuple(int(v) for v in table[number]), taken)
        taken.add(tuple(int(v) for v in table[number]))
    return table


def median_colours(colours: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[count + 1, 3] uint8: the median of each channel in each area 1..count; white where there is no such area."""
    count = int(labels.max())
    table = np.full((count + 1, 3), 255, np.uint8)
    for channel in range(3):
        histogram = np.bincount(labels.ravel() * 256 + colours[..., channel].ravel(), minlength=(count + 1) * 256)
        summed = np.cumsum(histogram.reshape(count + 1, 256), 1)
        table[:, channel] = np.where(summed[:, -1], (summed >= (summed[:, -1:] + 1) // 2).argmax(1), 255)
    return table


def _one_of_its_own(colour: tuple[int, ...], taken: set[tuple[int, ...]]) -> tuple[int, ...]:
    """The colour, or the nearest one that is not taken."""
    for reach in range(256):
        steps = range(-reach, reach + 1)
        for change in ((r, g, b) for r in steps for g in steps for b in steps if max(abs(r), abs(g), abs(b)) == reach):
            near = tuple(value + by for value, by in zip(colour, change))
            if near not in taken and all(0 <= value <= 255 for value in near):
                return near
    return colour


def needed_light(colours: np.ndarray, below: np.ndarray) -> np.ndarray:
    """What screened over `below` gives `colours`, 0 where that is not lighter by more than 1/255."""
    room = 255 - below.astype(np.int32)
    more = colours.astype(np.int32) - below
    light: np.ndarray = np.where(more > 1, (more * 255 + room // 2) // np.maximum(room, 1), 0).astype(np.uint8)
    return light


def multiplied(below: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """[..] uint8 each: below * layer / 255, rounded."""
    found: np.ndarray = ((below.astype(np.uint16) * layer + 127) // 255).astype(np.uint8)
    return found


def screened(below: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """[..] uint8 each: 1 - (1 - below) (1 - layer)."""
    found: np.ndarray = 255 - multiplied(255 - below, 255 - layer)
    return found


def laid_together(layers: Sequence[Layer]) -> np.ndarray:
    """[H, W, 3] uint8: what a painting program shows of these layers, the first at the bottom.

    [H, W, 4] where the first is transparent somewhere; then its opacity, and that of all but the last, is 0 or 255.
    """
    clear = layers[0].pixels.shape[2] == 4
    below = np.full_like(layers[0].pixels[..., :3], 255)
    opacity = np.zeros(below.shape[:2], np.uint8)
    for layer in layers:
        top = layer.pixels[..., :3]
        if layer.blend is not Blend.NORMAL:
            top = multiplied(below, top) if layer.blend is Blend.MULTIPLY else screened(below, top)
        if layer.pixels.shape[2] == 4:
            alpha = layer.pixels[..., 3]
            top = laid_over(Ink(np.where(opacity > 0, alpha, np.where(alpha > 0, 255, 0)).astype(np.uint8), top)
                            if clear else Ink(alpha, top), below)
            np.maximum(opacity, alpha, out=opacity)
        below = top
    return np.dstack([below, opacity]) if clear else below
