"""What a data folder holds, in numbers and on one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from training.dataset.catalog import list_samples
from training.dataset.decode import picture
from training.dataset.index import entries
from training.dataset.report import Report

TILE, GAP, CHART = 128, 6, 96  # px
LINE = 16  # px, of text
PAIRS, ROWS = 4, 5  # samples across and down
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def statistics(folder: Path, report: Report) -> dict[str, Any]:
    """Counts, and histograms as {"edges": [n + 1], "counts": [n]}; sizes as written."""
    width, height, colour = [], [], []
    extractors: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    for entry in entries(folder) or ():
        width.append(entry["width"])
        height.append(entry["height"])
        colour.append(entry.get("colour", 0.0))
        extractors[entry.get("extractor", "?")] += 1
        tags.update(map(str, entry["tags"]) if isinstance(entry.get("tags"), list) else ())
    w, h = np.array(width, float), np.array(height, float)
    return {**report.to_json(), "extractors": dict(extractors), "tags": dict(tags.most_common(50)),
            "shorter_side": _histogram(np.minimum(w, h)), "aspect": _histogram(w / h),
            "saturation": _histogram(np.array(colour, float))}


def _histogram(values: np.ndarray) -> dict[str, list[float]]:
    counts, edges = np.histogram(values, bins=16)
    return {"edges": [round(float(e), 4) for e in edges], "counts": counts.tolist()}


def statistics_sheet(folder: Path, found: dict[str, Any], seed: int = 0) -> Image.Image:
    """Histograms above, below them random pairs sketch | picture."""
    catalog = list_samples(folder)
    chosen = np.random.default_rng(seed).permutation(len(catalog.keys))[:PAIRS * ROWS]
    rows = -(-len(chosen) // PAIRS)
    width = PAIRS * (2 * TILE + 3 * GAP) + GAP
    font = ImageFont.load_default()
    text = headline(found, font, width - 2 * GAP)
    head = GAP + LINE * len(text.splitlines())
    pairs_top = head + CHART + 45
    sheet = Image.new("RGB", (width, pairs_top + rows * (TILE + GAP) + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    draw.multiline_text((GAP, GAP), text, fill="black", font=font, spacing=4)
    names = ("shorter_side", "aspect", "saturation")
    for i, name in enumerate(names):
        corner = (GAP + i * (width // 3), head + 15)
        _chart(draw, corner, width // 3 - 3 * GAP, found[name], name.replace("_", " "), font)
    for i, index in enumerate(chosen.tolist()):
        left = GAP + (i % PAIRS) * (2 * TILE + 3 * GAP)
        top = pairs_top + (i // PAIRS) * (TILE + GAP)
        for place, part in enumerate(("sketch", "color")):
            content = catalog.content(index, part)
            assert content is not None, "the catalog lists whole pairs"
            tile = ImageOps.pad(picture(content), (TILE, TILE), Image.Resampling.LANCZOS, color="white")
            sheet.paste(tile, (left + place * (TILE + GAP), top))
    return sheet


def headline(found: dict[str, Any], font: Font, width: int) -> str:
    """Counts of `statistics` in words, in as many lines as it takes for none to be wider than `width` px."""
    skipped = [f"{count} {reason}" for reason, count in sorted(found["skipped"].items())] or ["nothing skipped"]
    words = f"{found['usable']} of {found['found']} pictures; {', '.join(skipped)}".split()
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        lines[-1:] = [longer] if font.getlength(longer) <= width else [lines[-1], word]
    return "\n".join(lines)


def _chart(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, histogram: dict[str, Sequence[float]], title: str,
    font: Font,
) -> None:
    """Bars, the ends of the axis below them."""
    left, top = corner
    counts, edges = histogram["counts"], histogram["edges"]
    bar, most = width / len(counts), max(max(counts), 1)
    for i, count in enumerate(counts):
        high = CHART * count / most
        draw.rectangle((left + i * bar, top + CHART - high, left + (i + 1) * bar - 1, top + CHART), fill="#4477aa")
    draw.text((left, top + CHART + 4), f"{title}: {edges[0]:g} to {edges[-1]:g}", fill="black", font=font)
