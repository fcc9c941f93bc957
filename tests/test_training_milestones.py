"""What a run keeps for good: checkpoints at the end of stages and epochs, and the grid of its last checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training_runs import make_pictures, reset_accelerate, tiny, trainer
from training.trainer import loop
from training.trainer import run_folder as stored

pytestmark = pytest.mark.usefixtures("fresh_accelerate")
EPOCH = 8  # images: 6 pictures in batches of 4


def test_the_end_of_each_stage_and_epoch_outlasts_keep(tmp_path: Path) -> None:
    recipe = tiny("v1-512", "optimizer.batch_size=4", "stages.0.epochs=2", "stages.1.epochs=1", "run.keep=1",
                  "run.save_every=4", "run.keep_epochs=true")
    run = trainer(recipe, make_pictures(tmp_path / "data"), tmp_path / "run")
    assert loop.train(run, recipe.length(EPOCH), {})
    kept = stored.checkpoints(tmp_path / "run")
    assert [int(path.name) for path in kept] == [EPOCH, 2 * EPOCH, 3 * EPOCH]
    said = [(path / stored.MILESTONE).read_text().strip() for path in kept]
    assert said == ["end of epoch 1", "end of stage noisy", "end of epoch 3"]


def test_without_the_option_stages_alone_are_kept(tmp_path: Path) -> None:
    recipe = tiny("v1-512", "optimizer.batch_size=4", "stages.0.epochs=2", "stages.1.epochs=1", "run.keep=1",
                  "run.save_every=4")
    run = trainer(recipe, make_pictures(tmp_path / "data"), tmp_path / "run")
    assert loop.train(run, recipe.length(EPOCH), {})
    assert [int(path.name) for path in stored.checkpoints(tmp_path / "run")] == [2 * EPOCH, 3 * EPOCH]


def test_a_grid_that_a_kill_prevented_is_drawn_at_the_resume(tmp_path: Path) -> None:
    recipe = tiny("v1-512", "run.sample_every=4", "run.sample_pairs=1", "run.sample_steps=1")
    data = make_pictures(tmp_path / "data")
    assert loop.train(trainer(recipe, data, tmp_path / "run"), 4, {})
    grid = tmp_path / "run" / "samples" / "000000000004.png"
    drawn = grid.read_bytes()
    grid.unlink()  # as when the kill comes between checkpoint and grid
    reset_accelerate()
    assert loop.train(trainer(recipe, data, tmp_path / "run"), 4, {})
    assert grid.read_bytes() == drawn
