"""What is typed: numbers out of range, missing files and processes that did not start are told in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lib_colorize.errors import ColorizeError
from tests.training_runs import command, finish, start, tiny
from training.trainer import bench, cache_command
from training.trainer import run as train
from training.trainer.dataclass_json import leaves, to_plain
from training.trainer.initial_weights import load_start, load_vae
from training.trainer.networks import Model
from training.trainer.recipes import RECIPES, recipe_of

HARD = ("-1", "0", "nan", "inf", "-inf", "1e30", "1" * 400, "-0.5", "1e-30", "99999999999999999999")


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("seed", ["-1", str(2**32), str(10**30)])
def test_a_seed_out_of_range_is_refused_with_or_without_dry_run(
    training_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: str, dry: bool,
) -> None:
    arguments = [*command(training_files, tmp_path / "run"), "--seed", seed, *(["--dry-run"] if dry else [])]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit, match=f"^error: --seed: found {seed}, expected 0 to"):
        train.main()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("preset", ["v1-512", "pocket"])
def test_every_number_of_a_recipe_is_taken_or_refused_in_one_sentence(preset: str) -> None:
    numbers = [name for name, value in leaves(to_plain(RECIPES[preset]))
               if isinstance(value, (int, float)) and not isinstance(value, bool)]
    assert len(numbers) > 40
    for name in numbers:
        for text in HARD:
            try:
                value = dict(leaves(to_plain(recipe_of(preset, [f"{name}={text}"]))))[name]
            except ColorizeError as error:
                assert "\n" not in str(error) and len(str(error)) < 700
            else:
                assert 0 <= value <= 1e15, (name, text)  # what is taken is a finite number


def test_missing_files_are_named_by_their_setting_and_by_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match="start.checkpoint of the recipe is SD2.1, Waifu Diffusion 1.4"):
        load_vae(recipe_of("v1-512", ["start.checkpoint=nowhere.ckpt"]))
    with pytest.raises(ColorizeError, match="start.vae of the recipe is a VAE"):
        load_vae(recipe_of("v1-512", ["start.vae=nowhere.pt"]))
    recipe = tiny("pocket-pairs", "start.checkpoint=runs/warm.safetensors")
    with pytest.raises(ColorizeError, match="python -m training.warm_up runs/warm.safetensors"):
        load_start(Model(recipe), recipe)


def test_one_process_where_accelerate_was_asked_for_two_is_told(training_files: Path, tmp_path: Path) -> None:
    arguments = ["launch", "--cpu", "--num_processes", "2", "--mixed_precision", "no", "training/train.py",
                 *command(training_files, tmp_path / "run", "run.save_every=100"), "--max-images", "2"]
    output = finish(start(["-m", "accelerate.commands.accelerate_cli", *arguments], program="-u"))
    assert "1 process trains" in output and "torchrun" in output


@pytest.mark.parametrize("command_line", [
    ("bench", "--rounds", "0"), ("bench", "--steps", "-1"), ("cache", "--batch-size", "0"),
    ("cache", "--workers", "-1"), ("cache", "--gpus", "nan"), ("cache", "--gpus", "-1.0"),
    ("train", "--max-images", "0")])
def test_a_number_out_of_range_is_refused_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: tuple[str, ...],
) -> None:
    name, option, value = command_line
    mains = {"bench": bench.main, "cache": cache_command.main, "train": train.main}
    folders = ["--preset", "pocket", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    needed = [] if name == "bench" else folders
    monkeypatch.setattr(sys, "argv", [name, *needed, option, value])
    with pytest.raises(SystemExit, match=f"^error: {option}: found {value}, expected"):
        mains[name]()
