"""All measures of the finished pictures of an evaluation; docs/evaluation.md defines them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from training.metrics import leak
from training.metrics.case_numbers import LEAKS, Numbers, leaks_of, run_name
from training.metrics.features import cosine
from training.metrics.frechet import Gaussian, frechet_distance, kernel_distance
from training.metrics.instruments import Instruments
from training.metrics.lines import LineFidelity
from training.metrics.validation import EvaluateOptions


def measure_all(numbers: Numbers, options: EvaluateOptions, by: Instruments) -> dict[str, Any]:
    """numbers: those of `measure_cases`, of all cases."""
    truth = {network.name: numbers[f"truth/{network.name}"] for network in by.networks}
    references = numbers["references"]
    runs = []
    for scheduler, scale in options.runs():
        name = run_name(scheduler, scale)
        made = numbers[f"{name}/similarity"]
        runs.append({
            "scheduler": scheduler, "guidance": scale,
            "distances": {kind: _distance(numbers[f"{name}/{kind}"], drawn) for kind, drawn in truth.items()},
            "similarity": {"own": float(cosine(made, references).mean()),
                           "other": float(cosine(made, np.roll(references, 1, axis=0)).mean())},
            "lines": _lines(numbers[f"{name}/lines"]),
            "leak": _leak(numbers[f"{name}/leak"]) if options.leak else None})
    return {"runs": runs, "ground_truth": {"lines": _lines(numbers["truth/lines"])}}


def _distance(made: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return {"frechet": frechet_distance(Gaussian.of(made), Gaussian.of(truth)), "kernel": kernel_distance(made, truth),
            "features": made.shape[1]}


def _lines(numbers: np.ndarray) -> dict[str, float]:
    """Means over all samples."""
    return {field.name: float(np.mean(column)) for field, column in zip(fields(LineFidelity), numbers.T)}


def _leak(numbers: np.ndarray) -> dict[str, Any]:
    measured = leaks_of(numbers)
    return {**{kind: leak.leak_score(energies[kind] for energies in measured) for kind in LEAKS},
            "samples": len(measured), "without_background": len(numbers) - len(measured)}


def notes(count: int, measured: dict[str, Any]) -> list[str]:
    """What a reader of the numbers must know."""
    widest = max((d["features"] for run in measured["runs"] for d in run["distances"].values()), default=0)
    if count <= widest:
        return [f"{count} pictures are no more than the {widest} features: the Frechet distance is far too large; "
                "compare it only with one of as many pictures, and look at the kernel distance"]
    return []
