"""What the experiment makes and in which order, what it costs, and that a folder holds one experiment and no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.evidence import rows
from training.evidence.questions import QuestionSet
from training.evidence.scoring import OWN, SOME, Scorer
from training.small.svg_sources import AVATARS, PACKAGES, VARIANTS
from training.trainer.dataclass_json import differing, with_settings
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Encoder
from training.trainer.recipes import FREE, POCKET

IMAGES = 40_768  # the small model's 40,800 as a multiple of 7 x 16


@dataclass(frozen=True)
class Experiment:
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
    asked_size: int | None = None  # of the benchmark, px; None = the rows' own
    questions: QuestionSet = QuestionSet.STANDARD

    @property
    def size(self) -> int:
        """Pixels of the benchmark's pictures; those that rows are trained on have the networks' own size."""
        return self.base().data.resolution if self.asked_size is None else self.asked_size

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


def claim_experiment(plan: Experiment) -> None:
    """ColorizeError when the folder holds an experiment with other numbers. Rows and seeds may be added."""
    path = plan.out / "plan.json"
    made_from = {"images": plan.images, "pairs": plan.pairs, "steps": plan.steps, "variants": plan.variants,
                 "avatars": plan.avatars, "settings": _deciding(plan.settings), "size": plan.size,
                 "questions": plan.questions.value}
    if path.exists():
        older = {"size": plan.base().data.resolution, "questions": QuestionSet.STANDARD.value}  # before one could ask
        stored = older | json.loads(path.read_bytes())
        changes = differing(made_from, stored | {"settings": _deciding(stored["settings"])})
        if changes:
            raise ColorizeError(f"{plan.out}: holds an experiment with other settings ({'; '.join(changes)}); repeat "
                                "them, or name another --out")
    write_whole(path, json.dumps(made_from, indent=1), parents=True)


def _deciding(settings: Sequence[str]) -> list[str]:
    """Without those that a resumed run may change too: how many processes read, in which precision is computed."""
    return [setting for setting in settings if setting.partition(".")[0].strip() not in FREE]


def describe_experiment(plan: Experiment) -> str:
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
