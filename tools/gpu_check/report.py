"""The outcomes as a Markdown table and as JSON, with what they were measured on."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import torch

import lib_colorize
from tools.gpu_check.findings import Finding, Outcome
from tools.gpu_check.parts import PARTS


def machine(outcomes: Sequence[Outcome], tiny: bool) -> dict[str, Any]:
    """What it ran on, by the parts that ran."""
    card = next((outcome.card for outcome in outcomes if outcome.card), {"name": "unknown", "memory_gb": None})
    return {**card, "torch": torch.__version__, "cuda": torch.version.cuda, "python": platform.python_version(),
            "system": platform.system(), "version": lib_colorize.__version__, "sizes": "tiny" if tiny else "released"}


def machine_line(about: Mapping[str, Any]) -> str:
    """One line: the machine."""
    memory = "" if about["memory_gb"] is None else f" ({about['memory_gb']:g} GB)"
    tiny = ", TINY networks: its numbers say nothing" if about["sizes"] == "tiny" else ""
    return f"{about['name']}{memory}, torch {about['torch']}, Python {about['python']}, {about['system']}{tiny}"


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a row for every finding, with its goal on an H100."""
    lines = ["| | found | goal (H100) | met | |", "|---|---|---|---|---|"]
    for outcome in outcomes:
        state = "" if outcome.state == "done" else f": {outcome.state}"
        lines.append(f"| **{PARTS[outcome.part].title}**{state} | | | | {outcome.seconds:.0f} s |")
        lines += [row(finding) for finding in outcome.findings]
        if outcome.note:
            lines.append(f"| {cell(outcome.note.splitlines()[-1])} | | | | |")
    return "\n".join(lines)


def row(finding: Finding) -> str:
    """One line of the table."""
    value = "" if finding.value is None else f"{digits(finding.value)} {finding.unit}".strip()
    goal = "" if finding.goal is None else f"{finding.goal} {finding.unit}".strip()
    return f"| {cell(finding.what)} | {value} | {goal} | {finding.verdict} | {cell(finding.note)} |"


def digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(text: str) -> str:
    """Nothing in it ends the cell or the row."""
    return " ".join(text.replace("|", "/").split())


def as_json(about: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    """The same for a program to read."""
    return json.dumps({"machine": dict(about), "parts": [outcome.plain() for outcome in outcomes]}, indent=1)
