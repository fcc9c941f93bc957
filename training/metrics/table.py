"""Evaluations as Markdown: distances as Table 1 of the paper has them, then every measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def markdown(evaluations: Sequence[dict[str, Any]]) -> str:
    """evaluations: contents of evaluation.json files, one model each."""
    return "\n\n".join([*_distances(evaluations), _everything(evaluations), _notes(evaluations)]) + "\n"


def _distances(evaluations: Sequence[dict[str, Any]]) -> list[str]:
    """One table for each feature network and noise schedule: models down, guidance scales across."""
    tables = []
    keys = sorted({(name, run["scheduler"]) for e in evaluations for run in e["runs"] for name in run["distances"]})
    for name, scheduler in keys:
        scales = sorted({run["guidance"] for e in evaluations for run in e["runs"] if run["scheduler"] == scheduler})
        pictures = sorted({e["pictures"] for e in evaluations})
        rows = [[e["model"], *(_found(e, scheduler, scale, name) for scale in scales)] for e in evaluations]
        title = f"{name}, {' / '.join(map(str, pictures))} pictures, {scheduler.lower()} schedule ↓"
        tables.append(table([title, *(f"GS-{scale:g}" for scale in scales)], rows))
    return tables


def _found(evaluation: dict[str, Any], scheduler: str, scale: float, name: str) -> str:
    for run in evaluation["runs"]:
        if (run["scheduler"], run["guidance"]) == (scheduler, scale) and name in run["distances"]:
            return number(run["distances"][name]["frechet"], 4)
    return "-"


def _everything(evaluations: Sequence[dict[str, Any]]) -> str:
    names = sorted({name for e in evaluations for run in e["runs"] for name in run["distances"]})
    header = ["model", "schedule", "GS", *(f"KID x 1000, {name} ↓" for name in names), "similarity to its reference ↑",
              "to another", "line F1 ↑", "chamfer, % ↓", "colour leak ↓", "edge leak ↓"]
    rows = []
    for e in evaluations:
        for run in e["runs"]:
            kid = [number(1000 * run["distances"][n]["kernel"], 3) if n in run["distances"] else "-" for n in names]
            leak = run.get("leak") or {}
            rows.append([e["model"], run["scheduler"].lower(), f"{run['guidance']:g}", *kid,
                         number(run["similarity"]["own"], 3), number(run["similarity"]["other"], 3),
                         number(run["lines"]["f1"], 3), number(100 * run["lines"]["chamfer"], 2),
                         number(leak.get("colour"), 3), number(leak.get("edge"), 3)])
        truth = e["ground_truth"]
        rows.append([f"{e['model']}: ground truth", "", "", *["" for _ in names], "", "",
                     number(truth["lines"]["f1"], 3), number(100 * truth["lines"]["chamfer"], 2), "", ""])
    return table(header, rows)


def _notes(evaluations: Sequence[dict[str, Any]]) -> str:
    lines = []
    for e in evaluations:
        networks = "; ".join(f"{name}: {source}" for name, source in e["features"].items())
        lines.append(f"- {e['model']}: {e['settings']['steps']} steps of {e['settings']['sampler']}, seed {e['seed']}; "
                     f"{networks}; similarity by {e['similarity_network']}")
        lines += [f"  - {note}" for note in e["notes"]]
    return "\n".join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.000
