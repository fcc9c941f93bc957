"""All measures of the finished pictures of an evaluation; docs/evaluation.md defines them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.metrics import leak, lines
from training.metrics.features import Features, cosine
from training.metrics.frechet import Gaussian, frechet_distance, kernel_distance
from training.metrics.validation import EvaluateOptions, Validation, folder_of, pictures, truths


def measure_all(
    data: Validation, options: EvaluateOptions, out: Path, networks: Sequence[Features], similarity: Features,
) -> dict[str, Any]:
    """All measures of the finished pictures."""
    truth = {network.name: network.of(truths(data, options, out)) for network in networks}
    references = similarity.of(data.get(case.reference, "color") for case in data.cases)
    runs = []
    for scheduler, scale in options.runs():
        folder = folder_of(out, scheduler, scale)
        made = similarity.of(pictures(folder, data))
        distances = {network.name: _distance(network.of(pictures(folder, data)), truth[network.name])
                     for network in networks}
        runs.append({
            "scheduler": scheduler, "guidance": scale, "distances": distances,
            "similarity": {"own": float(cosine(made, references).mean()),
                           "other": float(cosine(made, np.roll(references, 1, axis=0)).mean())},
            "lines": _lines(pictures(folder, data), data),
            "leak": _leak(data, folder, folder_of(out, scheduler, scale, True)) if options.leak else None})
    return {"runs": runs, "ground_truth": {"lines": _lines(truths(data, options, out), data)}}


def _distance(made: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return {"frechet": frechet_distance(Gaussian.of(made), Gaussian.of(truth)), "kernel": kernel_distance(made, truth),
            "features": made.shape[1]}


def _lines(made_pictures: Iterator[Image.Image], data: Validation) -> dict[str, float]:
    """Means over all samples."""
    found = []
    for case, made in zip(data.cases, made_pictures):
        sketch = data.get(case.index, "sketch").resize(made.size, Image.Resampling.BICUBIC)
        found.append(asdict(lines.compare(lines.redrawn(made), lines.redrawn(sketch))))
    return {name: float(np.mean([f[name] for f in found])) for name in found[0]}


def _leak(data: Validation, folder: Path, blank_folder: Path) -> dict[str, Any]:
    found = []
    for case, made, blank in zip(data.cases, pictures(folder, data), pictures(blank_folder, data)):
        sketch = data.get(case.index, "sketch").resize(made.size, Image.Resampling.BICUBIC)
        found.append(leak.measure_leak(sketch, data.get(case.reference, "color"), made, blank))
    measured = [energies for energies in found if energies is not None]
    return {**{name: leak.leak_score(energies[name] for energies in measured) for name in ("colour", "edge")},
            "samples": len(measured), "without_background": len(found) - len(measured)}


def notes(count: int, measured: dict[str, Any]) -> list[str]:
    """What a reader of the numbers must know."""
    widest = max((d["features"] for run in measured["runs"] for d in run["distances"].values()), default=0)
    if count <= widest:
        return [f"{count} pictures are no more than the {widest} features: the Frechet distance is far too large; "
                "compare it only with one of as many pictures, and look at the kernel distance"]
    return []
