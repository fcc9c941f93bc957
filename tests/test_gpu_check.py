"""tools/gpu_check: every part at tiny sizes on the CPU; what becomes of parts that crash, hang or lack memory."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests import gpu_check_parts
from tests.training_runs import reset_accelerate
from tools.gpu_check.command import main
from tools.gpu_check.findings import Finding, Goal, Outcome
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.operators import operators_of
from tools.gpu_check.parts import PARTS, Part
from tools.gpu_check.programme import environment, read_notebook, run_part, run_parts
from tools.gpu_check.report import table

FAKE = Part("fake", "a part of the tests", "tests.gpu_check_parts", 60)


def notebook_in(folder: Path, seconds: float = 1000) -> Notebook:
    return Notebook(folder / "findings.json", torch.device("cpu"), True, seconds)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_runs_at_tiny_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    notebook = notebook_in(tmp_path)
    reset_accelerate()
    try:
        importlib.import_module(PARTS[name].module).run(notebook)
    finally:
        reset_accelerate()
    assert notebook.findings
    assert [finding for finding in notebook.findings if finding.failed] == []
    assert read_notebook(notebook.path)[1] == tuple(notebook.findings)


def test_what_a_part_found_before_it_crashed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpu_check_parts.FATE, "crash")
    outcome = run_part(FAKE, "cpu", True, 60)
    assert (outcome.state, [finding.what for finding in outcome.findings]) == ("failed", ["before"])
    assert outcome.failed and "139" in outcome.note


def test_a_part_that_hangs_is_stopped_with_the_programs_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    monkeypatch.setenv(gpu_check_parts.FATE, "hang")
    monkeypatch.setenv(gpu_check_parts.CHILD, str(tmp_path / "pid"))
    outcome = run_part(FAKE, "cpu", True, 20)
    assert (outcome.state, [finding.what for finding in outcome.findings]) == ("stopped", ["before"])
    child = int((tmp_path / "pid").read_text(encoding="utf-8"))
    for _ in range(100):  # until its parent, which is init now, has noticed
        if not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text(encoding="utf-8"):
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        pytest.fail("its child runs still")


def test_an_error_is_a_row_with_its_words_and_fails_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpu_check_parts.FATE, "raise")
    outcome = run_part(FAKE, "cpu", True, 60)
    assert outcome.state == "failed"
    assert "an illegal memory access" in outcome.findings[-1].note and outcome.findings[-1].failed


@pytest.mark.parametrize("ahead", [False, True])
def test_parts_run_one_after_the_other_and_no_process_is_left(ahead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpu_check_parts.FATE, "done")
    outcomes = list(run_parts([FAKE, FAKE], "cpu", True, 5, print, ahead))
    assert [outcome.state for outcome in outcomes] == ["done", "done"]
    assert [[finding.what for finding in outcome.findings] for outcome in outcomes] == [["before", "after"]] * 2
    listed = subprocess.run(["ps", "-e", "-o", "args"], capture_output=True, check=True).stdout.decode()
    assert "tests.gpu_check_parts" not in listed


def test_parts_for_which_no_time_is_left_are_told_as_not_run() -> None:
    outcomes = list(run_parts([FAKE, FAKE], "cpu", True, 0.01, print))
    assert [outcome.state for outcome in outcomes] == ["not run", "not run"]
    assert not any(outcome.failed for outcome in outcomes) and "--only fake" in outcomes[0].note


def test_too_little_memory_is_a_row_and_no_failure_and_the_next_is_measured(tmp_path: Path) -> None:
    notebook = notebook_in(tmp_path)

    def too_large() -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    def too_large_in_a_capture() -> None:
        try:
            too_large()
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    notebook.attempt("large", too_large)
    notebook.attempt("captured", too_large_in_a_capture)
    assert notebook.attempt("small", lambda: 3) == 3
    findings = read_notebook(notebook.path)[1]
    assert [finding.what for finding in findings] == ["large", "captured"]
    assert all(finding.note.startswith("out of memory") and not finding.failed for finding in findings)


def test_a_failure_is_a_row_and_after_the_parts_time_nothing_is_begun(tmp_path: Path) -> None:
    notebook = notebook_in(tmp_path)
    notebook.attempt("broken", lambda: torch.ones(2) + torch.ones(3))
    assert notebook.findings[0].failed and "must match" in notebook.findings[0].note
    late = notebook_in(tmp_path, seconds=-1)
    assert late.attempt("late", lambda: 1) is None and "no time" in late.findings[0].note


@pytest.mark.parametrize(("device", "seen", "expected"), [
    ("cuda", None, "0"), ("cuda:1", None, "1"), ("cuda", "2,3", "2"), ("cuda:1", "2,3", "3"),
    ("cuda", "GPU-ab", "GPU-ab"), ("cpu", "2,3", ""),
])
def test_a_part_sees_the_chosen_card_alone(
    device: str, seen: str | None, expected: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    assert environment(device)["CUDA_VISIBLE_DEVICES"] == expected


def test_goals_are_met_from_the_right_side() -> None:
    assert Finding("step", 9.0, "ms", Goal(10, aim=7)).verdict == "yes"
    assert Finding("step", 11.0, "ms", Goal(10)).verdict == "no"
    assert Finding("speed", 130.0, "images/s", Goal(128, at_most=False)).verdict == "yes"
    assert Finding("speed", 90.0, "images/s", Goal(128, at_most=False)).verdict == "no"
    assert Finding("speed", None, goal=Goal(1)).verdict == ""


def test_the_table_has_a_row_for_each_finding_and_no_text_breaks_it() -> None:
    findings = (Finding("step", 9.123, "ms", Goal(10, aim=7), "a|b\nc"), Finding("rest", note="out of memory"))
    lines = table([Outcome("steps", "stopped", 3.0, findings, "stopped after 3 s, its time limit")]).splitlines()
    assert lines[3] == "| step | 9.12 ms | at most 10, aim 7 ms | yes | a/b c |"
    assert lines[4] == "| rest |  |  |  | out of memory |"
    assert len({line.count("|") for line in lines}) == 1 and "stopped after 3 s" in lines[5]


def test_operators_are_counted_without_views() -> None:
    x = torch.ones(2, 3)
    assert operators_of(lambda: x.view(6) + x.t().reshape(6)) == 2  # a copy, a sum
    assert operators_of(lambda: torch.nn.functional.linear(x.expand(2, 2, 3), x)) == 1  # mm between views
    assert operators_of(lambda: torch.tensor([1.0, 2.0])) == 1


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tools.gpu_check", *arguments], capture_output=True, text=True,
                          cwd=Path(__file__).parent.parent, encoding="utf-8", check=False,
                          env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"})


def test_without_a_card_it_is_one_sentence() -> None:
    done = run_command()
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: no graphics card found") and done.stderr.count("\n") == 1


def test_operators_are_one_json_line_without_a_card() -> None:
    done = run_command("--operators")
    assert done.returncode == 0 and done.stdout.count("\n") == 1
    counts = json.loads(done.stdout)
    assert list(counts) == ["plain", "guided", "one_row", "three_rows"]
    assert counts["plain"] > 400 and all(isinstance(count, int) for count in counts.values())
    assert counts["guided"] <= counts["plain"] - 16 and counts["one_row"] <= counts["plain"] - 20


@pytest.mark.parametrize(("arguments", "words"), [
    (["--device", "cpu"], "--tiny"),
    (["--device", "cpu", "--tiny", "--only", "speed"], "steps"),
    (["--device", "cpu", "--tiny", "--minutes", "0"], "more than 0"),
    (["--device", "cpu", "--tiny", "--minutes", "nan"], "more than 0"),
])
def test_a_wrong_option_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and error.count("\n") == 1


def test_it_lists_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PARTS)


def test_the_whole_command_writes_json_and_prints_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "new" / "check.json"
    assert main(["--device", "cpu", "--tiny", "--only", "memory", "--out", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["machine"]["torch"] == torch.__version__ and written["machine"]["sizes"] == "tiny"
    (part,) = written["parts"]
    assert (part["part"], part["state"]) == ("memory", "done") and len(part["findings"]) > 3
    printed = capsys.readouterr().out
    assert all(f"| {finding['what']} |" in printed for finding in part["findings"])
