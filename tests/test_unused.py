"""What nothing uses is refused or told: masks, colours, strengths; what is used is neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from lib_colorize.engine.second_pass import passes_of
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from lib_colorize.pictures.unused import require_used, told_unused

PICTURE = Image.new("RGB", (32, 32))
MASK = Image.new("L", (32, 32))
OF_SKETCH, OF_REFERENCE = Extras(sketch_mask=MASK), Extras(reference_mask=MASK)


@pytest.mark.parametrize("settings, extras, said", [
    ({}, OF_SKETCH, "a mask of the sketch, but nothing uses it"),
    ({"backdrop": "plain"}, OF_REFERENCE, "a mask of the reference, but nothing uses it"),
])
def test_a_mask_is_refused_where_nothing_is_told_apart(settings: dict[str, Any], extras: Extras, said: str) -> None:
    with pytest.raises(ColorizeError, match=said):
        require_used(Settings(**settings), extras)


@pytest.mark.parametrize("settings, extras", [
    ({"style_enhance": True}, OF_SKETCH),
    ({"foreground_enhance": True}, OF_REFERENCE),
    ({"background_enhance": True, "backdrop": "plain"}, OF_REFERENCE),
    ({"background_enhance": True}, replace(OF_REFERENCE, background=PICTURE)),
])
def test_a_mask_that_this_way_of_telling_apart_does_not_look_at_is_told(
        settings: dict[str, Any], extras: Extras) -> None:
    require_used(Settings(**settings), extras)
    (told,) = told_unused(Settings(**settings), extras)
    assert "mask of the" in told and "not used" in told


@pytest.mark.parametrize("settings, extras", [
    ({}, Extras()),
    ({"backdrop": "transparent"}, OF_SKETCH),
    ({"foreground_enhance": True}, OF_SKETCH),
    ({"background_enhance": True}, replace(OF_SKETCH, reference_mask=MASK)),
    ({"background_enhance": True}, replace(OF_SKETCH, background=PICTURE)),
])
def test_a_mask_that_something_uses_is_not(settings: dict[str, Any], extras: Extras) -> None:
    require_used(Settings(**settings), extras)
    assert told_unused(Settings(**settings), extras) == ()


@pytest.mark.parametrize("idle, used", [
    ({"backdrop_colour": "#ff0000"}, {"backdrop": "plain"}),
    ({"merge": 0.5}, {"background_enhance": True}),
    ({"sketch_threshold": 0.3}, {"foreground_enhance": True}),
    ({"injection_control": 1.0}, {"injection": 0.5}),
    ({"text_scale": 9.0}, {"text_target": "a red dress"}),
    ({"second_strength": 0.3}, {"second_pass": 2.0}),
])
def test_a_setting_that_changes_nothing_is_told_and_no_longer_where_it_does(
        idle: dict[str, Any], used: dict[str, Any]) -> None:
    (told,) = told_unused(Settings(**idle), Extras())
    assert "not used" in told and str(next(iter(idle.values()))) in told
    assert told_unused(Settings(**idle, **used), Extras()) == ()


def test_groups_of_blocks_do_nothing_beside_strengths_of_each_block() -> None:
    (told,) = told_unused(Settings(colour_strength=0.5, block_strengths=(1.0,) * 16), Extras())
    assert told == "Colour 0.5: not used, each block has a strength of its own"


def test_a_limit_without_a_palette_and_a_second_pass_too_small_to_be_one_are_told() -> None:
    limited = Settings(palette_limit=20)
    assert told_unused(limited, Extras()) == ("Palette limit 20.0: not used, there is no palette",)
    assert told_unused(limited, Extras(palette=((1, 2, 3),))) == ()
    small = Settings(second_pass=1.1)
    assert "Second pass 1.1: not used" in told_unused(small, Extras())[0]
    assert len(passes_of((900, 900), small, 128)) == 1
    assert told_unused(Settings(second_pass=1.25), Extras()) == ()


def test_a_weight_alone_and_an_emptying_without_a_picture_are_told() -> None:
    assert "no other one" in told_unused(Settings(), Extras(reference_weight=2))[0]
    assert told_unused(Settings(), Extras(reference_weight=2, further=(FurtherReference(PICTURE),))) == ()
    emptied = Settings(remove_foreground=True, background_enhance=True)
    assert "no background picture" in told_unused(emptied, Extras())[0]
    assert told_unused(emptied, Extras(background=PICTURE)) == ()
    assert told_unused(Settings(), Extras()) == ()
