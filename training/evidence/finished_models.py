"""What is measured and not trained: finished checkpoints, and results that no model made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lib_colorize.errors import ColorizeError
from training.evidence import bounds
from training.evidence.plan import Experiment
from training.evidence.preparation import heading, prepare
from training.evidence.report import write_report
from training.evidence.stored_results import keep, results
from training.evidence.table import RowResult


def measure_checkpoints(plan: Experiment, checkpoints: Sequence[Path]) -> list[RowResult]:
    """Finished checkpoints, as rows named after their files, and the same pictures with the lines laid over them."""
    scorer = prepare(plan)
    for checkpoint in checkpoints:
        if not checkpoint.is_file():
            raise ColorizeError(f"--checkpoint: found no file {checkpoint}, expected a checkpoint of training.export")
        folder, laid = (plan.out / "models" / name for name in (checkpoint.stem, f"{checkpoint.stem}-lines"))
        found = scorer.score(checkpoint, folder / "pictures", True)
        keep(folder / "results" / "00000000.json", RowResult(checkpoint.stem, 0, 0, found))
        found = scorer.lay_lines(folder / "pictures", laid / "pictures")
        keep(laid / "results" / "00000000.json", RowResult(f"{checkpoint.stem}, lines laid over", 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def measure_bounds(plan: Experiment) -> list[RowResult]:
    """What no model can be better than, and what a worthless one has."""
    from training.trainer.initial_weights import load_vae

    scorer, vae = prepare(plan), load_vae(plan.base())
    assert vae is not None, "the small model's recipe names one"
    for name, make in bounds.bounds(vae.eval()).items():
        folder = plan.out / "models" / re.sub(r"\W+", "-", name)
        found = bounds.score(scorer, make, folder / "pictures")
        keep(folder / "results" / "00000000.json", RowResult(name, 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))
