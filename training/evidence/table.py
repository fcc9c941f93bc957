"""Results of the experiment as Markdown tables, with the spread over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.evidence.questions import GROUPS
from training.evidence.rows import ROWS
from training.metrics.table import markdown_table, number

Read = Callable[[dict[str, Any]], float | None]
COLUMNS: tuple[tuple[str, int, Read], ...] = (  # title, digits, where it stands in a `Scorer.measure`
    ("part error, median", 1, lambda m: m["parts"]["median"]),
    ("within 10 ↑", 2, lambda m: m["parts"]["within_10"]),
    ("within 20 ↑", 2, lambda m: m["parts"]["within_20"]),
    *((f"within 20, {group.value} ↑", 2,
       lambda m, g=group.value: m["parts_by_group"].get(g, {}).get("within_20")) for group in GROUPS),
    ("colour leak ↓", 3, lambda m: m["leak"]["colour"]),
    ("edge leak ↓", 3, lambda m: m["leak"]["edge"]),
    ("lines ↑", 3, lambda m: m["lines"]),
    ("flat ↑", 3, lambda m: m.get("flat", {}).get("parts")),
    ("FD ↓", 2, lambda m: m.get("fd")),
    ("1000 x KID ↓", 1, lambda m: 1000 * m["kd"] if "kd" in m else None),
    ("own reference, ΔE ↓", 1, lambda m: m["self"]["difference"] if "self" in m else None),
)


@dataclass(frozen=True)
class RowResult:
    """Measures of one checkpoint; images 0: it was not trained here. found: what `Scorer.score` gives."""

    row: str
    seed: int
    images: int
    found: dict[str, Any]

    @property
    def title(self) -> str:
        return ROWS[self.row].title if self.row in ROWS else self.row


def results_markdown(results: Sequence[RowResult], heading: dict[str, Any]) -> str:
    """One table for each GS: rows and lengths down, measures across; mean, and (least to most) of several seeds."""
    parts = []
    scales = list(dict.fromkeys(scale for r in results for scale in r.found.get("scales", {})))
    for scale in scales:
        lines = []
        for row, images in dict.fromkeys((r.row, r.images) for r in results if "scales" in r.found):
            same = [r for r in results if (r.row, r.images) == (row, images) and "scales" in r.found]
            for trial in ("", *same[0].found["scales"][scale].get("trials", {})):
                measures = [measured_of(r.found["scales"][scale], trial) for r in same]
                cells = [spread([read(each) for each in measures], digits) for _, digits, read in COLUMNS]
                title = f"{same[0].title}: {trial}" if trial else same[0].title
                lines.append([title, f"{images:,}" if images else "", str(len(same)), *cells])
        titles = [title for title, *_ in COLUMNS]
        parts.append(f"## GS {scale}\n\n" + markdown_table(["row", "images", "seeds", *titles], lines))
    trained = (f" Rows with a number of images are trained on {heading['images']:,} (index {heading['train']}) from "
               f"the same warm-up ({heading['warm']}).") if any(r.images for r in results) else ""
    notes = (f"{heading['pairs']} pairs (benchmark {heading['benchmark']}), {heading['steps']} steps of DPM++ 2M, "
             f"uniform schedule.{trained} FD by {heading['features']}. Spread over seeds: least to most. "
             "Definitions: docs/evidence.md.")
    return "\n\n".join(["# Evidence", notes, *parts]) + "\n"


def measured_of(found: dict[str, Any], trial: str) -> dict[str, Any]:
    """Of all pairs, or of one trial of the harder set."""
    part: dict[str, Any] = found["trials"][trial] if trial else found
    return part


def spread(values: Sequence[float | None], digits: int) -> str:
    """Mean, and with several seeds the least and the most."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = number(sum(known) / len(known), digits)
    return mean if len(known) == 1 else f"{mean} ({number(min(known), digits)} to {number(max(known), digits)})"
