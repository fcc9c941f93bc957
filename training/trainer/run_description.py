"""RUN/run.json: what a run is, of which pictures, and whether a resumed one is the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.dataset.about import About, read_about
from training.dataset.archive import Member
from training.dataset.pairs import Pairs
from training.trainer.dataclass_json import differing, from_plain, to_plain
from training.trainer.progress import epoch_images
from training.trainer.recipe import Recipe
from training.trainer.recipes import FREE
from training.trainer.run_folder import RUN, checkpoints

UNCOMPARED = ("epoch", "pictures")  # older versions did not write them


def description_of(recipe: Recipe, preset: str, pairs: Pairs, seed: int) -> dict[str, Any]:
    """Plain JSON. epoch: images that one has; pictures: which ones, and what their folder says of itself."""
    about = read_about(pairs.catalog.folder) or About()
    return {"preset": preset, "seed": seed, "samples": len(pairs), "cached": bool(recipe.run.cache),
            "epoch": epoch_images(pairs, recipe.optimizer.batch_size),
            "pictures": {"digest": digest(pairs), "licence": about.licence, "trained_on": about.trained_on},
            "recipe": to_plain(recipe)}


def digest(pairs: Pairs) -> str:
    """Of names, sizes and checksums (of plain files: times) of everything a run reads: sketches and masks too."""
    catalog = pairs.catalog
    found = hashlib.sha256("\n".join(catalog.keys).encode())
    columns = [Member._fields.index(name) for name in ("size", "crc")]
    found.update(np.ascontiguousarray(catalog.where[:, :, columns]).tobytes())
    return found.hexdigest()


def read_description(run: Path) -> dict[str, Any]:
    """What run.json says; ColorizeError when it is not there or no JSON."""
    file = run / RUN
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ColorizeError(f"{file}: not there, expected the folder of a run of training.train") from None
    except ValueError as error:
        raise ColorizeError(f"{file}: not JSON ({error}); the run cannot be resumed, name another --out") from None
    if not _is_description(found):
        raise ColorizeError(f"{file}: not what a run writes there (an object with preset, samples and recipe); put the "
                            "right one back, or name another --out")
    return found


def _is_description(found: Any) -> TypeGuard[dict[str, Any]]:
    """By its parts that are read one by one; `from_plain` looks at the recipe's own."""
    if not isinstance(found, dict) or not isinstance(found.get("recipe"), dict):
        return False
    pictures, epoch = found.get("pictures", {"digest": ""}), found.get("epoch", 1)
    return (isinstance(pictures, dict) and isinstance(pictures.get("digest"), str)
            and type(epoch) is int and epoch > 0 and isinstance(found.get("samples"), int))


def claim(out: Path, description: Mapping[str, Any]) -> list[str]:
    """Write RUN/run.json; ColorizeError when the run in `out` has a checkpoint and is another one.

    Before its first checkpoint there is nothing to lose, and a wrong setting may be put right. Returns what there is to
    tell: a run of an older version goes on by its own lengths, and its pictures could not be compared.
    """
    told: list[str] = []
    description = dict(description)
    if checkpoints(out):
        if not (out / RUN).exists():
            raise ColorizeError(f"{out}: has checkpoints and no {RUN}, expected both; name another --out")
        stored = read_description(out)
        changes = differing(_fixed(description), _fixed(stored))
        if changes:
            raise ColorizeError(f"{out}: holds a run with another configuration ({'; '.join(changes[:4])}"
                                f"{'; ...' if len(changes) > 4 else ''}); repeat its settings, or name another --out")
        told += _older(stored, description) if "pictures" in description else []
    write_whole(out / RUN, json.dumps(description, indent=1))
    return told


def _older(stored: Mapping[str, Any], description: dict[str, Any]) -> list[str]:
    """Compare the pictures; for a run of an older version, put its epoch into `description` and tell."""
    told = []
    if "epoch" in stored:
        description["epoch"] = stored["epoch"]
    else:
        description["epoch"] = description["samples"]
        if any(stage["epochs"] for stage in description["recipe"]["stages"]):
            told.append(f"begun by an older version: an epoch goes on to be {description['samples']} images, without "
                        "those that fill up batches")
    if "pictures" not in stored:
        return [*told, "begun by an older version: whether the pictures are those it began with cannot be told"]
    now, before = description["pictures"]["digest"], stored["pictures"]["digest"]
    if now != before:
        raise ColorizeError(
            f"--data: found pictures of digest {now[:16]}, expected {before[:16]}, those that the run began with; put "
            "them back (plain files keep their times with cp -p), or name another --out")
    return told


def _fixed(description: Mapping[str, Any]) -> dict[str, Any]:
    """What may not change, with what newer versions added to recipes at its default."""
    recipe = to_plain(from_plain(Recipe, description["recipe"]))
    kept = {key: value for key, value in recipe.items() if key not in FREE}
    return {**{key: value for key, value in description.items() if key not in UNCOMPARED}, "recipe": kept}
