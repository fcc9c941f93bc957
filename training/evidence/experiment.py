"""The experiment: train every row, measure its checkpoints, write the table and the plots.

    python -m training.evidence.experiment --out runs/evidence [--images 40768] [--rows proposed drop-0.5] [--seeds 0 1]
    python -m training.evidence.experiment --out runs/evidence --plan

One command from the npm packages to OUT/report.md. It goes on where it was stopped, whatever stopped it, when it is
given again. `--checkpoint FILE` measures finished checkpoints too and trains nothing; `--bounds` the best and the worst
that there can be.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.evidence import benchmark, bounds, features, rows
from training.evidence.report import write_report
from training.evidence.scoring import OWN, SOME, Scorer
from training.evidence.table import Result
from training.small import build_data, warm_up
from training.small.build_data import AVATARS, PACKAGES, VARIANTS
from training.trainer.dataclass_json import differing, with_settings
from training.trainer.recipes import POCKET, Encoder, Recipe

IMAGES = 40_768  # the small model's 40,800 as a multiple of 7 x 16


@dataclass(frozen=True)
class Plan:
    """What is made; OUT/plan.json holds all of it that decides a number."""

    out: Path
    images: int = IMAGES
    rows: tuple[str, ...] = tuple(rows.ROWS)
    seeds: tuple[int, ...] = (0, 1)
    pairs: int = 32  # of the benchmark, for each kind and group
    steps: int = 20
    variants: int = VARIANTS  # of each OpenMoji that is trained on
    avatars: int = AVATARS  # of each style
    settings: tuple[str, ...] = ()  # --set of the recipe, for all rows alike
    packages: Path = PACKAGES

    @property
    def size(self) -> int:
        """Pixels of benchmark and training pictures: the networks' own."""
        return self.base().data.resolution

    def base(self) -> Recipe:
        return with_settings(POCKET, self.settings)

    def trainings(self) -> list[tuple[str, int]]:
        """(row, seed): all rows of the first seed, then the main rows of the others."""
        return [(name, seed) for i, seed in enumerate(self.seeds) for name in self.rows
                if i == 0 or rows.row_of(name).main]

    def whole(self, name: str) -> set[int]:
        """Images at which everything is measured; at the other points only the curves' numbers are."""
        found = rows.points(self.images)
        return {found[-1], found[rows.SHORT - 1]} if rows.row_of(name).short else {found[-1]}

    def recipe(self, name: str) -> Recipe:
        """Of a row; all begin with the same warmed-up encoders, and latents come from the cache that they share."""
        recipe = rows.recipe_for(name, self.images, self.base())
        return replace(recipe, reference_encoder=Encoder.FROZEN, run=replace(recipe.run, cache=str(self.out / "cache")),
                       start=replace(recipe.start, checkpoint=str(self.warm)))

    @property
    def warm(self) -> Path:
        """What every row begins with: encoders that know parts (training.warm_up), a U-Net that knows nothing."""
        return self.out / "warm.safetensors"


def prepare(plan: Plan) -> Scorer:
    """Benchmark, training pictures, feature network: each made unless it is there."""
    if not 1 <= plan.avatars <= AVATARS:
        raise ColorizeError(f"--avatars: found {plan.avatars}, expected 1 to {AVATARS}: the benchmark leaves out those")
    for name in plan.rows:
        rows.recipe_for(name, plan.images, plan.base())  # a bad setting is refused before hours of work
    _claim(plan)
    if not (plan.out / "benchmark" / "benchmark.json").exists():
        benchmark.build(plan.out / "benchmark", plan.packages, plan.pairs, plan.size, seed=0)
    if not (plan.out / "train" / "index.jsonl").exists():
        build_data.build(plan.out / "train", plan.packages, plan.size, plan.variants, plan.avatars)
    network = plan.out / "features.safetensors"
    if not network.exists():
        features.train(plan.out / "train", network, features.FeatureRecipe(), plan.packages)
    return Scorer(benchmark.open_benchmark(plan.out / "benchmark"), features.load(network), plan.steps)


def train_to(plan: Plan, name: str, seed: int, images: int, target: Path) -> None:
    """Train a row until so many images, from its last checkpoint if there is one, and export it to `target`."""
    from training.dataset.cache import Networks, build_cache
    from training.dataset.pairs import open_pairs
    from training.trainer import run as train
    from training.trainer.initial_weights import load_vae

    recipe = plan.recipe(name)
    pairs = open_pairs(plan.out / "train", recipe.data)
    build_cache(pairs, plan.out / "cache", Networks(load_vae(recipe), None))
    train.train_recipe(recipe, f"evidence {name}", pairs, images, seed, target.parent.parent, target)


