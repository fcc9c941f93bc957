"""From a drawing to its lines: which way round it is drawn, how white its paper is, and line extractors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ColorizeError, shortened
from ..method.settings import Polarity
from .grey import is_light, local_mean, look_copy, otsu, spread_out, telling_channel
from .line_net import draw_lines

MIN_CONTRAST = 16 / 255  # a picture (or line map) that varies less than this has no lines
SIGMA, TAPS = 6.0, 49  # the blur of "lineart", pre.lineart_standard of the golden data


@dataclass(frozen=True)
class Extractor:
    """A line extractor: `draw` takes [3, h, w] in [0, 1], dark lines on light paper, and gives [1 or 3, h, w]
    in [0, 1], 1 = line, of the same h and w. `label` is what a user reads. `at_scale` does the same where the size that
    the model is shown sets the scale (`extraction`): it takes the picture at about twice that size, in its own colours
    (inside out for light lines on dark); None = `draw` is used there too, for what is dark on light."""

    label: str
    draw: Callable[[Tensor], Tensor]
    at_scale: Callable[[Tensor], Tensor] | None = None


EXTRACTORS: dict[str, Extractor] = {}


def register_extractor(name: str, extractor: Extractor) -> None:
    """Adds an extractor under the name that `Settings.extractor` uses; a name that is taken raises ColorizeError."""
    if name in EXTRACTORS:
        raise ColorizeError(f"line extractor {name!r} is registered already; choose another name")
    EXTRACTORS[name] = extractor


def extractor(name: str) -> Extractor:
    """The extractor of that name, or ColorizeError with the names that there are."""
    if name not in EXTRACTORS:
        raise ColorizeError(f"unknown line extractor {shortened(name)}; known are {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name]


def extract(picture: Tensor, name: str) -> Tensor:
    """picture: [3, h, w] in [0, 1], dark lines on light -> lines [3, h, w] in [-1, 1], lines +1 on -1.

    ColorizeError for an unknown extractor, and when it finds no line at all.
    """
    lines = extractor(name).draw(picture)
    require_lines(lines, name)
    return (lines * 2 - 1).expand(3, -1, -1)


def require_lines(lines: Tensor, name: str) -> None:
    """ColorizeError when what an extractor of that name gave is of one grey."""
    if float(lines.max() - lines.min()) < MIN_CONTRAST:
        raise ColorizeError(f"the line extractor {name!r} finds no lines in the sketch; use another one, or 'none'")


def detect_polarity(grey: Tensor) -> Polarity:
    """grey: [h, w] in [0, 1] -> how its lines differ from its paper; never AUTO. A blank picture counts as paper."""
    return Polarity.LIGHT_ON_DARK if polarity_score(grey) < 0 else Polarity.DARK_ON_LIGHT


def polarity_score(grey: Tensor) -> float:
    """grey: [h, w] in [0, 1] -> -1 (surely light lines on dark) to 1 (surely dark on light); 0 without contrast.

    Three votes, each the share of light pixels after splitting into dark and light (Otsu), for paper covers more
    than lines do: over the picture (weight 0.5), along its border (1), and over the picture less
    its local mean (3), which neither a lamp nor a shadow upsets. The weights were
    chosen on 50 drawings in six kinds of light; what stays wrong are silhouettes that fill the picture.
    """
    if float(grey.max() - grey.min()) < MIN_CONTRAST:
        return 0.0
    small = look_copy(grey[None])[0]
    light = is_light(small)
    edge = max(1, round(max(small.shape) * 0.02))
    ring = torch.cat([side.flatten() for side in (light[:edge], light[-edge:], light[:, :edge], light[:, -edge:])])
    local = is_light(small - local_mean(small, max(small.shape) // 4))
    share = (0.5 * light.mean() + ring.mean() + 3 * local.mean()) / 4.5
    return float(share) * 2 - 1


def dark_lines(picture: Tensor, polarity: Polarity) -> Tensor:
    """picture: [3, h, w] in [0, 1] -> the same drawing as dark lines on light paper, [3, h, w] in [0, 1].

    With a polarity given, values stay as they are (inverted for light on dark): the authors' two modes, colours kept.
    AUTO also makes the paper white (each channel divided by its paper level, so grey, yellowed and dark paper do
    not read as lines) and takes the darkest channel for all three, so that a line of any colour counts in full.
    """
    if polarity is Polarity.DARK_ON_LIGHT:
        return picture
    if polarity is Polarity.LIGHT_ON_DARK:
        return 1 - picture
    if detect_polarity(telling_channel(picture)) is Polarity.LIGHT_ON_DARK:
        picture = 1 - picture
    return levelled_paper(picture)


def levelled_paper(picture: Tensor) -> Tensor:
    """picture: [3, h, w] in [0, 1], dark lines on light paper -> the same with white paper, all channels alike.

    Each channel is divided by its paper level; of what is left the darkest channel is taken for all three.
    """
    small = look_copy(picture)
    grey = telling_channel(small)
    paper = torch.quantile(small[:, grey > otsu(grey)], 0.9, dim=1)  # [3]; not the mean: shading is no paper
    usable = paper >= 0.5 * paper.max()  # a channel that is dark in the paper itself holds little but noise
    levelled = (picture[usable] / paper[usable, None, None]).clamp(max=1)
    return levelled.amin(0, keepdim=True).expand(3, -1, -1)


def _blur(picture: Tensor) -> Tensor:
    """Gaussian of SIGMA with TAPS taps and a reflect-101 border, on each channel of [C, h, w]."""
    half = TAPS // 2
    x = torch.arange(TAPS, dtype=torch.float64) - half
    kernel = torch.exp(-(x**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).float()
    _, h, w = picture.shape
    rows, columns = (torch.from_numpy(np.pad(np.arange(n), half, mode="reflect")) for n in (h, w))
    across = F.conv2d(picture[:, None, :, columns], kernel.view(1, 1, 1, TAPS))
    return F.conv2d(across[:, :, rows], kernel.view(1, 1, TAPS, 1))[:, 0]


def _lineart(picture: Tensor) -> Tensor:
    """What is darker than its surroundings: golden pre.lineart_standard. [3, h, w] -> [1, h, w]."""
    u8 = (picture * 255).round()
    darker = (_blur(u8) - u8).clamp(0, 255).amin(0, keepdim=True)
    visible = darker[darker > 8]
    unit = max(16.0, float(np.median(visible.numpy()))) if visible.numel() else 16.0
    return (darker / unit * 127).clamp(0, 255).floor() / 255  # floor: the authors go through uint8


def _paper(picture: Tensor) -> Tensor:
    """Flat field and levels, for a photo or scan of paper in uneven light. [3, h, w] -> [1, h, w].

    Paper brightness is a grey closing over a quarter of the picture (dark areas up to that size stay dark), smoothed;
    the picture is divided by it, then stretched so that paper noise becomes white and the strong lines black.
    """
    grey = picture.amin(0)
    small = look_copy(grey[None])[0]
    size = max(small.shape) // 8 * 2 + 1
    field = spread_out(spread_out(small, size), size, -1)
    field = local_mean(field, size // 2)
    field = F.interpolate(field[None, None], grey.shape, mode="bilinear", align_corners=False)[0, 0]
    ink = (1 - grey / field.clamp(min=1e-3)).clamp(0, 1)
    threshold = otsu(look_copy(ink[None])[0])
    noise = float(ink[ink <= threshold].median()) if bool((ink <= threshold).any()) else 0.0
    dark = ink[ink > threshold]
    full = float(dark.median()) if dark.numel() else 1.0
    low = noise + 0.25 * (full - noise)
    return ((ink - low) / max(full - low, 1e-3)).clamp(0, 1)[None]


register_extractor("none", Extractor("None: the sketch holds clean lines", lambda picture: 1 - picture))
register_extractor("lineart", Extractor("Line art from shading or pencil", _lineart, draw_lines))
register_extractor("paper", Extractor("Photo or scan of paper", _paper))
