"""The table of recipes says what the paper says; `--set` and the saved configuration are checked by type."""

from __future__ import annotations

import json

import pytest
import torch

from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import Prediction
from training.trainer.dataclass_json import differing, from_plain, to_plain, with_settings
from training.trainer.progress import lr_at
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import TokenNoise, Tokens
from training.trainer.recipes import POCKET, RECIPES, recipe_of

SAMPLES = 4_800_000  # of the paper


def test_v1_512_is_the_papers_two_stages() -> None:
    noisy, refinement = RECIPES["v1-512"].stages
    assert (noisy.epochs, noisy.token_noise, noisy.drop_reference, noisy.drop_sketch) == (5, TokenNoise.PAPER, 0.1, 0)
    assert (refinement.epochs, refinement.token_noise) == (2, TokenNoise.NONE)
    assert (refinement.drop_reference, refinement.drop_sketch) == (0.5, 0.1)
    assert RECIPES["v1-512"].length(SAMPLES) == 7 * SAMPLES
    for images in (0, 5 * SAMPLES - 1, 5 * SAMPLES, 7 * SAMPLES - 1):
        assert lr_at(RECIPES["v1-512"], images, SAMPLES) == 1e-5  # constant
    assert RECIPES["v1-512"].optimizer.kind == "adamw" and RECIPES["v1-512"].prediction is Prediction.EPS


def test_ablations_differ_from_the_model_as_table_1_says() -> None:
    for name, drop, tokens in (("drop-0.5", 0.5, Tokens.LOCAL), ("proj-0.1", 0.1, Tokens.PROJECTED),
                               ("cls-0.1", 0.1, Tokens.CLS)):
        recipe = RECIPES[name]
        stage, = recipe.stages
        assert (stage.epochs, stage.token_noise, stage.drop_reference, stage.drop_sketch) == (
            7, TokenNoise.NONE, drop, 0.0)
        assert recipe.tokens is tokens and recipe.networks == RECIPES["v1-512"].networks
    assert RECIPES["noisy-only"].stages == RECIPES["v1-512"].stages[:1]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    assert from_plain(Recipe, json.loads(json.dumps(to_plain(recipe)))) == recipe


def test_set_reaches_every_kind_of_value() -> None:
    recipe = recipe_of("v1-512", [
        "optimizer.batch_size=32", "stages.1.lr=2e-5", "run.compile=true", "prediction=v", "run.trackers=",
        "networks.unet.channel_mult=1,2", "data.resolution=256", "loss.min_snr_form=published", "card.title=a=b"])
    assert recipe.optimizer.batch_size == 32 and recipe.stages[1].lr == 2e-5 and recipe.stages[0].lr == 1e-5
    assert recipe.run.compile is True and recipe.prediction is Prediction.V and recipe.run.trackers == ()
    assert recipe.networks.unet.channel_mult == (1, 2) and recipe.card.title == "a=b"
    assert RECIPES["v1-512"].optimizer.batch_size == 64  # the table is as it was


@pytest.mark.parametrize("setting, words", [
    ("optimizer.bathc_size=2", ("did you mean batch_size", "clip")),
    ("stage.lr=1", ("did you mean stages",)),
    ("stages.7.lr=1", ("a number below 2",)),
    ("optimizer.batch_size=many", ("'many'", "a whole number")),
    ("optimizer.batch_size=0", ("1 or more",)),
    ("run.compile=perhaps", ("true or false",)),
    ("prediction=x0", ("'x0'", "eps, v")),
    ("run=1", ("a group", "precision")),
    ("stages.0.images=5", ("the other 0",)),
    ("loss.zero_snr=true", ("prediction=v",)),
    ("data.resolution=500", ("a multiple of 64",)),
    ("stages.0.window=32", ("a multiple of 64",)),
    ("optimizer.lr", ("name=value", "stages.0.lr=1e-05")),
    ("optimizer", ("name=value", "networks.unet.in_channels=4")),
    ("stages.0.lr=nan", ("stages.0.lr", "a number from 0")),
    ("optimizer.clip=-1", ("optimizer.clip", "a number from 0")),
    ("run.workers=100000", ("up to 1024",)),
    ("networks.unet.num_head_channels=0", ("1 to 65536",)),
])
def test_a_bad_setting_is_one_line_that_says_what_is_expected(setting: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ColorizeError) as error:
        recipe_of("v1-512", [setting])
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ColorizeError, match=r"v1-513.*v1-512.*pocket"):
        recipe_of("v1-513")


def test_a_saved_configuration_of_a_wrong_type_is_refused() -> None:
    plain = to_plain(POCKET)
    plain["optimizer"]["batch_size"] = True
    with pytest.raises(ColorizeError, match=r"optimizer.batch_size: found True, expected a whole number"):
        from_plain(Recipe, plain)


def test_differences_are_named() -> None:
    other = with_settings(POCKET, ["stages.1.lr=1", "optimizer.clip=2"])
    assert differing(to_plain(other), to_plain(POCKET)) == [
        "stages.1.lr: 1.0 instead of 0.0006", "optimizer.clip: 2.0 instead of 1.0"]


def test_the_learning_rate_warms_up_then_follows_a_cosine_in_each_stage() -> None:
    first, second, third = POCKET.stages
    assert lr_at(POCKET, 0, 1) == pytest.approx(8e-4 * 16 / 1600)
    half = first.images // 2
    assert lr_at(POCKET, half, 1) == pytest.approx((8e-4 + 6e-4) / 2)
    assert lr_at(POCKET, first.images, 1) == pytest.approx(second.lr)
    quarter = first.images + second.images + third.images // 4
    expected = 1e-5 + (5e-4 - 1e-5) * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi / 4))))
    assert lr_at(POCKET, quarter, 1) == pytest.approx(expected)
