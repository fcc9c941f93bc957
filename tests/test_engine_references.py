"""The engine with several references, larger ones, and one that is injected: alone, in batches, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference

QUICK = Settings(steps=2, seed=3)
Pictures = tuple[Image.Image, Image.Image, Image.Image]


@pytest.fixture(scope="module")
def engine(tiny_checkpoint: Any) -> Engine:
    return Engine.load(tiny_checkpoint, device="cpu")


@pytest.fixture
def together(engine: Engine) -> Iterator[Engine]:
    """As on a GPU."""
    engine.one_by_one = False
    yield engine
    engine.one_by_one = True


def other_reference() -> Image.Image:
    image = Image.new("RGB", (40, 30), "seagreen")
    ImageDraw.Draw(image).rectangle((5, 5, 20, 25), fill="white")
    return image


def half(side: int = 0) -> Image.Image:
    """The left half of the sketch, or with 1 the right one."""
    region = Image.new("L", (64, 64))
    region.paste(255, (32 * side, 0, 32 + 32 * side, 64))
    return region


def pixels(engine: Engine, pictures: Pictures, settings: Settings = QUICK, **extras: Any) -> np.ndarray:
    sketch, reference, _ = pictures
    return np.stack([np.asarray(result.image).astype(int) for result in engine.colorize(
        sketch, reference, settings, extras=Extras(**extras))])


def also(image: Image.Image, **more: Any) -> tuple[FurtherReference, ...]:
    return (FurtherReference(image, **more),)


def test_one_reference_of_any_weight_is_what_it_was(engine: Engine, pictures: Pictures) -> None:
    plain = pixels(engine, pictures)
    assert np.array_equal(pixels(engine, pictures, reference_weight=0.4), plain)
    assert np.array_equal(pixels(engine, pictures, further=also(other_reference(), weight=0)), plain)
    assert np.array_equal(pixels(engine, pictures, reference_region=Image.new("L", (64, 64), 255)), plain)


def test_a_reference_that_is_there_twice_changes_nothing_and_another_one_does(
    engine: Engine, pictures: Pictures,
) -> None:
    plain, other = pixels(engine, pictures), other_reference()
    assert abs(pixels(engine, pictures, further=also(pictures[1], weight=3)) - plain).max() <= 1
    mixed = pixels(engine, pictures, further=also(other))
    assert abs(mixed - plain).max() > 3
    far = abs(pixels(engine, pictures, further=also(other, weight=100)) - plain).mean()
    assert far > abs(pixels(engine, pictures, further=also(other, weight=0.01)) - plain).mean()


def test_the_first_of_weight_0_leaves_the_colouring_to_the_others(engine: Engine, pictures: Pictures) -> None:
    found = pixels(engine, pictures, reference_weight=0, further=also(other_reference()))
    alone = engine.colorize(pictures[0], other_reference(), QUICK)[0].image
    assert np.array_equal(found[0], np.asarray(alone).astype(int))


def test_halves_that_show_the_same_are_the_whole(engine: Engine, pictures: Pictures) -> None:
    plain = pixels(engine, pictures)
    found = pixels(engine, pictures, reference_region=half(), further=also(pictures[1], region=half(1)))
    assert abs(found - plain).max() <= 1
    other = pixels(engine, pictures, further=also(other_reference(), region=half(1)))
    assert abs(other - plain).max() > 3


def test_with_a_region_of_its_own_the_only_reference_acts_there_alone(engine: Engine, pictures: Pictures) -> None:
    found = pixels(engine, pictures, reference_region=half())
    assert abs(found - pixels(engine, pictures)).max() > 3


@pytest.mark.parametrize("settings", [
    QUICK.with_(injection=1.0), QUICK.with_(injection=0.5, injection_control=0.5, sketch_guidance=2.0),
    QUICK.with_(sampler="Heun", injection=1.0, injection_start=0.3, injection_fidelity=1.0),
], ids=["plain", "control", "late"])
def test_the_same_picture_alone_or_in_a_batch(engine: Engine, pictures: Pictures, settings: Settings) -> None:
    more = {"further": also(other_reference(), region=half(1))}
    batch = pixels(engine, pictures, settings.with_(batch=3), **more)
    for i in range(3):
        alone = pixels(engine, pictures, settings.with_(seed=settings.seed + i), **more)
        assert np.array_equal(batch[i], alone[0])
    assert abs(batch - pixels(engine, pictures, settings.with_(batch=3, injection=0.0), **more)).max() > 1


def test_sampled_together_each_is_the_same_to_the_last_of_255(together: Engine, pictures: Pictures) -> None:
    settings, more = QUICK.with_(injection=1.0), {"further": also(other_reference(), region=half(1))}
    batch = pixels(together, pictures, settings.with_(batch=3), **more)
    for i in range(3):
        assert abs(batch[i] - pixels(together, pictures, settings.with_(seed=settings.seed + i), **more)[0]).max() <= 1


def test_a_larger_reference_has_more_tokens_and_gives_another_picture(engine: Engine, pictures: Pictures) -> None:
    plain, larger = pixels(engine, pictures), QUICK.with_(reference_scale=2.0)
    assert engine.preparing.tokens(pictures[1], 2.0).shape[1] > engine.preparing.tokens(pictures[1]).shape[1]
    assert abs(pixels(engine, pictures, larger) - plain).max() > 1
    assert np.array_equal(pixels(engine, pictures), plain)
    mixed = pixels(engine, pictures, larger.with_(injection=0.5), further=also(other_reference(), region=half()))
    assert mixed.shape == plain.shape


def test_the_encoder_is_read_once_for_all_references(
    engine: Engine, pictures: Pictures, monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, load = [], engine.preparing.reference_tokens.load
    monkeypatch.setattr(engine.preparing.reference_tokens, "load", lambda: read.append(1) or load())
    new = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "gold")]
    engine.preparing.prepare(pictures[0], new[0], QUICK, Extras(further=tuple(map(FurtherReference, new[1:]))))
    engine.preparing.prepare(pictures[0], new[2], QUICK, Extras(further=tuple(map(FurtherReference, new[:2]))))
    assert read == [1]


def test_half_precision(tiny_checkpoint: Any, pictures: Pictures) -> None:
    half_engine = Engine.load(tiny_checkpoint, device="cpu", dtype="bfloat16")
    full = Engine.load(tiny_checkpoint, device="cpu")
    settings, more = QUICK.with_(injection=1.0, injection_control=0.5), {
        "reference_region": half(), "further": also(other_reference(), weight=2.0)}
    difference = abs(pixels(half_engine, pictures, settings, **more) - pixels(full, pictures, settings, **more))
    assert difference.mean() < 4


@pytest.mark.parametrize("weight", ["much", None, float("nan"), -1, 1000, True, [1]])
def test_a_weight_that_is_no_number_is_one_sentence(weight: Any) -> None:
    for make in (lambda: FurtherReference(other_reference(), weight, None, 3), lambda: Extras(reference_weight=weight)):
        with pytest.raises(ColorizeError, match=r"the weight of reference [13]: found .*, expected a number from 0"):
            make()


def test_five_references_are_one_sentence() -> None:
    with pytest.raises(ColorizeError, match="5 references, expected at most 4"):
        Extras(further=also(other_reference()) * 4)


@pytest.mark.parametrize("region, expected", [
    (Image.new("L", (64, 48), 255), "reference 3 has 64x48 pixels, expected the sketch's own 64x64"),
    (Image.new("L", (64, 64)), "reference 3 is black all over, so it lies outside the picture"),
    (Image.new("RGBA", (64, 64), (255, 255, 255, 0)), "reference 3 is black all over"),
])
def test_a_region_outside_the_picture_or_of_another_shape_is_one_sentence(
    engine: Engine, pictures: Pictures, region: Image.Image, expected: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine.preparing.reference_tokens, "of", lambda *_: pytest.fail("something was computed"))
    further = (FurtherReference(other_reference()), FurtherReference(other_reference(), region=region))
    with pytest.raises(ColorizeError, match=expected):
        pixels(engine, pictures, further=further)


def test_injection_without_a_reference_is_one_sentence(engine: Engine, pictures: Pictures) -> None:
    with pytest.raises(ColorizeError, match="injection needs a reference"):
        engine.colorize(pictures[0], None, QUICK.with_(injection=1.0))
    assert torch.is_grad_enabled()
