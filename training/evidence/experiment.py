"""The experiment: train every row, measure its checkpoints, write the table and the plots.

    python -m training.evidence.experiment --out runs/evidence [--images 40768] [--rows proposed drop-0.5] [--seeds 0 1]
    python -m training.evidence.experiment --out runs/evidence --plan

One command from the npm packages to OUT/report.md. It goes on where it was stopped, whatever stopped it, when it is
given again. `--checkpoint FILE` measures finished checkpoints too and trains nothing; `--bounds` the best and the worst
that there can be.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from training.evidence import benchmark, bounds, features, rows
from training.evidence.experiment_options import parser
from training.evidence.feature_net import FeatureRecipe
from training.evidence.plan import Experiment, claim_experiment, describe_experiment
from training.evidence.questions import open_benchmark
from training.evidence.report import write_report
from training.evidence.scoring import Scorer
from training.evidence.stored_results import keep, results
from training.evidence.table import RowResult
from training.small import build_data, warm_up
from training.small.fitting import Effort
from training.small.svg_sources import AVATARS


def prepare(plan: Experiment) -> Scorer:
    """Benchmark, training pictures, feature network: each made unless it is there."""
    if not 1 <= plan.avatars <= AVATARS:
        raise ColorizeError(f"--avatars: found {plan.avatars}, expected 1 to {AVATARS}: the benchmark leaves out those")
    for name in plan.rows:
        rows.recipe_for(name, plan.images, plan.base())  # a bad setting is refused before hours of work
    claim_experiment(plan)
    if not (plan.out / "benchmark" / "benchmark.json").exists():
        benchmark.build_benchmark(plan.out / "benchmark", plan.packages, plan.pairs, plan.size, seed=0)
    if not (plan.out / "train" / "index.jsonl").exists():
        build_data.build_samples(plan.out / "train", plan.packages, plan.size, plan.variants, plan.avatars)
    network = plan.out / "features.safetensors"
    if not network.exists():
        features.train_features(plan.out / "train", network, FeatureRecipe(), plan.packages)
    return Scorer(open_benchmark(plan.out / "benchmark"), features.load_features(network), plan.steps)


def train_to(plan: Experiment, name: str, seed: int, images: int, target: Path) -> None:
    """Train a row until so many images, from its last checkpoint if there is one, and export it to `target`."""
    from training.dataset.cache import Networks, build_cache
    from training.dataset.pairs import open_pairs
    from training.trainer import run as train
    from training.trainer.initial_weights import load_vae

    recipe = plan.recipe(name)
    pairs = open_pairs(plan.out / "train", recipe.data)
    build_cache(pairs, plan.out / "cache", Networks(load_vae(recipe), None))
    train.train_recipe(recipe, f"evidence {name}", pairs, images, seed, target.parent.parent, target)


def run_experiment(plan: Experiment) -> list[RowResult]:
    """Everything of the plan; the report is written anew after each checkpoint."""
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
            if not checkpoint.exists():
                train_to(plan, name, seed, images, checkpoint)
            found = scorer.score(checkpoint, folder / "pictures" / f"{images:08d}", images in plan.whole(name))
            keep(result, RowResult(name, seed, images, found))
            write_report(plan.out, results(plan.out), heading(plan, scorer))
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # all points of it are exported and measured
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def measure_checkpoints(plan: Experiment, checkpoints: Sequence[Path]) -> list[RowResult]:
    """Finished checkpoints, as rows named after their files, and the same pictures with the lines laid over them."""
    scorer = prepare(plan)
    for checkpoint in checkpoints:
        if not checkpoint.is_file():
            raise ColorizeError(f"--checkpoint: found no file {checkpoint}, expected a checkpoint of training.export")
        folder, laid = (plan.out / "models" / name for name in (checkpoint.stem, f"{checkpoint.stem}-lines"))
        found = scorer.score(checkpoint, folder / "pictures", True)
        keep(folder / "results" / "00000000.json", RowResult(checkpoint.stem, 0, 0, found))
        found = scorer.lay_lines(folder / "pictures", laid / "pictures")
        keep(laid / "results" / "00000000.json", RowResult(f"{checkpoint.stem}, lines laid over", 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def measure_bounds(plan: Experiment) -> list[RowResult]:
    """What no model can be better than, and what a worthless one has."""
    from training.trainer.initial_weights import load_vae

    scorer, vae = prepare(plan), load_vae(plan.base())
    assert vae is not None, "the small model's recipe names one"
    for name, make in bounds.bounds(vae.eval()).items():
        folder = plan.out / "models" / re.sub(r"\W+", "-", name)
        found = bounds.score(scorer, make, folder / "pictures")
        keep(folder / "results" / "00000000.json", RowResult(name, 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def heading(plan: Experiment, scorer: Scorer) -> dict[str, Any]:
    """What a reader of the numbers must know."""
    warm = file_sha256(plan.warm)[:16] if plan.warm.exists() else "none"  # no row was trained yet
    return {"images": plan.images, "steps": plan.steps, "pairs": len(scorer.benchmark.pairs),
            "benchmark": scorer.benchmark.digest[:16], "features": scorer.features.source,
            "train": file_sha256(plan.out / "train" / "index.jsonl")[:16], "warm": warm}


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser(__doc__).parse_args(arguments)
    plan = Experiment(args.out, args.images, tuple(args.rows), tuple(args.seeds), args.pairs, args.steps, args.variants,
                args.avatars, tuple(args.settings), args.packages)
    try:
        if args.plan:
            print(describe_experiment(plan))
            return
        if args.checkpoint:
            measure_checkpoints(plan, args.checkpoint)
        if args.bounds:
            measure_bounds(plan)
        if not (args.checkpoint or args.bounds):
            run_experiment(plan)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(plan.out / "report.md")


if __name__ == "__main__":
    take_any_text()
    main()
