"""Raw pictures to training shards: scan, filter, drop duplicates, draw lines, write, count.

    python -m training.build --source raw --out data/shards --extractor sketchkeras=model.pth --extractor \\
        anime2sketch=netG.pth [--tags tags.jsonl --where score>=10] [--engine ray]

The same command goes on where it was stopped. OUT/color, sketch (mask, tar) and index.jsonl are what training reads;
OUT/statistics.json and OUT/statistics.png say what is in them; OUT/work may be deleted when it is done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.dataset import decode
from training.dataset import workers as engine
from training.dataset.about import About, write_about
from training.dataset.dedupe import MAX_BITS, duplicates
from training.dataset.extractors import Choice, Mixture
from training.dataset.index import Condition, entries
from training.dataset.report import Report
from training.dataset.shards import FORMATS, Written, merge_index, write_shard
from training.dataset.sheet import statistics, statistics_sheet
from training.dataset.source import Limits, Raw, inspector, raw_pictures

SCAN = 200  # pictures of one inspection job


@dataclass(frozen=True)
class BuildOptions:
    """Everything that decides what the shards hold; OUT/work/options.json keeps it."""

    sources: tuple[str, ...]
    extractors: tuple[Choice, ...]
    limits: Limits = field(default_factory=Limits)
    tags: str = ""  # folder or file of an index with tags of the raw pictures
    where: tuple[str, ...] = ()
    masks: str = ""  # folder with a mask of every picture's name
    max_bits: int = MAX_BITS  # of the perceptual hash; -1 = keep duplicates
    max_side: int = 1024  # px; larger pictures are made smaller
    kind: str = "png"
    shard: int = 1000  # pictures
    tar: bool = False
    seed: int = 0

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()


def build(
    options: BuildOptions, out: Path, engine_name: str = "local", workers: int = 0, device: str = "cpu",
    gpus: float = 0.0, say: Callable[[str], None] = print, about: About | None = None,
) -> Report:
    """Build or go on building; returns what was used and what was passed over.

    about: what about.json shall say; None: no licence, and the names of the source folders.
    """
    Mixture(options.extractors, options.seed, device)  # wrong weights are told before any work
    _same_options(options, out)
    report = Report()
    run = partial(engine.run, engine=engine_name, workers=workers)
    good = _inspect(options, out, run, report, say)
    good = _tagged(options, good, report)
    kept = _without_duplicates(options, good, report)
    if not kept:
        raise ColorizeError(f"{', '.join(options.sources)}: no picture is left: {report}")
    say(f"{len(kept)} pictures to draw and write")
    order = np.random.default_rng(options.seed).permutation(len(kept))  # every shard is a fair sample
    jobs = [{"shard": f"{number:05d}", "pictures": [kept[i] for i in order[start:start + options.shard]]}
            for number, start in enumerate(range(0, len(order), options.shard))]
    shards = [job["shard"] for job in jobs]
    todo = [job for job in jobs if not (out / "work" / f"shard-{job['shard']}.json").exists()]
    make = partial(_drawer, options, str(out), device)
    for count, result in enumerate(run(todo, make, gpus=gpus), 1):
        write_whole(out / "work" / f"shard-{result['shard']}.json", json.dumps(result), parents=True)
        say(f"shard {result['shard']}: {result['written']} pictures, {count} of {len(todo)}")
    for shard in shards:
        result = json.loads((out / "work" / f"shard-{shard}.json").read_bytes())
        report.usable += result["written"]
        for reason, key in result["skipped"]:
            report.skip(reason, key)
    merge_index(out, shards)
    found = statistics(out, report)
    write_whole(out / "statistics.json", json.dumps(found, indent=1), parents=True)
    statistics_sheet(out, found, options.seed).save(out / "statistics.png")
    write_about(out, about or about_of(options))
    return report


def about_of(options: BuildOptions, licence: str = "", words: str = "") -> About:
    """What a built folder says of itself: these words, or the names of the folders that it was built from."""
    return About(licence, words or ", ".join(Path(source).resolve().name for source in options.sources))


def _same_options(options: BuildOptions, out: Path) -> None:
    """ColorizeError when the folder holds a build by other options: half of each would be neither."""
    path = out / "work" / "options.json"
    if path.exists() and json.loads(path.read_bytes())["digest"] != options.digest():
        raise ColorizeError(f"{out}: holds a build by other options ({path}); name another folder, or delete it")
    if not path.exists() and (out / "color").exists():
        raise ColorizeError(f"{out}: holds shards already; name another folder")
    write_whole(path, json.dumps({"digest": options.digest(), **asdict(options)}, default=str, indent=1), parents=True)


def _inspect(
    options: BuildOptions, out: Path, run: Callable[..., Any], report: Report, say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """All good pictures, in order of their names; finished parts are read back."""
    raws = []
    for source in options.sources:
        if not Path(source).is_dir():
            raise ColorizeError(f"{source}: no such folder; expected one with pictures or zips of pictures")
        raws += list(raw_pictures(Path(source), report))
    report.found = len(raws)
    jobs = [{"number": number, "pictures": [asdict(raw) for raw in raws[start:start + SCAN]]}
            for number, start in enumerate(range(0, len(raws), SCAN))]
    parts = {job["number"]: out / "work" / f"scan-{_digest(job)}.json" for job in jobs}
    todo = [job for job in jobs if not parts[job["number"]].exists()]
    for count, result in enumerate(run(todo, partial(inspector, options.limits)), 1):
        write_whole(parts[result["number"]], json.dumps(result), parents=True)
        say(f"looked at {count} of {len(todo)} parts")
    good = []
    for path in parts.values():
        result = json.loads(path.read_bytes())
        good += result["good"]
        for reason, key in result["skipped"]:
            report.skip(reason, key)
    return good


def _digest(job: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]


def _tagged(options: BuildOptions, good: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    """Those that pass the filters, with what the tags say of them under "entry"."""
    conditions = [Condition.parse(text) for text in options.where]
    if not options.tags:
        if conditions:
            raise ColorizeError("--where asks the index of the raw pictures; name it with --tags")
        return good
    found = entries(Path(options.tags))
    if found is None:
        raise ColorizeError(f"{options.tags}: no index.jsonl or index.json in it")
    tags = {entry.pop("member"): entry for entry in found}
    passed = []
    for item in good:
        entry = tags.get(item["key"])
        if entry is None or not all(c.holds({**entry, "width": item["width"], "height": item["height"]})
                                    for c in conditions):
            report.skip("not in the tags" if entry is None else "filtered out", item["key"])
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


def _drawer(options: BuildOptions, out: str, device: str) -> engine.Work:
    """Draws the lines of a shard's pictures and writes it."""
    mixture = Mixture(options.extractors, options.seed, device)

    def work(job: dict[str, Any]) -> dict[str, Any]:
        skipped: list[list[str]] = []
        samples = []
        for number, item in enumerate(job["pictures"]):
            try:
                samples.append(_sample(options, mixture, item, f"{number:06d}"))
            except decode.BadPicture as error:
                skipped.append([error.reason, item["key"]])
            except ColorizeError:
                skipped.append(["no lines found", item["key"]])
        written = write_shard(Path(out), job["shard"], samples, options.kind, options.tar)
        return {"shard": job["shard"], "written": written, "skipped": skipped}

    return work


