"""At which size models are measured: at their own, at another when asked, and a folder keeps to its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib_colorize.errors import ColorizeError
from tests.standalone_models import write_checkpoint
from training.evidence import benchmark, experiment_options
from training.evidence.model_size import SHIPPED, common_size, painted_size
from training.evidence.plan import Experiment, claim_experiment
from training.small.svg_sources import PACKAGES


def asked(out: Path, *words: str) -> Experiment:
    return experiment_options.plan_of(experiment_options.parser(None).parse_args(["--out", str(out), *words]))


def test_a_checkpoint_says_its_size_and_several_must_agree(tmp_path: Path) -> None:
    checkpoint = tmp_path / "tiny.safetensors"
    write_checkpoint(checkpoint)
    assert painted_size(checkpoint) == 64 and common_size([checkpoint, checkpoint]) == 64
    with pytest.raises(ColorizeError, match=r"found tiny.safetensors of 64 px, colorize-small.safetensors of \d+ px, "
                                            "expected one size; give --size"):
        common_size([checkpoint, SHIPPED])
    with pytest.raises(ColorizeError, match="--checkpoint: found no file"):
        painted_size(tmp_path / "none.safetensors")


def test_a_finished_checkpoint_is_measured_at_its_own_size_and_rows_at_theirs(tmp_path: Path) -> None:
    own = painted_size(SHIPPED)
    assert asked(tmp_path, "--checkpoint", str(SHIPPED)).size == own
    assert asked(tmp_path, "--checkpoint", str(SHIPPED), "--size", "96").size == 96
    assert asked(tmp_path).size == 128
    assert asked(tmp_path, "--set", "data.resolution=64").size == 64


def test_a_folder_keeps_to_its_size_and_to_its_questions(tmp_path: Path) -> None:
    claim_experiment(asked(tmp_path, "--size", "192"))
    assert asked(tmp_path).size == asked(tmp_path, "--checkpoint", str(SHIPPED)).size == 192
    claim_experiment(asked(tmp_path))
    with pytest.raises(ColorizeError, match=r"other settings \(size: 128 instead of 192\)"):
        claim_experiment(asked(tmp_path, "--size", "128"))
    with pytest.raises(ColorizeError, match=r"other settings \(questions: 'hard' instead of 'standard'\)"):
        claim_experiment(asked(tmp_path, "--hard"))


def test_an_experiment_from_before_there_were_sizes_goes_on(tmp_path: Path) -> None:
    claim_experiment(asked(tmp_path))
    plan = tmp_path / "plan.json"
    older = {key: value for key, value in json.loads(plan.read_text()).items() if key not in ("size", "questions")}
    plan.write_text(json.dumps(older))
    claim_experiment(asked(tmp_path))
    plan.write_text(json.dumps(older))
    with pytest.raises(ColorizeError, match="size: 96 instead of 128"):
        claim_experiment(asked(tmp_path, "--size", "96"))


@pytest.mark.skipif(not (PACKAGES / "openmoji").is_dir(), reason="npm ci --prefix training")
def test_the_benchmark_is_drawn_at_the_shipped_models_size_unless_told_another(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    for name, words, size in (("own", [], painted_size(SHIPPED)), ("old", ["--size", "64"], 64)):
        benchmark.main(["--out", str(tmp_path / name), "--pairs", "1", *words])
        assert json.loads((tmp_path / name / "benchmark.json").read_text())["size"] == size
