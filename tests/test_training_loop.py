"""The loop itself: presets, accumulation, several processes, precision, what it writes."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from lib_colorize.checkpoint.read import read
from lib_colorize.engine.contact_sheet import GAP, HEADER
from lib_colorize.errors import ColorizeError
from tests.training_runs import SIZE, command, difference, finish, finish_together, start, tiny, trainer
from training.trainer import loop
from training.trainer import run as train
from training.trainer import run_folder as stored
from training.trainer.logs import ThroughputMeter
from training.trainer.networks import Model
from training.trainer.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("fresh_accelerate")
STEPS = ("stages.0.images=8", "stages.1.images=4", "stages.2.images=4", "optimizer.batch_size=4", "run.save_every=4",
         "run.keep=9", "run.log_every=4", "optimizer.warmup=0")


@pytest.fixture(scope="module")
def single(training_files: Path, module_folder: Path) -> Path:
    """A run of four steps by one process, each step saved."""
    out = module_folder / "run"
    arguments = command(training_files, out, *STEPS, "run.sample_every=16", "run.sample_steps=2",
                        "run.trackers=tensorboard", "run.sample_pairs=2")
    finish(start(arguments))
    return out


def gradients(run: Path, images: int) -> dict[object, torch.Tensor]:
    """AdamW's first moment after so many images: the clipped gradients, averaged."""
    state = torch.load(run / "checkpoints" / f"{images:012d}" / "optimizer.bin", weights_only=True)["state"]
    return {key: value["exp_avg"] for key, value in state.items()}


def records(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def same_training(run: Path, single: Path, moments: bool = True) -> None:
    """Losses, gradients and weights of four steps, to 1e-5.

    Weights as a whole: AdamW divides a gradient by its own size, so that the few which are zero but for rounding
    (a bias before a norm) move by the learning rate in a direction that is noise.
    """
    for mine, theirs in zip(records(run), records(single), strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert mine["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-5)
        assert mine["lr"] == theirs["lr"] and mine["images"] == theirs["images"]
    for a, b in zip(stored.checkpoints(single), stored.checkpoints(run), strict=True):
        assert difference(stored.weights(a), stored.weights(b)) < 1e-5
    if moments:
        assert difference(gradients(single, 4), gradients(run, 4)) < 1e-5
        assert difference(gradients(single, 16), gradients(run, 16)) < 1e-5


def test_a_run_writes_log_samples_and_a_checkpoint_that_the_core_reads(single: Path) -> None:
    log = records(single)
    assert [record["images"] for record in log] == [4, 8, 12, 16]
    assert [record["stage"] for record in log] == ["noisy, windows", "noisy, windows", "noisy", "refinement"]
    assert all(record["images_per_second"] > 0 and len(record["loss_by_t"]) == 10 for record in log)
    file = read(single / "final.safetensors")
    assert file.unet and file.sketch_encoder and file.vae and file.reference_encoder
    assert file.card.training["images"] == 16 and file.card.training["stages"][0]["name"] == "noisy, windows"
    assert (single / "final.yaml").exists() and list((single / "trackers").rglob("events*"))
    grid = Image.open(single / "samples" / "000000000016.png")
    assert grid.size == (5 * (SIZE + GAP) + GAP, HEADER + 2 * (SIZE + GAP) + GAP)


def test_accumulated_parts_equal_the_whole_batch(training_files: Path, single: Path, tmp_path: Path) -> None:
    finish(start(command(training_files, tmp_path / "run", *STEPS, "run.micro_batch=1")))
    same_training(tmp_path / "run", single)


def test_two_processes_equal_one_with_the_doubled_batch(training_files: Path, single: Path, tmp_path: Path) -> None:
    arguments = command(training_files, tmp_path / "run", *STEPS, "run.micro_batch=1")
    finish_together(arguments, ACCELERATE_USE_CPU="true")
    same_training(tmp_path / "run", single)


@pytest.mark.parametrize("preset", [name for name, recipe in RECIPES.items() if not recipe.reference_encoder.inside])
def test_every_preset_builds_at_small_width_and_takes_two_steps(
    training_files: Path, tmp_path: Path, preset: str,
) -> None:
    recipe = tiny(preset, "run.save_every=100")
    run = trainer(recipe, training_files / "data", tmp_path / "run")
    before = run.model.get_parameter("unet.out.2.weight").detach().clone()
    seen: set[str] = set()
    for name, parameter in run.model.named_parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(lambda _, name=name: seen.add(name))
    assert loop.train(run, 4, {})
    assert run.position.steps == 2
    assert math.isfinite(records(tmp_path / "run")[-1]["loss"])
    assert not torch.equal(run.model.get_parameter("unet.out.2.weight"), before)
    frozen = {name for name, p in run.model.named_parameters() if not p.requires_grad}
    assert all(preset == "cls-0.1" and ".norm2." in name for name in frozen)
    assert seen == {name for name, _ in run.model.named_parameters()} - frozen  # DDP would wait for one without


def test_bf16_trains_close_to_float32_and_keeps_float32_weights(
    training_files: Path, single: Path, tmp_path: Path,
) -> None:
    arguments = command(training_files, tmp_path / "run", *STEPS, "run.precision=bf16")
    finish(start(arguments))
    for mine, theirs in zip(records(tmp_path / "run"), records(single), strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=0.02)
    assert records(tmp_path / "run")[-1]["loss"] != records(single)[-1]["loss"]
    assert {v.dtype for v in stored.weights(stored.checkpoints(tmp_path / "run")[-1]).values()} == {torch.float32}


def test_the_meter_sorts_losses_by_t_and_leaves_out_what_fills_up() -> None:
    from accelerate import Accelerator

    meter = ThroughputMeter(torch.device("cpu"), 1000)
    meter.images = 3
    meter.add(torch.tensor([1.0, 2.0, 4.0, 99.0]), torch.tensor([0, 99, 999, 500]), torch.tensor([1.0, 1, 1, 0]))
    record = meter.read(Accelerator(cpu=True))
    assert record["loss"] == pytest.approx(7 / 3)
    assert record["loss_by_t"] == [1.5, *[None] * 8, 4.0]
    meter.add(torch.tensor([float("nan")]), torch.tensor([0]), torch.tensor([1.0]))
    with pytest.raises(ColorizeError, match="the loss became nan"):
        meter.read(Accelerator(cpu=True))


@pytest.mark.parametrize("setting, package", [("run.trackers=wandb", "wandb"),
                                              ("optimizer.kind=adamw8bit", "bitsandbytes")])
def test_a_package_that_is_not_installed_is_named(
    training_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, package: str,
) -> None:
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    arguments = command(training_files, tmp_path / "run", setting)
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit, match=f"^error: .*pip install {package}"):
        train.main()


def test_half_precision_modules_keep_their_methods() -> None:
    """DeepSpeed calls them; an attribute of the same name would be in the way."""
    model = Model(tiny("v1-512"))
    assert next(model.half().parameters()).dtype is torch.float16
    assert next(model.bfloat16().parameters()).dtype is torch.bfloat16