def _sample(options: BuildOptions, mixture: Mixture, item: dict[str, Any], name: str) -> Written:
    raw = Raw(item["key"], item["path"], item["name"], tuple(item["member"]))
    picture = raw.picture()
    if max(picture.size) > options.max_side:
        picture.thumbnail((options.max_side, options.max_side), Image.Resampling.LANCZOS)
    lines, extractor = mixture(raw.key, picture)
    entry = {"source": raw.key, "extractor": extractor, "colour": item["colour"], **item.get("entry", {})}
    return Written(name, picture, lines, _mask(options, raw, picture), entry)


def _mask(options: BuildOptions, raw: Raw, picture: Image.Image) -> Image.Image | None:
    """The mask of the picture's own name, where there is one."""
    if not options.masks:
        return None
    for suffix in (".png", ".jpg", ".webp"):
        file = Path(options.masks) / f"{raw.key}{suffix}"
        if file.is_file():
            return decode.picture(file.read_bytes()).convert("L").resize(picture.size, Image.Resampling.BICUBIC)
    return None


def options_of(args: argparse.Namespace) -> BuildOptions:
    """The options that a command line asks for."""
    return BuildOptions(
        sources=tuple(map(str, args.source)), extractors=tuple(map(Choice.parse, args.extractor or ["lineart"])),
        limits=Limits(args.min_side, args.max_aspect, args.min_colour), tags=str(args.tags or ""),
        where=tuple(args.where), masks=str(args.masks or ""), max_bits=-1 if args.keep_duplicates else MAX_BITS,
        max_side=args.max_side, kind=args.format, shard=args.shard, tar=args.tar, seed=args.seed)


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    command.add_argument("--source", type=Path, action="append", required=True, help="folder; may be given again")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--extractor", action="append", metavar="NAME[=WEIGHTS][:SHARE]",
                         help="lineart, edges, anime2sketch=netG.pth, sketchkeras=model.pth; several are mixed")
    command.add_argument("--min-side", type=int, default=Limits.min_side, help="px")
    command.add_argument("--max-aspect", type=float, default=Limits.max_aspect)
    command.add_argument("--min-colour", type=float, default=Limits.min_colour, help="mean saturation, 0 to 1")
    command.add_argument("--tags", type=Path, help="folder with index.jsonl: member, tags, score, ... of raw pictures")
    command.add_argument("--where", action="append", default=[], help="filter on the tags, such as score>=10")
    command.add_argument("--masks", type=Path, help="folder with masks under the pictures' names, white = figure")
    command.add_argument("--keep-duplicates", action="store_true")
    command.add_argument("--max-side", type=int, default=BuildOptions.max_side, help="px, of what is written")
    command.add_argument("--format", choices=sorted(FORMATS), default=BuildOptions.kind, help="of the pictures")
    command.add_argument("--shard", type=int, default=BuildOptions.shard, help="pictures in a zip")
    command.add_argument("--tar", action="store_true", help="webdataset tars too")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--engine", choices=engine.ENGINES, default="local")
    command.add_argument("--workers", type=int, default=0, help="processes; 0: this one, or all that Ray has room for")
    command.add_argument("--gpus", type=float, default=0.0, help="GPUs of each Ray worker that draws lines")
    command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    command.add_argument("--licence", default="", help="of what is trained on the pictures, for about.json")
    command.add_argument("--about", default="", help="what the pictures are, for about.json; default: --source's name")
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    try:
        options = options_of(args)
        report = build(options, args.out, args.engine, args.workers, args.device, args.gpus,
                       about=about_of(options, args.licence, args.about))
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(report)
    print(args.out / "statistics.png")
