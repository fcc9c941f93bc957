"""Runs that are killed, told to stop, or continued wrongly, as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lib_colorize.errors import ColorizeError
from tests.training_runs import command, finish, start, start_together
from training.trainer import run_folder as stored
from training.trainer import run_state as state
from training.trainer.dataclass_json import to_plain
from training.trainer.logs import forget_after
from training.trainer.recipes import POCKET
from training.trainer.run_description import claim

# four checkpoints of two images each, over three stages; then more, so that a kill comes in the middle
STEPS = ("stages.0.images=4", "stages.1.images=4", "stages.2.images=8", "run.save_every=2", "run.keep=99",
         "run.log_every=2", "run.micro_batch=1")


@pytest.fixture(scope="module")
def unbroken(training_files: Path, module_folder: Path) -> Path:
    out = module_folder / "run"
    finish(start(command(training_files, out, *STEPS)))
    return out


def wait_for(process: subprocess.Popen[str], true: Callable[[], bool], timeout: float = 1200) -> None:
    """Until `true()`; AssertionError when the process ends before."""
    end = time.monotonic() + timeout
    while not true():
        assert process.poll() is None and time.monotonic() < end, "ended too early, or never came so far"
        time.sleep(0.005)


def whole_state(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Weights, optimizer, moving average and RNG of a checkpoint, flat."""
    found = dict(stored.weights(checkpoint))
    optimizer = torch.load(checkpoint / "optimizer.bin", weights_only=True)
    for key, values in optimizer["state"].items():
        found |= {f"optimizer.{key}.{name}": value for name, value in values.items()}
    ema = torch.load(checkpoint / "ema-0.pt", weights_only=True)
    found |= {f"ema.{i}": value for i, value in enumerate(ema["shadow"])} | {"ema.n": torch.tensor(ema["updates"])}
    rng = torch.load(checkpoint / "random_states_0.pkl", weights_only=False)
    return {**found, "rng": rng["torch_manual_seed"], "lr": torch.tensor(optimizer["param_groups"][0]["lr"])}


def bit_equal(a: Path, b: Path) -> None:
    one, other = whole_state(a), whole_state(b)
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
    assert json.loads((a / "position.json").read_text()) == json.loads((b / "position.json").read_text())


def test_a_killed_run_resumes_to_the_same_bits(training_files: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = command(training_files, out, *STEPS)
    process = start(arguments)
    wait_for(process, lambda: len(stored.checkpoints(out)) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    kept = [path.name for path in stored.checkpoints(out)]
    assert kept and len(kept) < 8 and not (out / "final.safetensors").exists()
    for name in kept:  # what the killed run left is whole
        bit_equal(unbroken / "checkpoints" / name, out / "checkpoints" / name)
    (out / "checkpoints" / f"{state.UNFINISHED}000000000099").mkdir()  # as a kill while it writes leaves it
    finish(start(arguments))
    for name in (path.name for path in stored.checkpoints(unbroken)):
        bit_equal(unbroken / "checkpoints" / name, out / "checkpoints" / name)
    assert not list((out / "checkpoints").glob(f"{state.UNFINISHED}*"))
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [record["images"] for record in records] == [2, 4, 6, 8, 10, 12, 14, 16]
    final, expected = load_file(out / "final.safetensors"), load_file(unbroken / "final.safetensors")
    assert final.keys() == expected.keys() and all(torch.equal(final[key], expected[key]) for key in final)


def test_sigterm_saves_and_the_same_command_goes_on_until_max_images(
    training_files: Path, unbroken: Path, tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    arguments = command(training_files, out, *STEPS, "run.save_every=1000", "run.workers=1")
    process = start(arguments)
    wait_for(process, lambda: (out / "log.jsonl").exists() and bool((out / "log.jsonl").read_text()))
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=1200)
    assert process.returncode == 143, output
    saved = stored.checkpoints(out)[-1]
    assert 0 < int(saved.name) < 16 and "the same command goes on" in output
    bit_equal(unbroken / "checkpoints" / saved.name, saved)
    finish(start([*arguments, "--max-images", "14", "--set", "run.keep=1"]))  # how a run is watched may change
    assert [path.name for path in stored.checkpoints(out)] == [f"{n:012d}" for n in (4, 8, 14)]  # ends of stages stay
    bit_equal(unbroken / "checkpoints" / "000000000014", stored.checkpoints(out)[-1])
    assert (out / "final.safetensors").exists()


def test_sigterm_to_one_of_two_processes_stops_both_with_a_checkpoint(training_files: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    long = ("stages.0.images=400", "run.save_every=1000", "run.log_every=2", "run.micro_batch=1")
    processes = start_together(command(training_files, out, *long), ACCELERATE_USE_CPU="true")
    wait_for(processes[0], lambda: (out / "log.jsonl").exists() and bool((out / "log.jsonl").read_text()))
    processes[1].send_signal(signal.SIGTERM)  # not the one that writes
    outputs = [process.communicate(timeout=1200)[0] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], outputs
    saved, = stored.checkpoints(out)
    assert 0 < int(saved.name) < 400


def test_another_configuration_is_refused_with_what_differs(training_files: Path, unbroken: Path) -> None:
    arguments = command(training_files, unbroken, *STEPS, "stages.0.lr=1", "optimizer.clip=3")
    process = start([*arguments, "--seed", "5"])
    output, _ = process.communicate(timeout=1200)
    assert process.returncode == 1
    line = output.strip().splitlines()[-1]
    assert line.startswith("error:") and "seed: 5 instead of 0" in line
    assert "recipe.stages.0.lr: 1.0 instead of 0.0008" in line and "recipe.optimizer.clip" in line


def test_only_how_a_run_is_computed_may_change_once_it_has_a_checkpoint(tmp_path: Path) -> None:
    description = {"preset": "pocket", "seed": 0, "samples": 5, "cached": False, "recipe": to_plain(POCKET)}
    claim(tmp_path, {**description, "samples": 4})
    claim(tmp_path, description)  # put right before anything is lost
    (tmp_path / "checkpoints" / "000000000002").mkdir(parents=True)
    (tmp_path / "checkpoints" / "000000000002" / stored.POSITION).write_text("{}")
    changed = json.loads(json.dumps(description))
    changed["recipe"]["run"]["keep"] = 9
    claim(tmp_path, changed)
    with pytest.raises(ColorizeError, match="samples: 6 instead of 5"):
        claim(tmp_path, {**changed, "samples": 6})


def test_lines_after_the_checkpoint_and_half_lines_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"images": 2}\n{"images": 4}\n{"images": 6}\n{"imag')
    forget_after(file, 4)
    assert file.read_text() == '{"images": 2}\n{"images": 4}\n'
