"""OUT/results.json, OUT/report.md and the plots: what a checkpoint does as training goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lib_colorize.whole_file import replacing, write_whole
from training.evidence.rows import ROWS
from training.evidence.table import RowResult, results_markdown

CURVES: tuple[tuple[str, str, Callable[[dict[str, Any]], float | None]], ...] = (  # file, axis, value
    ("parts", "share of parts within 20 CIEDE2000", lambda m: m["parts"]["within_20"]),
    ("leak", "edge leak score, busy references", lambda m: m["leak"]["edge"]),
    ("distance", "1000 x KID of the evidence features", lambda m: 1000 * m["kd"]),
    ("lines", "share of sketch lines with an edge", lambda m: m["lines"]),
)


def write_report(out: Path, results: Sequence[RowResult], heading: dict[str, Any]) -> list[RowResult]:
    """Everything that was measured so far; returns it."""
    content = {**heading, "results": [vars(result) for result in results]}
    write_whole(out / "results.json", json.dumps(content, indent=1), parents=True)
    text = results_markdown(results, heading)
    for name, title, read in CURVES:
        found = curves(results, read)
        if found:
            plot_curve(out / f"curve-{name}.png", title, found)
            text += f"\n![{title}](curve-{name}.png)\n"
    write_whole(out / "report.md", text, parents=True)
    return list(results)


def curves(
    results: Sequence[RowResult], read: Callable[[dict[str, Any]], float | None],
) -> dict[str, dict[int, list[float]]]:
    """Row -> images -> the value of each seed, on the pairs that every checkpoint is measured by."""
    found: dict[str, dict[int, list[float]]] = {}
    for result in results:
        value = read(result.found["some"])
        if result.row in ROWS and value is not None:
            found.setdefault(result.row, {}).setdefault(result.images, []).append(value)
    return found


def plot_curve(path: Path, title: str, found: dict[str, dict[int, list[float]]]) -> None:
    """Means as lines, least to most over the seeds as bands."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for row, points in found.items():
        images = sorted(points)
        means = [sum(points[i]) / len(points[i]) for i in images]
        line, = axes.plot(images, means, marker="o", markersize=3, label=ROWS[row].title)
        axes.fill_between(images, [min(points[i]) for i in images], [max(points[i]) for i in images], alpha=0.2,
                          color=line.get_color())
    axes.set_xlabel("images trained on")
    axes.set_ylabel(title)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120, format=path.suffix[1:])
