"""Measure a checkpoint on pairs of sketch and picture, coloured by randomly chosen references.

    python -m training.evaluate --checkpoint models/colorize-small.safetensors --data data/validation \\
        --out runs/evaluation --inception pt_inception-2015-12-05-6726825d.pth [--count 50000] [--part 0/8]

Writes OUT/evaluation.json and OUT/evaluation.md, a table like Table 1 of the paper; pictures are kept in OUT, so that
the same command goes on where it was stopped. docs/evaluation.md defines every measure.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.metrics.case_numbers import hand_over, measure_cases, put_together
from training.metrics.instruments import NETWORKS, instruments
from training.metrics.measure import measure_all, notes
from training.metrics.painter import open_painter
from training.metrics.share import join_processes
from training.metrics.table import evaluations_markdown
from training.metrics.validation import EvaluateOptions, Validation, paint_all


def evaluate(
    checkpoint: Path, data_folder: Path, out: Path, options: EvaluateOptions, *, network_names: Sequence[str],
    inception: Path | None = None, reference_encoder: Path | None = None, clip: Path | None = None,
    device: str | None = None, dtype: str | None = None, part: tuple[int, int] | None = None, model: str = "",
    say: Callable[[str], None] = print, batch: int = 0,
) -> dict[str, Any] | None:
    """Paint and measure; None from a process that does not put the parts together: with `part`, and from all but the
    first that `accelerate launch` started. batch: pictures at once, 0 = by itself.
    """
    data = Validation(data_folder, options)
    share = join_processes()
    if part and share.count > 1:
        raise ColorizeError(f"--part: found {part[0]}/{part[1]} in one of {share.count} processes, which share the "
                            "work by themselves; leave it out")
    say = say if share.first else _nothing
    say(str(data.catalog.report))
    painter = open_painter(checkpoint, reference_encoder, share.device or device, dtype)
    painter.at_once = batch
    by = None if part else instruments(
        network_names, inception, reference_encoder or checkpoint, clip, str(painter.device))
    _same_run(checkpoint, data, options, out, str(painter.dtype))
    mine = part or (share.index, share.count)
    paint_all(painter, data, options, out, mine, say)
    if by is None:
        return None
    numbers = measure_cases(data.cases[share.index::share.count], data, options, out, by)
    if not share.first:
        hand_over(numbers, share, out)
        return None
    measured = measure_all(put_together(numbers, share, out), options, by)
    made_by = {"name": checkpoint.name, "sha256": file_sha256(checkpoint)}
    return {"model": model or checkpoint.stem, "checkpoint": made_by, "data": data.catalog.digest(),
            "pictures": len(data.cases), "seed": options.seed,
            "settings": options.plain(), "features": {n.name: n.source for n in by.networks},
            "similarity_network": by.similarity.source, "notes": notes(len(data.cases), measured), **measured}


def _nothing(message: str) -> None:
    """What a process says that is not the first."""


def _same_run(checkpoint: Path, data: Validation, options: EvaluateOptions, out: Path, dtype: str) -> None:
    """ColorizeError when the folder holds pictures of another run."""
    made_from = {"checkpoint": file_sha256(checkpoint), "data": data.catalog.digest(), "dtype": dtype,
                 "options": options.plain()}
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    path = out / "run.json"
    if path.exists() and json.loads(path.read_bytes())["digest"] != digest:
        raise ColorizeError(f"{out}: holds pictures of another checkpoint, data or settings; name another folder")
    write_whole(path, json.dumps({"digest": digest, **made_from}, indent=1), parents=True)


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    command.add_argument("--checkpoint", type=Path, required=True)
    command.add_argument("--data", type=Path, required=True, help="folder with color/ and sketch/")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--features", nargs="+", choices=NETWORKS, default=["inception", "clean"],
                         help="default: inception clean, both with --inception's weights")
    command.add_argument("--inception", type=Path, help="pt_inception-2015-12-05-6726825d.pth of pytorch-fid")
    command.add_argument("--reference-encoder", type=Path, help="OpenCLIP ViT-H-14's vision tower, for released files")
    command.add_argument("--clip", type=Path, help="another vision tower to measure similarity by")
    command.add_argument("--count", type=int, default=0, help="sketches, chosen at random; 0 = all")
    command.add_argument("--scales", type=float, nargs="+", default=EvaluateOptions.scales, help="GS; default: 3 5")
    command.add_argument("--schedulers", nargs="+", default=EvaluateOptions.schedulers, help="default: Uniform Karras")
    command.add_argument("--steps", type=int, default=EvaluateOptions.steps)
    command.add_argument("--sampler", default=EvaluateOptions.sampler)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--no-leak", action="store_true", help="half the work: no leak score")
    command.add_argument("--part", help="k/n: paint every n-th sketch from the k-th on, measure nothing")
    command.add_argument("--model", default="", help="the name in the table; default: the checkpoint's")
    command.add_argument("--with", type=Path, nargs="*", default=[], dest="others", metavar="evaluation.json",
                         help="other models to put into the table")
    command.add_argument("--device", help="default: cuda if there is one")
    command.add_argument("--dtype", help="default: float16 on cuda, float32 elsewhere")
    command.add_argument("--batch", type=int, default=0, metavar="N",
                         help="pictures painted at once; default: as many as a GPU takes well, one on a CPU")
    return command


def parse_part(text: str | None) -> tuple[int, int] | None:
    """"2/8" -> (2, 8)."""
    if text is None:
        return None
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and int(k) < int(n)):
        raise ColorizeError(f"part: found {text!r}, expected k/n with k from 0 to n - 1, such as 0/8")
    return int(k), int(n)


def read_evaluation(path: Path) -> dict[str, Any]:
    """Another model's evaluation.json; ColorizeError for a file that is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        evaluations_markdown([found])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ColorizeError(f"--with: {path} is no evaluation.json; expected one of training.evaluate") from None
    return dict(found)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    try:
        options = EvaluateOptions(tuple(args.scales), tuple(args.schedulers), args.steps, args.sampler, args.count,
                                  args.seed, not args.no_leak)
        others = [read_evaluation(path) for path in args.others]
        found = evaluate(
            args.checkpoint, args.data, args.out, options, network_names=args.features, inception=args.inception,
            reference_encoder=args.reference_encoder, clip=args.clip, device=args.device, dtype=args.dtype,
            part=parse_part(args.part), model=args.model, batch=args.batch)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    if found is None:
        return
    write_whole(args.out / "evaluation.json", json.dumps(found, indent=1), parents=True)
    write_whole(args.out / "evaluation.md", evaluations_markdown([*others, found]), parents=True)
    print(evaluations_markdown([*others, found]))
