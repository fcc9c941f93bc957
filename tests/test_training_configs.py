"""Every shipped accelerate configuration is understood by accelerate, and run where a CPU can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env
from safetensors.torch import load_file

from tests.training_runs import ROOT, command, difference, environment, finish, finish_together, start
from training.trainer import run_folder as stored

CONFIGS = sorted((ROOT / "training" / "configs").glob("*.yaml"))
STEPS = ("stages.0.images=4", "stages.1.images=4", "stages.2.images=4", "optimizer.batch_size=4", "run.save_every=4",
         "run.keep=9", "run.log_every=4", "optimizer.warmup=0", "run.micro_batch=1")
PROGRAM = "tests/training_on_cpu.py"
KINDS = {"single": "NO", "cpu": "NO", "ddp": "MULTI_GPU", "zero2": "DEEPSPEED", "fsdp": "FSDP"}


@pytest.fixture(scope="module")
def single(training_files: Path, module_folder: Path) -> Path:
    """Two steps by one process."""
    out = module_folder / "run"
    finish(start([*command(training_files, out, *STEPS), "--max-images", "8"]))
    return out


def launched(config: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Namespace, dict[str, str]]:
    """What `accelerate launch` makes of a file: its arguments, and the environment of its processes."""
    for name in list(os.environ):
        if name.startswith(("ACCELERATE_", "FSDP_")):
            monkeypatch.delenv(name)
    arguments = launch_command_parser().parse_args(["--config_file", str(config), "training/train.py"])
    args, _, _ = _validate_launch_command(arguments)
    if args.use_deepspeed:
        args.deepspeed_fields_from_accelerate_config = ""
        return args, prepare_deepspeed_cmd_env(args)[1]
    return args, prepare_multi_gpu_env(args)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_accelerate_understands_every_key(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_config_from_file(str(config))  # ValueError for a key that it does not know
    assert getattr(found.distributed_type, "value", found.distributed_type) == KINDS[config.stem]
    args, env = launched(config, monkeypatch)
    assert args.num_processes == (1 if KINDS[config.stem] == "NO" else 4)
    assert env["ACCELERATE_MIXED_PRECISION"] == ("no" if config.stem == "cpu" else "bf16")


def test_the_configurations_are_all_here() -> None:
    assert {path.stem for path in CONFIGS} == set(KINDS)


def test_the_cpu_configuration_runs_by_accelerate_launch(training_files: Path, single: Path, tmp_path: Path) -> None:
    arguments = command(training_files, tmp_path / "run", *STEPS)
    config = str(ROOT / "training" / "configs" / "cpu.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, "training/train.py", *arguments,
         "--max-images", "8"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    a, b = (stored.weights(stored.checkpoints(run)[-1]) for run in (single, tmp_path / "run"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def sharded_environment(kind: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What accelerate makes of the shipped file, but for the device; skips where the library is not there."""
    if kind == "zero2":
        pytest.importorskip("deepspeed", reason="not installed: requirements-deepspeed.txt")
        pytest.importorskip("transformers", reason="accelerate's DeepSpeed needs it: requirements-deepspeed.txt")
    else:
        pytest.importorskip("torch.distributed.fsdp", reason="FSDP2 is of torch 2.6").fully_shard  # noqa: B018
    _, env = launched(ROOT / "training" / "configs" / f"{kind}.yaml", monkeypatch)
    mine = {k: v for k, v in env.items() if k.startswith(("ACCELERATE_", "FSDP_"))}
    return {**mine, "DS_ACCELERATOR": "cpu"}


@pytest.mark.parametrize("kind", ["zero2", "fsdp"])
def test_sharded_training_over_gloo_equals_one_process_resumes_and_is_exported(
    training_files: Path, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
) -> None:
    env = {**sharded_environment(kind, monkeypatch), "ACCELERATE_MIXED_PRECISION": "no"}
    arguments = command(training_files, tmp_path / "run", *STEPS)
    finish_together([*arguments, "--max-images", "4"], program=PROGRAM, **env)
    finish_together([*arguments, "--max-images", "8"], program=PROGRAM, **env)  # goes on from the checkpoint
    for a, b in zip(stored.checkpoints(single), stored.checkpoints(tmp_path / "run"), strict=True):
        assert difference(stored.weights(a), stored.weights(b)) < 1e-5
    logs = [(run / "log.jsonl").read_text().splitlines() for run in (tmp_path / "run", single)]
    log, expected = ([json.loads(line) for line in lines] for lines in logs)
    assert [r["loss"] for r in log] == pytest.approx([r["loss"] for r in expected], rel=1e-5)
    assert [r["grad_norm"] for r in log] == pytest.approx([r["grad_norm"] for r in expected], rel=1e-5)
    final, whole = load_file(tmp_path / "run" / "final.safetensors"), load_file(single / "final.safetensors")
    assert difference({k: v.float() for k, v in whole.items()}, {k: v.float() for k, v in final.items()}) < 1e-4  # fp16


@pytest.mark.parametrize("kind", ["zero2", "fsdp"])
def test_sharded_training_in_bf16_stays_close_and_draws_samples(
    training_files: Path, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
) -> None:
    env = sharded_environment(kind, monkeypatch)
    assert env["ACCELERATE_MIXED_PRECISION"] == "bf16"
    arguments = command(training_files, tmp_path / "run", *STEPS, "run.precision=",
                        "run.sample_every=8", "run.sample_pairs=1", "run.sample_steps=1")
    finish_together([*arguments, "--max-images", "8"], program=PROGRAM, **env)
    logs = [(run / "log.jsonl").read_text().splitlines() for run in (tmp_path / "run", single)]
    for mine, theirs in zip(*([json.loads(line) for line in lines] for lines in logs), strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=2e-3)
        assert mine["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=2e-3)
    final, whole = load_file(tmp_path / "run" / "final.safetensors"), load_file(single / "final.safetensors")
    assert difference({k: v.float() for k, v in whole.items()}, {k: v.float() for k, v in final.items()}) < 5e-3
    assert (tmp_path / "run" / "samples" / "000000000008.png").exists()


def test_several_processes_without_a_gpu_are_refused_unless_asked_for(training_files: Path, tmp_path: Path) -> None:
    arguments = command(training_files, tmp_path / "run", *STEPS)
    with pytest.raises(AssertionError, match="ACCELERATE_USE_CPU=1"):
        finish_together(arguments)
    assert not (tmp_path / "run").exists()
