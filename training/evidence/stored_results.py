"""Measured results as files: one for each checkpoint of a row, read back in the order of the rows."""

from __future__ import annotations

import json
from pathlib import Path

from lib_colorize.whole_file import write_whole
from training.evidence import rows
from training.evidence.table import RowResult


def keep(path: Path, result: RowResult) -> None:
    write_whole(path, json.dumps(vars(result), indent=1), parents=True)


def results(out: Path) -> list[RowResult]:
    """All that were measured so far, in the order of the rows."""
    order = [*rows.ROWS]
    found = [RowResult(**json.loads(path.read_bytes()))
             for path in sorted((*out.glob("runs/*/results/*.json"), *out.glob("models/*/results/*.json")))]
    return sorted(found, key=lambda r: (order.index(r.row) if r.row in order else len(order), r.row, r.seed, r.images))
