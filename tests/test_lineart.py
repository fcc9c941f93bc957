"""Line extraction, polarity and paper level, against golden data and drawings made here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Polarity
from lib_colorize.pictures import lineart
from lib_colorize.pictures.lineart import (
    EXTRACTORS,
    Extractor,
    dark_lines,
    detect_polarity,
    extract,
    register_extractor,
)
from tests.conftest import golden_ids
from tests.golden.reader import Golden

SIZE = 160


def drawing(paint: Callable[[ImageDraw.ImageDraw], object]) -> torch.Tensor:
    """[SIZE, SIZE] in [0, 1], black on white."""
    image = Image.new("L", (SIZE * 2, SIZE * 2), 255)
    paint(ImageDraw.Draw(image))
    return torch.from_numpy(np.array(image.reduce(2), dtype=np.float32) / 255)


def thin(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((60, 50, 240, 230), outline=0, width=3)
    draw.line((80, 310, 160, 230, 250, 300), fill=0, width=3)


def full_bleed(draw: ImageDraw.ImageDraw) -> None:
    for x in range(0, 320, 40):
        draw.line((x, 0, 320 - x, 320), fill=0, width=3)


def filled_hair(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((50, 20, 270, 250), fill=0)
    draw.ellipse((95, 90, 225, 260), fill=255, outline=0, width=4)
    draw.arc((120, 60, 220, 110), 200, 320, fill=255, width=4)  # a highlight: thin and light
    draw.line((90, 318, 130, 255, 200, 255, 230, 318), fill=0, width=4)


def heavy(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((30, 30, 290, 290), fill=0)
    draw.rectangle((80, 80, 160, 160), fill=255)


def dot(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((150, 150, 160, 160), fill=0)


DRAWINGS = {f.__name__: drawing(f) for f in (thin, full_bleed, filled_hair, heavy, dot)}
PAPERS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "black on white": lambda g: g,
    "grey pencil": lambda g: 0.7 + 0.3 * g,
    "grey paper": lambda g: 0.7 * g,
    "dark grey paper": lambda g: 0.3 * g,
    "noisy scan": lambda g: (0.1 + 0.8 * g + 0.02 * torch.randn(g.shape, generator=torch.manual_seed(1))).clamp(0, 1),
    "lit from one side": lambda g: (0.2 + 0.8 * g) * torch.linspace(1, 0.5, SIZE),
}


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("name", DRAWINGS)
def test_polarity_of_a_drawing_and_of_its_negative_is_told(name: str, paper: str) -> None:
    grey = PAPERS[paper](DRAWINGS[name])
    assert detect_polarity(grey) is Polarity.DARK_ON_LIGHT
    assert detect_polarity(1 - grey) is Polarity.LIGHT_ON_DARK


@pytest.mark.parametrize("shape", [(2000, 90), (90, 2000), (8, 8), (1, 300)])
def test_polarity_is_told_at_any_size(shape: tuple[int, int]) -> None:
    grey = torch.ones(shape)
    grey[shape[0] // 2, shape[1] // 3] = 0
    grey[:, shape[1] // 2] = 0
    assert detect_polarity(grey) is Polarity.DARK_ON_LIGHT
    assert detect_polarity(1 - grey) is Polarity.LIGHT_ON_DARK


@pytest.mark.parametrize("paper", [1.0, 0.7, 0.3])
@pytest.mark.parametrize("negative", [False, True])
def test_auto_makes_paper_white_and_keeps_the_lines_dark(paper: float, negative: bool) -> None:
    grey = paper * DRAWINGS["thin"]
    picture = (1 - grey if negative else grey).expand(3, -1, -1)
    got = dark_lines(picture, Polarity.AUTO)
    assert torch.allclose(got, DRAWINGS["thin"].expand(3, -1, -1), atol=1e-5)


@pytest.mark.parametrize("colour", [(1.0, 0, 0), (0, 0, 1.0), (1.0, 1.0, 0), (0, 0.6, 0.2)])
def test_auto_reads_a_line_of_any_colour_in_full(colour: tuple[float, float, float]) -> None:
    line = 1 - DRAWINGS["thin"]
    ink = torch.tensor(colour)[:, None, None]
    got = dark_lines(1 - line + line * ink, Polarity.AUTO)
    assert torch.allclose(got[0], 1 - line, atol=1e-5) and torch.equal(got[0], got[2])


def test_auto_sees_no_lines_in_coloured_paper() -> None:
    paper = torch.tensor([0.95, 0.85, 0.6])[:, None, None]
    got = dark_lines(paper * DRAWINGS["thin"], Polarity.AUTO)
    assert torch.allclose(got[1], DRAWINGS["thin"], atol=1e-5)


def test_a_given_polarity_leaves_values_and_colours_alone() -> None:
    picture = torch.rand(3, 20, 30, generator=torch.manual_seed(0))
    assert torch.equal(dark_lines(picture, Polarity.DARK_ON_LIGHT), picture)
    assert torch.equal(dark_lines(picture, Polarity.LIGHT_ON_DARK), 1 - picture)


@pytest.mark.parametrize("id", golden_ids("pre.lineart_standard"))
def test_lineart_equals_the_authors(golden: Golden, id: str) -> None:
    case = golden.case(id)
    u8 = torch.from_numpy(golden.get(case, "inputs", "sketch_u8"))
    golden.check(case, "lineart", extract(u8.permute(2, 0, 1).float() / 255, "lineart")[None].numpy())


@pytest.mark.parametrize("shape", [(8, 8), (8, 300), (23, 25), (64, 48)])
def test_blur_is_a_gaussian_with_a_reflected_border_at_any_size(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).uniform(0, 255, shape)
    taps = np.exp(-(np.arange(-24, 25) ** 2) / 72)
    padded = np.pad(picture, 24, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (49, 49))
    want = np.einsum("hwij,i,j->hw", windows, taps / taps.sum(), taps / taps.sum(), optimize=True)
    got = lineart._blur(torch.from_numpy(picture).float()[None])[0].numpy()
    assert np.abs(got - want).max() < 1e-3


@pytest.mark.parametrize("name", ["thin", "filled_hair"])
def test_paper_removes_uneven_light_and_noise(name: str) -> None:
    truth = 1 - DRAWINGS[name]
    light = torch.linspace(1, 0.5, SIZE) * torch.linspace(1, 0.8, SIZE)[:, None]
    noise = 0.01 * torch.randn(truth.shape, generator=torch.manual_seed(2))
    photo = (light * (1 - 0.7 * truth) + noise).clamp(0, 1).expand(3, -1, -1)
    got = (extract(dark_lines(photo, Polarity.AUTO), "paper")[0] + 1) / 2
    assert float(got[truth < 0.01].mean()) < 0.02
    assert float(got[truth > 0.99].mean()) > 0.9
    plain = (extract(dark_lines(photo, Polarity.AUTO), "none")[0] + 1) / 2
    assert float((got - truth).abs().mean()) < 0.2 * float((plain - truth).abs().mean())


@pytest.mark.parametrize("name", sorted(EXTRACTORS))
@pytest.mark.parametrize("shape", [(8, 8), (9, 200), (70, 50)])
def test_every_extractor_keeps_the_size_and_the_range(name: str, shape: tuple[int, int]) -> None:
    picture = torch.ones(3, *shape)
    picture[:, :, shape[1] // 2] = 0.1
    lines = extract(picture, name)
    assert lines.shape == picture.shape and float(lines.min()) >= -1 and float(lines.max()) <= 1
    assert float(lines[:, :, shape[1] // 2].mean()) > float(lines[:, :, 0].mean()) + 0.5


def test_an_unknown_extractor_is_refused_with_the_known_names() -> None:
    with pytest.raises(ColorizeError, match=f"'magic'.*{', '.join(EXTRACTORS)}"):
        extract(torch.ones(3, 8, 8), "magic")


def test_an_extractor_that_finds_nothing_is_an_error() -> None:
    with pytest.raises(ColorizeError, match="finds no lines"):
        extract(torch.ones(3, 30, 30), "lineart")


def test_a_registered_extractor_is_used_and_its_name_cannot_be_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineart, "EXTRACTORS", dict(EXTRACTORS))
    half = Extractor("Left half", lambda p: torch.cat([torch.ones(1, 8, 4), torch.zeros(1, 8, 4)], 2))
    register_extractor("left", half)
    assert extract(torch.ones(3, 8, 8), "left").mean() == 0
    with pytest.raises(ColorizeError, match="registered already"):
        register_extractor("left", half)
    assert "left" not in EXTRACTORS