def run(plan: Plan) -> list[Result]:
    """Everything of the plan; the report is written anew after each checkpoint."""
    scorer = prepare(plan)
    if not plan.warm.exists():
        warm_up.warm_up(plan.warm, warm_up.Plan(), plan.packages, "pocket", plan.settings)
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
            keep(result, Result(name, seed, images, found))
            write_report(plan.out, results(plan.out), heading(plan, scorer))
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # all points of it are exported and measured
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def measure(plan: Plan, checkpoints: Sequence[Path]) -> list[Result]:
    """Finished checkpoints, as rows named after their files, and the same pictures with the lines laid over them."""
    scorer = prepare(plan)
    for checkpoint in checkpoints:
        if not checkpoint.is_file():
            raise ColorizeError(f"--checkpoint: found no file {checkpoint}, expected a checkpoint of training.export")
        folder, laid = (plan.out / "models" / name for name in (checkpoint.stem, f"{checkpoint.stem}-lines"))
        found = scorer.score(checkpoint, folder / "pictures", True)
        keep(folder / "results" / "00000000.json", Result(checkpoint.stem, 0, 0, found))
        found = scorer.lay_lines(folder / "pictures", laid / "pictures")
        keep(laid / "results" / "00000000.json", Result(f"{checkpoint.stem}, lines laid over", 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def measure_bounds(plan: Plan) -> list[Result]:
    """What no model can be better than, and what a worthless one has."""
    from training.trainer.initial_weights import load_vae

    scorer, vae = prepare(plan), load_vae(plan.base())
    assert vae is not None, "the small model's recipe names one"
    for name, make in bounds.bounds(vae.eval()).items():
        folder = plan.out / "models" / re.sub(r"\W+", "-", name)
        found = bounds.score(scorer, make, folder / "pictures")
        keep(folder / "results" / "00000000.json", Result(name, 0, 0, found))
    return write_report(plan.out, results(plan.out), heading(plan, scorer))


def keep(path: Path, result: Result) -> None:
    write_whole(path, json.dumps(vars(result), indent=1), parents=True)


def results(out: Path) -> list[Result]:
    """All that were measured so far, in the order of the rows."""
    order = [*rows.ROWS]
    found = [Result(**json.loads(path.read_bytes()))
             for path in sorted((*out.glob("runs/*/results/*.json"), *out.glob("models/*/results/*.json")))]
    return sorted(found, key=lambda r: (order.index(r.row) if r.row in order else len(order), r.row, r.seed, r.images))


def heading(plan: Plan, scorer: Scorer) -> dict[str, Any]:
    """What a reader of the numbers must know."""
    warm = file_sha256(plan.warm)[:16] if plan.warm.exists() else "none"  # no row was trained yet
    return {"images": plan.images, "steps": plan.steps, "pairs": len(scorer.benchmark.pairs),
            "benchmark": scorer.benchmark.digest[:16], "features": scorer.features.source,
            "train": file_sha256(plan.out / "train" / "index.jsonl")[:16], "warm": warm}


def _claim(plan: Plan) -> None:
    """ColorizeError when the folder holds an experiment with other numbers. Rows and seeds may be added."""
    path = plan.out / "plan.json"
    made_from = {"images": plan.images, "pairs": plan.pairs, "steps": plan.steps, "variants": plan.variants,
                 "avatars": plan.avatars, "settings": list(plan.settings)}
    if path.exists():
        changes = differing(made_from, json.loads(path.read_bytes()))
        if changes:
            raise ColorizeError(f"{plan.out}: holds an experiment with other settings ({'; '.join(changes)}); repeat "
                                "them, or name another --out")
    write_whole(path, json.dumps(made_from, indent=1), parents=True)


def describe(plan: Plan) -> str:
    """Budget of each row and all of them together, from the rates of one core."""
    lines, total = [], float(rows.SECONDS_BEFORE)
    pairs = 6 * plan.pairs
    all_of_them = len(Scorer.scales) * round(pairs * (1.5 + 1 / OWN))  # every second is painted for the leak too
    some_of_them = round(pairs / SOME * 1.5)
    for name, seed in plan.trainings():
        recipe = plan.recipe(name)
        train = rows.seconds_to_train(plan.images)
        whole = len(plan.whole(name))
        paints = whole * all_of_them + (rows.SEVENTHS - whole) * some_of_them
        paint = paints * plan.steps * rows.SECONDS_A_STEP
        total += train + paint
        stages = ", ".join(f"{stage.images:,} {stage.name}" for stage in recipe.stages)
        lines.append(f"{name}, seed {seed}: {plan.images:,} images ({stages}), about {train / 3600:.1f} h; "
                     f"{paints:,} pictures to measure it, about {paint / 3600:.1f} h")
    shared = f"{rows.SECONDS_BEFORE // 60} min of them for what all rows share"
    return "\n".join([*lines, f"together about {total / 3600:.1f} h of one core, {shared}"])


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, default=Path("runs/evidence"))
    p.add_argument("--images", type=int, default=IMAGES, help="training samples of every row")
    p.add_argument("--rows", nargs="+", default=[*rows.ROWS], metavar="ROW", help=f"of {', '.join(rows.ROWS)}")
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="the first for all rows, others for the main")
    p.add_argument("--pairs", type=int, default=Plan.pairs, help="of the benchmark, for each of its six parts")
    p.add_argument("--steps", type=int, default=Plan.steps, help="of sampling")
    p.add_argument("--variants", type=int, default=VARIANTS, help="of each OpenMoji to train on")
    p.add_argument("--avatars", type=int, default=AVATARS, help="of each style to train on")
    p.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v", help="of every row's recipe")
    p.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    p.add_argument("--plan", action="store_true", help="print each row's budget and stop")
    p.add_argument("--checkpoint", type=Path, nargs="+", help="measure these, train nothing")
    p.add_argument("--bounds", action="store_true", help="measure results that no model made, train nothing")
    return p


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    plan = Plan(args.out, args.images, tuple(args.rows), tuple(args.seeds), args.pairs, args.steps, args.variants,
                args.avatars, tuple(args.settings), args.packages)
    try:
        if args.plan:
            print(describe(plan))
            return
        if args.checkpoint:
            measure(plan, args.checkpoint)
        if args.bounds:
            measure_bounds(plan)
        if not (args.checkpoint or args.bounds):
            run(plan)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(plan.out / "report.md")


if __name__ == "__main__":
    take_any_text()
    main()
