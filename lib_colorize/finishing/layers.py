"""A picture taken apart: lines, colour without lines, flats, and the shade and light that make one of the other."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .flats import flat_colours
from .ink import Ink, laid_over
from .strips import each_strip


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


def are_names(names: Sequence[str]) -> bool:
    """Whether these may stand in place of NAMES: as many, none empty, no two the same."""
    return len(names) == len(NAMES) == len(set(names)) and all(names)


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
    table = flat_colours(colours, labels)
    flats, shade, light = np.empty_like(colours), np.empty_like(colours), np.zeros_like(colours)

    def work(rows: slice) -> None:
        np.take(table, labels[rows], 0, out=flats[rows])
        shade[rows] = needed_shade(colours[rows], flats[rows])
        light[rows] = needed_light(colours[rows], multiplied(flats[rows], shade[rows]))

    each_strip(colours, work)
    found = [Layer(named["colour"], colours), Layer(named["flats"], flats),
             Layer(named["shade"], shade, Blend.MULTIPLY)]
    if light.any():
        found.append(Layer(named["light"], light, Blend.SCREEN))
    if opaque is not None:
        alpha = np.where(opaque, 255, 0).astype(np.uint8)
        found = [replace(layer, pixels=np.dstack([layer.pixels, alpha])) for layer in found]
    return [*found, Layer(named["lines"], np.dstack([ink.colour, ink.alpha]))]


def needed_shade(colours: np.ndarray, flats: np.ndarray) -> np.ndarray:
    """What `flats` are multiplied by to be as dark as `colours` where these are darker, 255 elsewhere."""
    darker = np.minimum(colours, flats).astype(np.uint16) * 255
    shade: np.ndarray = ((darker + flats // 2) // np.maximum(flats, 1)).astype(np.uint8)
    shade[flats == 0] = 255
    return shade


def needed_light(colours: np.ndarray, below: np.ndarray) -> np.ndarray:
    """What screened over `below` gives `colours`, 0 where that is not lighter by more than 1/255."""
    light = np.zeros(colours.shape, np.uint8)
    lighter = (colours > below) & (colours - below > 1)
    room = 255 - below[lighter].astype(np.uint16)
    more = (colours[lighter] - below[lighter]).astype(np.uint16)  # numpy 1 keeps uint8 beside a number that fits it
    light[lighter] = (more * 255 + room // 2) // room
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
