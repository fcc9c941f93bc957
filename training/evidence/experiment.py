"""The experiment: train every row, measure its checkpoints, write the table and the plots.

    python -m training.evidence.experiment --out runs/evidence [--images 40768] [--rows proposed drop-0.5] [--seeds 0 1]
    python -m training.evidence.experiment --out runs/evidence --plan

One command from the npm packages to OUT/report.md. It goes on where it was stopped, whatever stopped it, when it is
given again; with `--minutes 10` it stops by itself, with exit status 143. `--checkpoint FILE` measures finished
checkpoints and trains nothing; `--bounds` the best and the worst that there can be.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lib_colorize.console import take_any_text
from lib_colorize.engine.weights import named_device
from lib_colorize.errors import ColorizeError
from training.evidence import rows
from training.evidence.experiment_options import parser, plan_of
from training.evidence.finished_models import measure_bounds, measure_checkpoints
from training.evidence.plan import Experiment, describe_experiment
from training.evidence.preparation import heading, prepare
from training.evidence.report import write_report
from training.evidence.stored_results import keep, results
from training.evidence.table import RowResult
from training.evidence.time_limit import OutOfTime, TimeLimit
from training.small import warm_up
from training.small.fitting import Effort
from training.trainer.run import STOPPED


def train_to(plan: Experiment, name: str, seed: int, images: int, target: Path) -> None:
    """Train a row until so many images, from its last checkpoint if there is one, and export it to `target`."""
    from training.dataset.cache import Networks, build_cache
    from training.dataset.pairs import open_pairs
    from training.trainer import run as train
    from training.trainer.initial_weights import load_vae

    recipe = plan.recipe(name)
    pairs = open_pairs(plan.out / "train", recipe.data)
    vae = load_vae(recipe)
    build_cache(pairs, plan.out / "cache", Networks(vae and vae.to(named_device(None)), None))
    train.train_recipe(recipe, f"evidence {name}", pairs, images, seed, target.parent.parent, target)


def run_experiment(plan: Experiment, limit: TimeLimit | None = None) -> list[RowResult]:
    """Everything of the plan; the report is written anew after each checkpoint. OutOfTime when the limit is reached."""
    limit = limit or TimeLimit(None)
    scorer = prepare(plan)
    if not plan.warm.exists():
        warm_up.warm_up(plan.warm, Effort(), plan.packages, "pocket", plan.settings)
    for name, seed in plan.trainings():
        folder = plan.out / "runs" / f"{name}-s{seed}"
        for images in rows.points(plan.images):
            result = folder / "results" / f"{images:08d}.json"
            if result.exists():
                continue
            checkpoint = folder / "points" / f"{images:08d}.safetensors"
            limit.check()
            if not checkpoint.exists():
                train_to(plan, name, seed, images, checkpoint)
            found = scorer.score(checkpoint, folder / "pictures" / f"{images:08d}", images in plan.whole(name),
                                 pause=limit.check)
            keep(result, RowResult(name, seed, images, found))
            write_report(plan.out, results(plan.out), heading(plan, scorer))
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # all points of it are exported and measured
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser(__doc__).parse_args(arguments)
    limit = TimeLimit(args.minutes)
    try:
        plan = plan_of(args)
        if args.plan:
            print(describe_experiment(plan))
            return
        if args.checkpoint:
            measure_checkpoints(plan, args.checkpoint)
        if args.bounds:
            measure_bounds(plan)
        if not (args.checkpoint or args.bounds):
            with limit.running():
                run_experiment(plan, limit)
    except OutOfTime:
        print(f"stopped after {args.minutes:g} minutes; the same command goes on", file=sys.stderr)
        sys.exit(STOPPED)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(plan.out / "report.md")


if __name__ == "__main__":
    take_any_text()
    main()
