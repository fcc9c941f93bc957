"""The rows of the experiment: Table 1 of the paper at the small model's size, all with the same budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from lib_colorize.errors import ColorizeError
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Stage, TokenNoise, Tokens
from training.trainer.recipes import POCKET

SEVENTHS = 7  # the paper's epochs: five noisy and two of refinement, or seven of one kind
SHORT = 5  # sevenths at which Drop-0.5 and the noisy stage are looked at too, as in the paper
WINDOWS = 2  # sevenths in which all rows see windows of 64 px, which cost less than half
WINDOW = 64  # px
LEAST_SAVED, SAVED = 1_600, 28  # images between two checkpoints at least, checkpoints of a row at most: a GPU makes
LOGGED = 280  # 4,000 images a second, and a checkpoint takes as long as hundreds; so many lines of a log at most
LR = 5e-4  # constant, as the paper's: so every checkpoint is a point of one curve
PER_SECOND = {True: 38.0, False: 20.0}  # images on one core, windows and whole pictures: models/README.md
SECONDS_A_STEP = 0.055  # of sampling with guidance, on one core
SECONDS_BEFORE = 1_200  # pictures, warm-up and feature network, on one core


@dataclass(frozen=True)
class Row:
    """One training: `noisy` sevenths with token noise, then the others without."""

    title: str
    noisy: int
    drop_reference: float  # of the noise-free part
    drop_sketch: float = 0.0
    tokens: Tokens = Tokens.LOCAL
    main: bool = False  # trained with every seed; the others with the first alone
    short: bool = False  # measured whole after SHORT sevenths too

    def stages(self, images: int) -> tuple[Stage, ...]:
        """Cut where the window ends and where the noise does; images: of all of them, a multiple of 7 batches."""
        cuts = sorted({0, WINDOWS, self.noisy, SEVENTHS})
        return tuple(self._stage(a, b, images) for a, b in pairwise(cuts))

    def _stage(self, first: int, end: int, images: int) -> Stage:
        noisy, windows = first < self.noisy, first < WINDOWS
        return Stage(
            f"{'noisy' if noisy else 'plain'}{', windows' if windows else ''}",
            TokenNoise.PAPER if noisy else TokenNoise.NONE, 0.1 if noisy else self.drop_reference,
            0.0 if noisy else self.drop_sketch, images=(end - first) * images // SEVENTHS, lr=LR, final_lr=LR,
            window=WINDOW if windows else 0)


ROWS = {
    "drop-0.5": Row("Drop-0.5", 0, 0.5, main=True, short=True),
    "noisy-only": Row("noisy only", SEVENTHS, 0.1, main=True, short=True),
    "proposed": Row("proposed (noisy + refinement)", SHORT, 0.5, 0.1, main=True),
    "proj-0.1": Row("Proj-0.1", 0, 0.1, tokens=Tokens.PROJECTED),
    "cls-0.1": Row("CLS-0.1", 0, 0.1, tokens=Tokens.CLS),
}


def row_of(name: str) -> Row:
    if name not in ROWS:
        raise ColorizeError(f"--rows: found {name!r}, expected some of {', '.join(ROWS)}")
    return ROWS[name]


def recipe_for(name: str, images: int, base: Recipe = POCKET) -> Recipe:
    """The small model's recipe with the row's stages; ColorizeError unless `images` can be cut into seven parts."""
    batch = base.optimizer.batch_size
    unit = SEVENTHS * batch
    if images < unit or images % unit:
        raise ColorizeError(f"--images: found {images}, expected a multiple of {unit} (seven parts of whole batches of "
                            f"{batch}), such as {max(1, round(images / unit)) * unit}")
    row = row_of(name)
    run = replace(base.run, trackers=(), sample_every=0, save_every=max(LEAST_SAVED, images // SAVED), keep=1,
                  log_every=max(base.run.log_every, images // LOGGED), export="fp16")
    return replace(base, stages=row.stages(images), tokens=row.tokens, run=run,
                   card=replace(base.card, title=f"Evidence: {row.title}"))


def points(images: int) -> list[int]:
    """Images after which a checkpoint is measured."""
    return [k * images // SEVENTHS for k in range(1, SEVENTHS + 1)]


def seconds_to_train(images: int) -> float:
    """Of one row, on one core."""
    windows = images * WINDOWS / SEVENTHS
    return windows / PER_SECOND[True] + (images - windows) / PER_SECOND[False]
