"""What the experiment can be told on the command line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.evidence import rows
from training.evidence.model_size import common_size
from training.evidence.plan import IMAGES, Experiment
from training.evidence.questions import QuestionSet
from training.small.svg_sources import AVATARS, PACKAGES, VARIANTS


def parser(description: str | None) -> argparse.ArgumentParser:
    """description: of the command."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, default=Path("runs/evidence"))
    p.add_argument("--images", type=int, default=IMAGES, help="training samples of every row")
    p.add_argument("--rows", nargs="+", default=[*rows.ROWS], metavar="ROW", help=f"of {', '.join(rows.ROWS)}")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="the first for all rows, others for the main")
    p.add_argument("--pairs", type=int, default=Experiment.pairs, help="of the benchmark, for each of its six parts")
    p.add_argument("--steps", type=int, default=Experiment.steps, help="of sampling")
    p.add_argument("--variants", type=int, default=VARIANTS, help="of each OpenMoji to train on")
    p.add_argument("--avatars", type=int, default=AVATARS, help="of each style to train on")
    p.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v", help="of every row's recipe")
    p.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    p.add_argument("--plan", action="store_true", help="print each row's budget and stop")
    p.add_argument("--checkpoint", type=Path, nargs="+", help="measure these, train nothing")
    p.add_argument("--bounds", action="store_true", help="measure results that no model made, train nothing")
    p.add_argument("--size", type=int, help="of the benchmark, px; default: of --checkpoint, else of the rows")
    p.add_argument("--hard", action="store_true", help="the harder set of questions in place of the standard one")
    p.add_argument("--minutes", type=float, help="stop then, to go on by the same command; default: no limit")
    return p


def plan_of(args: argparse.Namespace) -> Experiment:
    """What was asked for; a folder that holds an experiment keeps to its size."""
    size: int | None = args.size
    if size is None and (args.out / "plan.json").exists():
        size = json.loads((args.out / "plan.json").read_bytes()).get("size")
    elif size is None and args.checkpoint:
        size = common_size(args.checkpoint)
    return Experiment(args.out, args.images, tuple(args.rows), tuple(args.seeds), args.pairs, args.steps, args.variants,
                      args.avatars, tuple(args.settings), args.packages, size,
                      QuestionSet.HARD if args.hard else QuestionSet.STANDARD)
