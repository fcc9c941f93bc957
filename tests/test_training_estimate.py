"""--dry-run: what it counts, against the method's numbers and a GPU's measured memory, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.training_runs import ROOT, command, environment, make_pictures, tiny
from training.dataset.pairs import open_pairs
from training.trainer.costs import checkpoint_bytes, costs, memory
from training.trainer.estimate import describe_run, with_precision
from training.trainer.live_memory import LiveMemory
from training.trainer.recipe import Recipe
from training.trainer.recipes import RECIPES

MEASURED = {32: 62e9, 48: 86e9}  # bytes, v1-512 in bf16, one process on an H200: samples of a step -> peak


def at_once(samples: int, *, checkpointing: bool = False) -> Recipe:
    """v1-512 in bf16, with steps of so many samples in one part."""
    base = RECIPES["v1-512"]
    return replace(base, optimizer=replace(base.optimizer, batch_size=samples),
                   run=replace(base.run, precision="bf16", micro_batch=0, checkpointing=checkpointing))


def test_memory_is_within_15_percent_of_what_was_measured_on_a_gpu() -> None:
    for samples, measured in MEASURED.items():
        recipe = at_once(samples)
        found = sum(memory(recipe, costs(recipe, samples), 1, "plain").values())
        assert found == pytest.approx(measured, rel=0.15), samples


def test_counts_at_released_size_are_those_of_the_method() -> None:
    recipe = RECIPES["v1-512"]
    found = costs(recipe)
    assert found.parameters["sketch_encoder"] == pytest.approx(64.0e6, rel=2e-3)  # method.md, section 1
    assert found.parameters["unet"] * 4 == pytest.approx(3.464e9, rel=1e-3)  # section 4: fp32 U-Net 3.464 GB
    single, ddp, zero = (memory(recipe, found, world, kind)
                         for world, kind in ((1, "plain"), (4, "plain"), (4, "DEEPSPEED")))
    assert single["optimizer"] == 8 * found.trained  # AdamW: two float32 numbers for each
    assert zero["optimizer"] == single["optimizer"] / 4
    assert ddp["DDP's buckets"] == 4 * found.trained and "DDP's buckets" not in single
    assert checkpoint_bytes(recipe, found) == pytest.approx(14.9e9, rel=0.01)  # as it lies on a disk


def test_checkpointing_lowers_memory_and_raises_time_and_its_second_pass_counts() -> None:
    plain, again = (costs(tiny("v1-512", f"run.checkpointing={word}"), 8) for word in ("false", "true"))
    assert again.step < plain.step and again.flops > plain.flops and again.trained == plain.trained


def test_autocast_halves_most_activations_and_not_those_of_norms() -> None:
    full, half = (costs(tiny("v1-512", f"run.precision={word}"), 64).step for word in ("no", "bf16"))
    assert 0.5 * full < half < 0.9 * full


def test_live_memory_counts_storages_once_and_forgets_them() -> None:
    with FakeTensorMode(), LiveMemory() as live:
        a = torch.empty(1000)
        b = a.view(10, 100).t()  # the same storage
        assert live.now == 4000
        c = b.contiguous()
        assert live.now == 8000 and live.peak == 8000
        del a, b
        assert live.now == 4000 and live.peak == 8000
        del c
    assert live.now == 0


def test_accelerates_precision_counts_where_the_recipe_has_none() -> None:
    recipe = tiny("v1-512", "run.precision=")
    assert with_precision(recipe, {"ACCELERATE_MIXED_PRECISION": "bf16"}).run.precision == "bf16"
    assert with_precision(recipe, {}).run.precision == "no"
    own = tiny("v1-512", "run.precision=fp16")
    assert with_precision(own, {"ACCELERATE_MIXED_PRECISION": "bf16"}).run.precision == "fp16"


def test_dry_run_prints_the_configuration_and_writes_nothing(training_files: Path, tmp_path: Path) -> None:
    arguments = command(training_files, tmp_path / "run", "optimizer.batch_size=4", "run.micro_batch=1")
    done = subprocess.run([sys.executable, "-m", "training.train", *arguments, "--dry-run"], cwd=ROOT,
                          env=environment(), capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    printed, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert printed["optimizer"]["batch_size"] == 4 and printed["data"]["resolution"] == 64
    for words in ("1 process(es) x 4 part(s)", "memory of one device", "activations", "disk: a checkpoint",
                  "time: about", "40,800 images in all"):
        assert words in done.stdout
    assert "0.00 images/s" not in done.stdout and not (tmp_path / "run").exists()


def test_the_estimate_speaks_of_every_stage_and_of_a_slow_machine(tmp_path: Path) -> None:
    recipe = tiny("v1-512")
    pairs = open_pairs(make_pictures(tmp_path / "data"), recipe.data)
    text = describe_run(recipe, pairs, 42, tmp_path / "run")
    assert "noisy: 30 images" in text and "refinement: 12 images" in text
