"""Pairs of different drawings in the same colours: which part takes which colour, and that the pictures show it."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tests.evidence_drawings import figure, thing
from training.dataset.pairs import DataOptions, open_pairs
from training.small import build_pairs
from training.small.build_data import write_samples
from training.small.build_pairs import draw_pair
from training.small.dress import Dress
from training.small.pair_choice import Sized, answer, choose_pair, groups, plain
from training.small.svg_sources import PACKAGES, openmoji

pytest.importorskip("resvg_py")
DRESS = Dress({"hair": "#ff0000", "skin": "#00ff00", "clothes": "#0000ff"}, ("#202020", "#eeee00"), "stripes")


def flat(name: str) -> Sized:
    """A figure without the shade on its clothes."""
    drawing = figure(name)
    unshaded = re.sub(r"<rect [^>]*fill-opacity[^>]*/>", "", drawing.svg)
    assert unshaded != drawing.svg
    return Sized.of(replace(drawing, svg=unshaded))


FIGURE, ANOTHER, THING = flat("figure"), flat("another"), Sized.of(thing())


@pytest.fixture
def named() -> dict[str, list[Sized]]:
    return groups([FIGURE, ANOTHER, THING, Sized.of(thing("other")), flat("dicebear/a"), flat("dicebear/b")])


def test_parts_are_listed_by_their_area() -> None:
    assert FIGURE.parts == ("clothes", "hair", "skin")  # 52 x 22, 52 x 20 and 44 x 18


def test_parts_of_one_name_take_the_same_colour_and_the_background_the_lighter_one() -> None:
    found = answer(FIGURE, ANOTHER, DRESS, random.Random(0))
    assert found == Dress(DRESS.parts, ("#eeee00",)) and plain(DRESS) == "#eeee00"


def test_a_part_that_the_reference_lacks_takes_another_of_its_colours() -> None:
    bald = Sized(figure("bald"), ("clothes", "skin"))
    found = answer(FIGURE, bald, DRESS, random.Random(0))
    assert found.parts["skin"] == "#00ff00" and found.parts["clothes"] == "#0000ff"
    assert found.parts["hair"] in DRESS.parts.values()


def test_a_thing_takes_colours_by_area() -> None:
    found = answer(THING, FIGURE, DRESS, random.Random(0))
    assert [found.parts[p] for p in THING.parts] == [DRESS.parts[p] for p in FIGURE.parts[:2]]
    back = answer(FIGURE, THING, Dress({"color 1": "#111111", "color 2": "#222222"}, ("#ffffff",)), random.Random(0))
    first, second = (({"color 1": "#111111", "color 2": "#222222"})[p] for p in THING.parts)
    assert [back.parts[p] for p in FIGURE.parts] == [first, second, first]


def test_the_picture_shows_colours_of_its_reference_and_no_other(named: dict[str, list[Sized]]) -> None:
    differing = 0
    for number in range(30):
        pair = draw_pair(number, named, 64, 0)
        assert pair.reference is not None and pair.color.size == pair.sketch.size == pair.reference.size == (64, 64)
        shown, offered = (colours(picture) for picture in (pair.color, pair.reference))
        assert len(shown) >= 2 and shown <= offered | {(0, 0, 0)}
        differing += pair.color != pair.reference
    assert differing == 30


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    """Those of at least 6 % of the pixels: along edges they are mixed."""
    found, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(map(int, c)) for c, n in zip(found, counts) if n >= 0.06 * picture.width**2}


def test_a_pair_is_a_pure_function_of_number_and_seed(named: dict[str, list[Sized]]) -> None:
    first, again, other = (draw_pair(3, named, 64, seed) for seed in (0, 0, 1))
    assert (first.color, first.sketch, first.reference) == (again.color, again.sketch, again.reference)
    assert first.color != other.color


def test_every_kind_of_pair_comes(named: dict[str, list[Sized]]) -> None:
    rng = random.Random(0)
    chosen = [choose_pair(rng, named) for _ in range(400)]
    kinds = {(sketch.drawing.figure, reference.drawing.figure) for sketch, reference in chosen}
    assert len(kinds) == 4 and 0 < sum(s is r for s, r in chosen) < 250


def test_too_few_drawings_are_named() -> None:
    with pytest.raises(ColorizeError, match="avatars: found 0 drawings, expected 2 or more"):
        groups([FIGURE, THING])
    with pytest.raises(ColorizeError, match="expected at least 1 pair of at least 32 px"):
        build_pairs.build_pair_set(Path("nowhere"), PACKAGES, 0, 64, 0)


def test_shards_are_what_training_reads(named: dict[str, list[Sized]], tmp_path: Path) -> None:
    written = [draw_pair(number, named, 64, 0) for number in range(6)]
    assert write_samples(tmp_path, iter(written)) == 6
    batch = open_pairs(tmp_path, DataOptions(resolution=64, flip=False, crop="squash", max_margin=0)).batch([4], 0, 0)
    for tensor, image in ((batch.color, written[4].color), (batch.reference, written[4].reference)):
        assert tensor is not None and image is not None
        assert np.array_equal(((tensor[0].permute(1, 2, 0).numpy() + 1) * 127.5).round(), np.asarray(image))


@pytest.mark.skipif(not (PACKAGES / "openmoji").is_dir(), reason="npm ci --prefix training")
def test_nothing_of_the_benchmark_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_pairs, "AVATARS", 3)
    found = build_pairs.all_drawings(PACKAGES)
    held = {lines for *_, lines in openmoji(PACKAGES / "openmoji", test=True)}
    assert len(found) > 1000
    assert not held & {drawing.lines for drawing in found}
    assert {d.name.split("-")[0] for d in found if d.name.startswith("dicebear/")} == {
        "dicebear/adventurer", "dicebear/lorelei", "dicebear/micah", "dicebear/openPeeps"}
