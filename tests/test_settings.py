"""Settings: ranges, one-line errors, block scales, windows, infotext."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from lib_colorize.errors import ColorizeError
from lib_colorize.method.setting_field import BLOCKS
from lib_colorize.method.settings import BLOCK_GROUPS, MAX_SEED, Polarity, Settings

NUMBERS = [f for f in fields(Settings) if f.metadata["low"] is not None and not isinstance(f.default, tuple)]


def with_value(name: str, value: Any) -> Settings:
    sizes = {"width": value, "height": value} if name in ("width", "height") else {name: value}
    ends = {"guidance_end": 1.0} if name == "guidance_start" else {}
    return Settings(**{**ends, **sizes})


@pytest.mark.parametrize("field", NUMBERS, ids=lambda f: f.name)
def test_both_ends_of_a_range_are_allowed_and_just_outside_is_not(field: Any) -> None:
    low, high = field.metadata["low"], field.metadata["high"]
    step = 1 if isinstance(field.default, int) else 0.001
    for value in (low, high):
        assert getattr(with_value(field.name, value), field.name) == value
    for value in (low - step, high + step, float("nan"), float("inf"), "many", None, True, [], 10**400):
        with pytest.raises(ColorizeError) as caught:
            with_value(field.name, value)
        assert field.metadata["label"] in str(caught.value) or "Width" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_defaults_lie_in_their_range_and_every_setting_has_its_own_infotext_key() -> None:
    Settings()
    assert len({f.metadata["infotext"] for f in fields(Settings)}) == len(fields(Settings))
    for field in NUMBERS:
        assert field.metadata["low"] <= field.default <= field.metadata["high"], field.name


@pytest.mark.parametrize("changes", [
    {"steps": 2.5}, {"seed": "1.5"}, {"polarity": "upside down"}, {"sampler": " "}, {"sampler": 3}, {"extractor": ""},
    {"block_strengths": [1.0] * 15}, {"block_strengths": [3.0] * 16}, {"block_strengths": 5},
    {"block_strengths": "a b"}, {"block_strengths": None}, {"guidance_start": 0.6, "guidance_end": 0.5},
    {"width": 512}, {"height": 512}, {"nonsense": 1},
])
def test_wrong_values_give_one_line(changes: dict[str, Any]) -> None:
    with pytest.raises(ColorizeError) as caught:
        Settings().with_(**changes)
    assert "\n" not in str(caught.value)


def test_a_range_in_an_error_is_written_in_full() -> None:
    with pytest.raises(ColorizeError, match=str(MAX_SEED)):
        Settings(seed=-1)


def test_texts_are_read_as_the_type_of_the_setting() -> None:
    texts: dict[str, Any] = {
        "steps": "30", "reference_guidance": "7", "polarity": "light on dark", "block_strengths": "0.5, " * 16}
    s = Settings(**texts)
    assert (s.steps, s.reference_guidance, s.polarity) == (30, 7.0, Polarity.LIGHT_ON_DARK)
    assert isinstance(s.steps, int) and isinstance(s.reference_guidance, float) and s.block_strengths == (0.5,) * 16


def test_infotext_comes_back_exactly_and_foreign_keys_are_ignored() -> None:
    s = Settings(
        reference_guidance=0.1 + 0.2 + 3, sketch_guidance=1.7, polarity=Polarity.LIGHT_ON_DARK, extractor="lineart",
        seed=MAX_SEED, width=640, height=384, block_strengths=tuple(i / 15 for i in range(BLOCKS)),
        no_guidance_start=0.25, no_guidance_end=0.5)
    assert Settings.from_infotext(s.to_infotext() | {"Model": "x"}) == s
    before = {item.name: item.metadata["before"] for item in fields(Settings) if item.metadata["before"] is not None}
    assert Settings.from_infotext({}) == Settings(**before)
    assert Settings.from_infotext(Settings().to_infotext()) == Settings()


def test_groups_scale_their_own_blocks_over_the_encoder() -> None:
    s = Settings(reference_strength=0.5, encoder_strength=0.2, colour_strength=0.6, semantics_strength=1.4)
    scales = s.block_scales()
    for block in range(BLOCKS):
        want = 1.0
        for name, value in (("encoder", 0.2), ("colour", 0.6), ("semantics", 1.4)):
            want = value if block in BLOCK_GROUPS[name] else want
        assert scales[block] == pytest.approx(0.5 * want)
    assert scales[0] == pytest.approx(0.1) and scales[6] == 0.5 and scales[15] == 0.5


def test_sixteen_blocks_replace_the_groups() -> None:
    blocks = tuple(i / 10 for i in range(BLOCKS))
    s = Settings(block_strengths=blocks, encoder_strength=2.0, semantics_strength=0.0, reference_strength=2.0)
    assert s.block_scales() == pytest.approx([2 * b for b in blocks])


def test_the_reference_acts_inside_its_window_and_outside_the_other() -> None:
    s = Settings(guidance_start=0.1, guidance_end=0.9, no_guidance_start=0.4, no_guidance_end=0.6)
    assert [s.uses_reference_at(p) for p in (0, 0.1, 0.39, 0.4, 0.5, 0.6, 0.61, 0.9, 1)] == [
        False, True, True, False, False, False, True, True, False]
    assert all(Settings().uses_reference_at(p) for p in (0, 0.5, 1))
    last = Settings(guidance_start=1.0)
    assert last.uses_reference_at(1 - 1e-6) and not last.uses_reference_at(1 - 1 / 999)  # rounding, not a step
