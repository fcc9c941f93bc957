"""run.json: which pictures a run is of, runs of older versions, and what the finished file says about its pictures."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tests.training_runs import make_pictures, tiny
from training.dataset.about import About, write_about
from training.dataset.pairs import Pairs, open_pairs
from training.trainer import run_folder as stored
from training.trainer.export import UNKNOWN_LICENCE, model_card
from training.trainer.recipe import Recipe
from training.trainer.recipes import RECIPES
from training.trainer.run_description import claim, description_of, read_description

PICTURES = 7  # with batches of 2, an epoch has 8


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_pictures(tmp_path / "data", PICTURES)


def pairs(data: Path) -> Pairs:
    return open_pairs(data, tiny("v1-512").data)


def described(data: Path, recipe: Recipe | None = None) -> dict[str, Any]:
    return description_of(recipe or tiny("v1-512"), "v1-512", pairs(data), 0)


def begun(out: Path, description: dict[str, Any]) -> Path:
    """A run that has a checkpoint."""
    checkpoint = out / "checkpoints" / "000000000002"
    checkpoint.mkdir(parents=True)
    (checkpoint / stored.POSITION).write_text("{}")
    (out / stored.RUN).write_text(json.dumps(description))
    return out


@pytest.mark.parametrize("part", ["color", "sketch"])
def test_other_pictures_of_the_same_count_and_names_are_refused(data: Path, tmp_path: Path, part: str) -> None:
    before = described(data)
    out = begun(tmp_path / "run", before)
    assert claim(out, described(data)) == []
    file = data / part / "3.png"
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    os.utime(file, (1, 1))
    after = described(data)
    with pytest.raises(ColorizeError) as error:
        claim(out, after)
    said = str(error.value)
    assert "\n" not in said and "name another --out" in said
    assert before["pictures"]["digest"][:16] in said and after["pictures"]["digest"][:16] in said
    assert read_description(out) == before


def test_the_same_pictures_elsewhere_are_the_same(data: Path, tmp_path: Path) -> None:
    out = begun(tmp_path / "run", described(data))
    shutil.copytree(data, tmp_path / "moved", copy_function=shutil.copy2)
    assert claim(out, described(tmp_path / "moved")) == []


def test_a_run_of_an_older_version_goes_on_by_its_own_lengths_and_is_told(data: Path, tmp_path: Path) -> None:
    now = described(data)
    old = {key: value for key, value in now.items() if key not in ("epoch", "pictures")}
    old["recipe"] = json.loads(json.dumps(old["recipe"]))
    del old["recipe"]["run"]["keep_epochs"]
    told = claim(begun(tmp_path / "run", old), now)
    assert len(told) == 2 and "7 images" in told[0] and "cannot be told" in told[1]
    kept = read_description(tmp_path / "run")
    assert (now["epoch"], kept["epoch"]) == (8, 7)
    assert kept["pictures"] == now["pictures"]  # from now on they are known
    assert claim(tmp_path / "run", described(data)) == []
    assert read_description(tmp_path / "run")["epoch"] == 7


def test_lengths_in_epochs_are_whole_ones_once_the_epoch_is_known(data: Path) -> None:
    recipe, epoch = tiny("v1-512"), described(data)["epoch"]
    assert [stage.images for stage in recipe.in_images(epoch).stages] == [5 * 8, 2 * 8]
    assert recipe.in_images(epoch).length(0) == recipe.length(epoch) == 56


@pytest.mark.parametrize("preset", sorted(RECIPES))
def test_a_card_says_what_the_data_folder_says_and_else_that_nobody_knows(data: Path, preset: str) -> None:
    recipe = tiny(preset)
    unknown = model_card(recipe, described(data, recipe))
    assert unknown.license == UNKNOWN_LICENCE and "OpenMoji" not in unknown.description
    write_about(data, About("CC0 1.0", "my own drawings"))
    card = model_card(recipe, described(data, recipe))
    assert card.license == "CC0 1.0" and card.description.endswith("trained on my own drawings")
    own = tiny(preset, "card.license=MIT")
    assert model_card(own, described(data, own)).license == "MIT"


@pytest.mark.parametrize("change", [{"pictures": None}, {"pictures": {}}, {"pictures": {"digest": 5}}, {"epoch": "x"},
                                    {"epoch": 0}, {"recipe": None}, {"recipe": []}, {"samples": None}])
def test_a_run_json_with_a_damaged_part_is_one_sentence(data: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    now = described(data)
    with pytest.raises(ColorizeError, match="run.json.*name another --out"):
        claim(begun(tmp_path / "run", {**now, **change}), now)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "{}"])
def test_a_damaged_run_json_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / stored.RUN).write_text(content)
    with pytest.raises(ColorizeError, match="run.json"):
        read_description(tmp_path)
