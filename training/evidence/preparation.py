"""What all rows of an experiment, and all finished models, are measured by: pictures, questions, feature network."""

from __future__ import annotations

from typing import Any

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.errors import ColorizeError
from training.evidence import benchmark, features, rows
from training.evidence.feature_net import FeatureRecipe
from training.evidence.plan import Experiment, claim_experiment
from training.evidence.questions import open_benchmark
from training.evidence.scoring import Scorer
from training.small import build_data
from training.small.svg_sources import AVATARS


def prepare(plan: Experiment) -> Scorer:
    """Benchmark, training pictures, feature network: each made unless it is there."""
    if not 1 <= plan.avatars <= AVATARS:
        raise ColorizeError(f"--avatars: found {plan.avatars}, expected 1 to {AVATARS}: the benchmark leaves out those")
    for name in plan.rows:
        rows.recipe_for(name, plan.images, plan.base())  # a bad setting is refused before hours of work
    claim_experiment(plan)
    if not (plan.out / "benchmark" / "benchmark.json").exists():
        benchmark.build_benchmark(plan.out / "benchmark", plan.packages, plan.pairs, plan.size, 0, plan.questions)
    if not (plan.out / "train" / "index.jsonl").exists():
        size = plan.base().data.resolution  # whatever the benchmark's: so features are the same ones at every size
        build_data.build_samples(plan.out / "train", plan.packages, size, plan.variants, plan.avatars)
    network = plan.out / "features.safetensors"
    if not network.exists():
        features.train_features(plan.out / "train", network, FeatureRecipe(), plan.packages)
    return Scorer(open_benchmark(plan.out / "benchmark"), features.load_features(network), plan.steps)


def heading(plan: Experiment, scorer: Scorer) -> dict[str, Any]:
    """What a reader of the numbers must know."""
    warm = file_sha256(plan.warm)[:16] if plan.warm.exists() else "none"  # no row was trained yet
    return {"images": plan.images, "steps": plan.steps, "pairs": len(scorer.benchmark.pairs),
            "benchmark": scorer.benchmark.digest[:16], "features": scorer.features.source,
            "train": file_sha256(plan.out / "train" / "index.jsonl")[:16], "warm": warm}
