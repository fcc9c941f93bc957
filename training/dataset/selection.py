"""Which of the good raw pictures are built: filters on their tags, and of near-duplicates the largest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lib_colorize.errors import ColorizeError
from training.dataset.build_options import BuildOptions
from training.dataset.dedupe import duplicates
from training.dataset.drawing import mask_file
from training.dataset.index import Condition, entries, without_suffix
from training.dataset.report import Report
from training.dataset.source import short_digest


def select(options: BuildOptions, good: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    """Those that are kept, in order, with what the tags say of them under "entry"; all others are counted."""
    kept = _without_duplicates(options, _tagged(options, good, report), report)
    if not kept:
        raise ColorizeError(f"{', '.join(options.sources)}: no picture is left: {report}")
    return kept


def identity_of(options: BuildOptions, item: dict[str, Any]) -> str:
    """What changes when the picture, its mask or what is said of it does."""
    mask = mask_file(options, item["key"])
    stamp = [mask.name, mask.stat().st_size, mask.stat().st_mtime_ns] if mask else []
    return short_digest([item["key"], item["path"], item["content"], item.get("entry", {}), stamp])


def _tagged(options: BuildOptions, good: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    conditions = [Condition.parse(text) for text in options.where]
    if not options.tags:
        if conditions:
            raise ColorizeError("--where asks the index of the raw pictures; name it with --tags")
        return good
    found = entries(Path(options.tags), whole_names=True)
    if found is None:
        raise ColorizeError(f"{options.tags}: no index.jsonl or index.json in it")
    by_name = {entry.pop("member"): entry for entry in found}
    by_stem = {without_suffix(name): entry for name, entry in by_name.items()}
    passed = []
    for item in good:
        key = item["key"]  # with its suffix where two pictures share the rest
        entry = next((found[name] for found, name in (
            (by_name, key), (by_stem, key), (by_stem, without_suffix(key))) if name in found), None)
        if entry is None or not all(c.holds({**entry, "width": item["width"], "height": item["height"]})
                                    for c in conditions):
            report.skip("not in the tags" if entry is None else "filtered out", key)
        else:
            passed.append({**item, "entry": {k: v for k, v in entry.items() if k not in ("width", "height")}})
    return passed


def _without_duplicates(
    options: BuildOptions, good: list[dict[str, Any]], report: Report,
) -> list[dict[str, Any]]:
    if options.max_bits < 0 or not good:
        return good
    hashes, colours = (np.frombuffer(bytes.fromhex("".join(item[name] for item in good)), np.uint8)
                       .reshape(len(good), -1) for name in ("hash", "colours"))
    quality = np.array([item["width"] * item["height"] for item in good])
    better = duplicates(hashes, colours, quality, options.max_bits)
    for item, other in zip(good, better):
        if other >= 0:
            report.skip("duplicate", f"{item['key']} of {good[other]['key']}")
    return [item for item, other in zip(good, better) if other < 0]
