"""The work on one shard of a build: its pictures are read again, lines are drawn, everything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import DiskError
from training.dataset import decode
from training.dataset.build_options import BuildOptions
from training.dataset.decode import BadPicture
from training.dataset.extractors import Mixture
from training.dataset.inspection import content_digest
from training.dataset.shards import Written, write_shard
from training.dataset.source import Raw

SUFFIXES = (".png", ".jpg", ".webp")  # of masks


def drawer(options: BuildOptions, out: str, device: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Task {"shard", "pictures"} -> {"shard", "written", "skipped": [[reason, key], ...]}."""
    mixture = Mixture(options.extractors, options.seed, device)

    def work(job: dict[str, Any]) -> dict[str, Any]:
        skipped: list[list[str]] = []
        samples = []
        for number, item in enumerate(job["pictures"]):
            try:
                samples.append(_sample(options, mixture, item, f"{number:06d}"))
            except BadPicture as error:
                skipped.append([error.reason, item["key"]])
            except DiskError:
                raise
            except ColorizeError as error:  # of an extractor of the user's own: in its words
                skipped.append([str(error).removeprefix(f"{item['key']}: "), item["key"]])
        written = write_shard(Path(out), job["shard"], samples, options.kind, options.tar)
        return {"shard": job["shard"], "written": written, "skipped": skipped}

    return work


def _sample(options: BuildOptions, mixture: Mixture, item: dict[str, Any], name: str) -> Written:
    content = Raw.of(item).content()
    if content_digest(content) != item["content"]:
        raise BadPicture("changed while it was read", item["key"])  # the next run finds it new
    picture = decode.picture(content)
    if max(picture.size) > options.max_side:
        picture.thumbnail((options.max_side, options.max_side), Image.Resampling.LANCZOS)
    lines, extractor = mixture(item["key"], picture)
    entry = {"source": item["key"], "extractor": extractor, "colour": item["colour"], **item.get("entry", {})}
    return Written(name, picture, lines, _mask(options, item["key"], picture), entry)


def mask_file(options: BuildOptions, key: str) -> Path | None:
    """The mask of the picture's own name, where there is one."""
    files = (Path(options.masks) / f"{key}{suffix}" for suffix in SUFFIXES) if options.masks else ()
    return next((file for file in files if file.is_file()), None)


def _mask(options: BuildOptions, key: str, picture: Image.Image) -> Image.Image | None:
    file = mask_file(options, key)
    if file is None:
        return None
    try:
        mask = decode.picture(file.read_bytes())
    except (OSError, BadPicture) as error:
        raise BadPicture("damaged mask", f"{file}: {error}") from None
    return mask.convert("L").resize(picture.size, Image.Resampling.BICUBIC)
