"""Evaluations as Markdown: distances as Table 1 of the paper has them, then every measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

Evaluation = dict[str, Any]  # content of an evaluation.json


def evaluations_markdown(evaluations: Sequence[Evaluation]) -> str:
    """One model each. Numbers that cannot be compared never stand in one column: see `conditions`."""
    return "\n\n".join([*_distances(evaluations), *_everything(evaluations), _notes(evaluations)]) + "\n"


def conditions(evaluation: Evaluation, source: str) -> tuple[str, ...]:
    """What two numbers must share to be compared, in words; source: of the network that they are measured by."""
    settings = evaluation["settings"]
    return (f"{evaluation['pictures']} pictures", f"data {evaluation.get('data', '')[:8]}",
            f"{settings['steps']} steps of {settings['sampler']}", f"by {source}")


def _alike(
    evaluations: Sequence[Evaluation], source: Callable[[Evaluation], str],
) -> list[tuple[list[str], list[Evaluation]]]:
    """Groups that can be compared, and in what each differs from the others; nothing where there is but one."""
    groups: dict[tuple[str, ...], list[Evaluation]] = {}
    for e in evaluations:
        groups.setdefault(conditions(e, source(e)), []).append(e)
    differ = [len(set(values)) > 1 for values in zip(*groups)]
    return [([v for v, differs in zip(values, differ) if differs], group) for values, group in groups.items()]


def _distances(evaluations: Sequence[Evaluation]) -> list[str]:
    """One table for each feature network and noise schedule: models down, guidance scales across."""
    tables = []
    keys = sorted({(name, run["scheduler"]) for e in evaluations for run in e["runs"] for name in run["distances"]})
    for name, scheduler in keys:
        measured = [e for e in evaluations if name in e["features"]]
        for differing, group in _alike(measured, partial(_source, name)):
            scales = sorted({run["guidance"] for e in group for run in e["runs"] if run["scheduler"] == scheduler})
            pictures = f"{group[0]['pictures']} pictures"
            title = ", ".join([name, pictures, *(d for d in differing if d != pictures),
                               f"{scheduler.lower()} schedule ↓"])
            rows = [[e["model"], *(_found(e, scheduler, scale, name) for scale in scales)] for e in group]
            if scales:
                tables.append(markdown_table([title, *(f"GS-{scale:g}" for scale in scales)], rows))
    return tables


def _source(name: str, evaluation: Evaluation) -> str:
    """What the feature network of that name was, with weights and resizing."""
    return str(evaluation["features"][name])


def _found(evaluation: Evaluation, scheduler: str, scale: float, name: str) -> str:
    for run in evaluation["runs"]:
        if (run["scheduler"], run["guidance"]) == (scheduler, scale) and name in run["distances"]:
            return number(run["distances"][name]["frechet"], 4)
    return "-"


def _everything(evaluations: Sequence[Evaluation]) -> list[str]:
    """One table of every measure, or one for each group that can be compared, with what tells it from the others."""
    return ["\n\n".join([*([f"**{', '.join(differing)}**"] if differing else []), _measures(group)])
            for differing, group in _alike(evaluations, lambda e: str(e["similarity_network"]))]


def _measures(evaluations: Sequence[Evaluation]) -> str:
    networks = sorted({(name, str(source)) for e in evaluations for name, source in e["features"].items()})
    names = [name for name, _ in networks]
    kids = [f"{name} by {source}" if names.count(name) > 1 else name for name, source in networks]
    header = ["model", "schedule", "GS", *(f"KID x 1000, {kid} ↓" for kid in kids), "similarity to its reference ↑",
              "to another", "line F1 ↑", "chamfer, % ↓", "colour leak ↓", "edge leak ↓"]
    rows = []
    for e in evaluations:
        for run in e["runs"]:
            kid = [number(1000 * run["distances"][name]["kernel"], 3)
                   if name in run["distances"] and str(e["features"].get(name)) == source else "-"
                   for name, source in networks]
            leak = run.get("leak") or {}
            rows.append([e["model"], run["scheduler"].lower(), f"{run['guidance']:g}", *kid,
                         number(run["similarity"]["own"], 3), number(run["similarity"]["other"], 3),
                         number(run["lines"]["f1"], 3), number(100 * run["lines"]["chamfer"], 2),
                         number(leak.get("colour"), 3), number(leak.get("edge"), 3)])
        truth = e["ground_truth"]
        rows.append([f"{e['model']}: ground truth", "", "", *["" for _ in networks], "", "",
                     number(truth["lines"]["f1"], 3), number(100 * truth["lines"]["chamfer"], 2), "", ""])
    return markdown_table(header, rows)


def _notes(evaluations: Sequence[dict[str, Any]]) -> str:
    lines = []
    for e in evaluations:
        networks = "; ".join(f"{name}: {source}" for name, source in e["features"].items())
        lines.append(f"- {e['model']}: {e['settings']['steps']} steps of {e['settings']['sampler']}, seed {e['seed']}; "
                     f"{networks}; similarity by {e['similarity_network']}")
        lines += [f"  - {note}" for note in e["notes"]]
    return "\n".join(lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.000
