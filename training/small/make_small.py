"""The small model, from drawings to a checkpoint file, in one command. The same command again goes on.

    python -m training.make_small --out runs/small [--minutes 8] [--drawings FILE] [--start FILE]

All processors draw pairs while one process trains, on a GPU if there is one: U-Net, sketch encoder and reference
encoder first, then the auto-encoder's decoder. The learning rate ends when the time does. Writes OUT/small.safetensors,
OUT/run.json, OUT/log.jsonl and OUT/carry, which is all that another machine needs to go on (--session-minutes).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch

from lib_colorize.checkpoint.convert import DTYPES
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import ensure_folder, write_whole
from training.small.build_data import ABOUT
from training.small.carried import averaged, bring_back, read_carry
from training.small.drawing_file import NAME, read_drawings, write_drawings
from training.small.drawing_processes import DrawingProcesses, PieceShape
from training.small.grow_start import grow_start
from training.small.make_plan import MakePlan
from training.small.pair_choice import groups
from training.small.pair_window import PairWindow
from training.small.small_loop import SmallLoop
from training.small.svg_sources import HERE, PACKAGES
from training.small.trainee import Trainee
from training.trainer.dataclass_json import differing, to_plain
from training.trainer.export import model_card, split, write_all
from training.trainer.initial_weights import NONE
from training.trainer.recipe import Recipe
from training.trainer.recipes import FREE, recipe_of

PRESET, FINAL, RUN, START = "small-256", "small.safetensors", "run.json", "start.safetensors"
STOPPED = 143  # exit status, as of a process that SIGTERM ended
MORE = "Streamline emojis (CC BY 4.0), Big Heads by Robert Broersma (MIT) and DiceBear"
TRAINED_ON = replace(ABOUT, trained_on=ABOUT.trained_on.replace(" and DiceBear", f", {MORE}"))
FREE_HERE = (*FREE, "start")  # of a recipe: what a run that goes on may change; it begins as what it carries


def make_model(out: Path, drawings: Path, recipe: Recipe, plan: MakePlan, device: torch.device) -> Path | None:
    """Train, or go on, and write OUT/small.safetensors; None when the run stopped before its end (a checkpoint of what
    there is lies there then too).
    """
    began = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - began:.1f} s: {what}", flush=True)

    ensure_folder(out)
    bring_back(out / "carry")
    claim_small(out, recipe, plan)
    found = read_drawings(drawings)
    say(f"{len(found)} drawings read")
    shape = PieceShape(plan.piece, recipe.data.resolution, plan.slots(device), plan.seed)
    drawers = DrawingProcesses(groups(found), shape, plan.drawers(), first=_pieces_taken(out))
    say(f"{plan.drawers()} processes draw pieces of {plan.piece} pairs")
    try:
        trainee = Trainee(_grown(recipe, out), device, plan.seed, plan.compiled)
        where = read_carry(out / "carry", trainee)
        say(f"networks on {device}, {where.images} images seen")
        window = PairWindow(plan.pieces(device), shape, trainee.vae, device)
        loop = SmallLoop(trainee, window, drawers, plan, out, where, began - where.seconds)
        done = loop.run()
        say(f"{loop.where.images} images seen")
    finally:
        drawers.close()
    export_small(out / FINAL, trainee, recipe, plan, loop)
    return out / FINAL if done else None


def claim_small(out: Path, recipe: Recipe, plan: MakePlan) -> None:
    """Write OUT/run.json; ColorizeError when the run that OUT holds is another one."""
    plain = {"preset": PRESET, "seed": plan.seed, "plan": asdict(plan), "recipe": to_plain(recipe)}
    file = out / RUN
    if (out / "carry").exists() and file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        changes = differing(_kept(plain), _kept(stored))
        if changes:
            raise ColorizeError(f"{out}: holds a run with another configuration ({'; '.join(changes[:4])}); repeat its "
                                "settings, or name another --out")
    write_whole(file, json.dumps(plain, indent=1))


def _kept(plain: dict[str, Any]) -> dict[str, Any]:
    """Of run.json: what a run that goes on may not change."""
    recipe = {key: value for key, value in plain.get("recipe", {}).items() if key not in FREE_HERE}
    return {"preset": plain.get("preset"), "seed": plain.get("seed"), "recipe": recipe}


def _pieces_taken(out: Path) -> int:
    """By an earlier part of this run: its pairs are not drawn again."""
    where = out / "carry" / "where.json"
    return int(json.loads(where.read_text(encoding="utf-8"))["pieces"]) if where.exists() else 0


def _grown(recipe: Recipe, out: Path) -> Recipe:
    """The recipe with a start whose networks have its sizes, OUT/start.safetensors."""
    if recipe.start.checkpoint == NONE:
        return replace(recipe, start=replace(recipe.start, vae=NONE))
    start = Path(recipe.start.checkpoint)
    start = start if start.exists() else HERE.parent / start
    if not start.exists():
        raise ColorizeError(f"--start: {recipe.start.checkpoint}: no such file, expected a small model of this project")
    grow_start(start, recipe.networks, out / START)
    return replace(recipe, start=replace(recipe.start, checkpoint=str(out / START), vae=NONE))


def export_small(target: Path, trainee: Trainee, recipe: Recipe, plan: MakePlan, loop: SmallLoop) -> None:
    """The moving average in half precision, with what it says about itself."""
    where = loop.where
    description = {
        "preset": PRESET, "seed": plan.seed, "recipe": to_plain(recipe), "images": where.images, "ema": True,
        "pairs": where.pieces * plan.piece, "decoder_images": where.decoder_images,
        "minutes": round(where.seconds / 60, 2),
        "pictures": {"licence": TRAINED_ON.licence, "trained_on": TRAINED_ON.trained_on}}
    parts, extra = split(trainee.model, averaged(trainee), trainee.vae.state_dict())
    half = {name: {key: value.to(DTYPES[recipe.run.export]) for key, value in part.items()}
            for name, part in parts.items()}
    write_all(target, half, extra, model_card(recipe, description))


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, default=Path("runs/small"), metavar="OUT")
    p.add_argument("--drawings", type=Path, help=f"file of --prepare; without: OUT/{NAME}, made when it is not there")
    p.add_argument("--prepare", type=Path, metavar="FILE", help="write all drawings to FILE and stop (needs Node)")
    p.add_argument("--start", default="", metavar="FILE",
                   help="model to begin as; without: the shipped one; none: from nothing")
    p.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v",
                   help=f"change a value of the preset {PRESET}")
    p.add_argument("--compile", action="store_true", dest="compiled", help="torch.compile: a minute, then faster")
    for f in fields(MakePlan):
        if f.name != "compiled":
            p.add_argument(f"--{f.name.replace('_', '-')}", type=type(f.default), default=f.default,
                           help=f"{f.default:g} if not given")
    return p


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    try:
        if args.prepare:
            print(f"{write_drawings(args.prepare, args.packages)} drawings in {args.prepare}")
            return
        plan = MakePlan(**{f.name: getattr(args, f.name) for f in fields(MakePlan)})
        recipe = recipe_of(PRESET, [*([f"start.checkpoint={args.start}"] if args.start else []), *args.settings])
        drawings = args.drawings or args.out / NAME
        if not args.drawings and not drawings.exists():
            ensure_folder(args.out)
            write_drawings(drawings, args.packages)
        final = make_model(args.out, drawings, recipe, plan, torch.device(args.device))
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    if final is None:
        print(f"stopped before the end; the same command goes on ({args.out}/carry)", file=sys.stderr)
        sys.exit(STOPPED)
    print(final)
