"""A look at every raw picture, once: is it whole and of use, how large, how colourful, and which is it like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.whole_file import write_whole
from training.dataset import decode
from training.dataset.archive import UNREAD
from training.dataset.dedupe import fingerprint
from training.dataset.report import Report
from training.dataset.source import Raw, short_digest

SCAN = 200  # pictures of one job


@dataclass(frozen=True)
class Limits:
    """What a picture must be to be used."""

    min_side: int = 256  # px, shorter side
    max_aspect: float = 3.0  # longer side by shorter side
    min_colour: float = 0.0  # mean saturation of HSV, 0 to 1: above 0 leaves out black and white pages


def inspect_all(
    raws: Sequence[Raw], limits: Limits, work: Path, run: Callable[..., Iterator[dict[str, Any]]], report: Report,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """All good pictures, in order: fields of Raw and what `inspector` adds. Those that are not are counted.

    WORK/scan-*.json keep what was found: a picture is looked at again only when its file has changed,
    or could not be read.
    """
    known = {found["identity"]: found for path in sorted(work.glob("scan-*.json"))
             for found in json.loads(path.read_bytes()).get("looked", ()) if found["reason"] != UNREAD}
    new = [raw for raw in raws if raw.identity() not in known]
    jobs = [{"pictures": [asdict(raw) for raw in new[start:start + SCAN]]} for start in range(0, len(new), SCAN)]
    for count, result in enumerate(run(jobs, partial(inspector, limits)), 1):
        name = short_digest([found["identity"] for found in result["looked"]])
        write_whole(work / f"scan-{name}.json", json.dumps(result), parents=True)
        known |= {found["identity"]: found for found in result["looked"]}
        say(f"looked at {count} of {len(jobs)} parts")
    good = []
    for raw in raws:
        found = known[raw.identity()]
        if found["reason"]:
            report.skip(found["reason"], raw.key)
        else:
            good.append({**asdict(raw), **found["seen"]})
    return good


def inspector(limits: Limits) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Task {"pictures": Raw as dicts} -> {"looked": [{"identity", "reason", "seen"}]}; decodes every picture."""

    def work(job: dict[str, Any]) -> dict[str, Any]:
        return {"looked": [_look(Raw.of(fields), limits) for fields in job["pictures"]]}

    return work


def _look(raw: Raw, limits: Limits) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    try:
        content = raw.content()
        picture = decode.picture(content)
        reason = _reason(picture, limits)
    except decode.BadPicture as error:
        reason = error.reason
    if not reason:
        bits, colours = fingerprint(picture)
        seen = {"width": picture.width, "height": picture.height, "hash": bits.hex(), "colours": colours.hex(),
                "colour": round(saturation(picture), 4), "content": content_digest(content)}
    return {"identity": raw.identity(), "reason": reason, "seen": seen}


def content_digest(content: bytes) -> str:
    """24 hexadecimal digits of a file's bytes."""
    return hashlib.sha256(content).hexdigest()[:24]


def _reason(picture: Image.Image, limits: Limits) -> str | None:
    """Why a picture is left out, None when it is not."""
    if min(picture.size) < limits.min_side:
        return f"shorter side below {limits.min_side} px"
    if max(picture.size) > limits.max_aspect * min(picture.size):
        return f"aspect ratio above {limits.max_aspect:g}"
    if saturation(picture) < limits.min_colour:
        return f"mean saturation below {limits.min_colour:g}"
    return None


def saturation(picture: Image.Image) -> float:
    """Mean S of HSV, 0 to 1, of the picture made small."""
    small = picture.resize((32, 32), Image.Resampling.BOX).convert("HSV").getchannel("S")
    return sum(i * count for i, count in enumerate(small.histogram())) / (32 * 32 * 255)
