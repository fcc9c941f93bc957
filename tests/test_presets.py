"""Presets by intention, by what they do to the sixteen blocks."""

from __future__ import annotations

import pytest

from lib_colorize.method.settings import BLOCK_GROUPS, Settings
from lib_colorize.panel.presets import CHANGES, PRESET_FIELDS, Intention, preset


def settings(intention):
    return Settings().with_(**preset(intention))


@pytest.mark.parametrize("intention", Intention)
def test_a_preset_sets_all_of_its_fields(intention):
    assert tuple(preset(intention)) == PRESET_FIELDS
    assert set(CHANGES[intention]) <= set(PRESET_FIELDS)


def test_balanced_is_the_default():
    assert settings(Intention.BALANCED) == Settings()


def test_stick_to_the_sketch_weakens_shapes_of_the_reference_and_not_its_palette():
    sketch, balanced = settings(Intention.SKETCH), Settings()
    scales = sketch.block_scales()
    assert all(scales[block] < 1 for block in BLOCK_GROUPS["semantics"])
    assert all(scales[block] == 1 for block in BLOCK_GROUPS["colour"])
    assert sketch.reference_guidance < balanced.reference_guidance
    assert sketch.uses_reference_at(0.5) and not sketch.uses_reference_at(0.95)


def test_strong_style_follows_the_reference_more_in_every_block():
    style = settings(Intention.STYLE)
    assert style.reference_guidance > Settings().reference_guidance
    assert min(style.block_scales()) > 1 and style.sketch_strength < 1


@pytest.mark.parametrize("intention", Intention)
def test_no_preset_costs_a_third_branch(intention):
    assert settings(intention).sketch_guidance == 1
