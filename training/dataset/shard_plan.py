"""Which picture goes into which shard, and stays there when the builder runs again on a source that has changed.

OUT/work/plan.json names the pictures of every shard. A shard stays as long as all of its pictures are there and are
what they were; when one was taken away or changed it is made no more, and what is left of it goes, with all that is
new, into new shards. So every picture is written once, whatever happened to the source between two runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib_colorize.whole_file import write_whole
from training.dataset.archive import UNREAD

PLAN = "plan.json"
PARTS = ("index", "tar", "color", "sketch", "mask", "reference")  # folders in which a shard has a file


def plan_shards(out: Path, identities: Sequence[str], size: int, seed: int) -> tuple[dict[str, list[int]], list[str]]:
    """Shard name -> places of its pictures in `identities`; and the names of shards that are no more, removed here.

    identities: of every picture that shall be written: what changes when the picture, or what is said of it, does.
    """
    path = out / "work" / PLAN
    before: dict[str, list[str]] = json.loads(path.read_bytes()) if path.exists() else {}
    place = {identity: number for number, identity in enumerate(identities)}
    plan = {name: [place[i] for i in listed] for name, listed in before.items() if all(i in place for i in listed)}
    gone = [name for name in before if name not in plan]
    for name in gone:
        _remove(out, name)
    taken = {number for listed in plan.values() for number in listed}
    rest = np.array([number for number in range(len(identities)) if number not in taken], dtype=np.int64)
    rest = rest[np.random.default_rng(seed).permutation(len(rest))]  # every shard is a fair sample
    first = 1 + max((int(name) for name in before), default=-1)
    plan |= {f"{first + count:05d}": rest[start:start + size].tolist()
             for count, start in enumerate(range(0, len(rest), size))}
    write_whole(path, json.dumps({name: [identities[i] for i in listed] for name, listed in plan.items()}),
                parents=True)
    return plan, gone


def record_of(out: Path, shard: str) -> Path:
    """The file that is there when a shard is finished; it says how many were written and which were not."""
    return out / "work" / f"shard-{shard}.json"


def is_finished(out: Path, shard: str) -> bool:
    """Written, and every picture of it could be read: one that could not is tried again in the next run."""
    record = record_of(out, shard)
    if not record.exists():
        return False
    return all(reason != UNREAD for reason, _ in json.loads(record.read_bytes())["skipped"])


def _remove(out: Path, shard: str) -> None:
    """All files of a shard, its record first: a kill in between leaves a shard that is not finished."""
    record_of(out, shard).unlink(missing_ok=True)
    (out / "index.jsonl").unlink(missing_ok=True)  # names members that are no more; written anew at the end
    for part in PARTS:
        for path in (out / part).glob(f"{shard}.*"):
            path.unlink()
