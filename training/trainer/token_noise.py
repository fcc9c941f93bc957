"""The plot of the reference tokens' noise against t: the paper's form and the released trainer's.

    python -m training.token_noise [--out docs/images/token-noise.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from training.trainer.objective import token_noise_step
from training.trainer.recipe_parts import TokenNoise

ROOT = Path(__file__).parents[2]
LABELS = {TokenNoise.PAPER: "paper (eq. 1): the image's own step", TokenNoise.RELEASED: "released code: from 0.9 T on, "
          "step T - 1 - t", TokenNoise.NONE: "refinement, and the ablations: none"}


def level(schedule: NoiseSchedule, kind: TokenNoise) -> Tensor:
    """[T], the share sqrt(1 - abar) of noise in the tokens at each t."""
    steps = len(schedule.alphas_cumprod)
    if kind is TokenNoise.NONE:
        return torch.zeros(steps)
    return (1 - schedule.alphas_cumprod[token_noise_step(torch.arange(steps), steps, kind)]).sqrt()


def plot_token_noise(path: Path) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    schedule = NoiseSchedule(alphas_cumprod())
    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    for kind, style in zip((TokenNoise.PAPER, TokenNoise.RELEASED, TokenNoise.NONE), ("-", "--", ":")):
        axes.plot(level(schedule, kind).numpy(), style, label=LABELS[kind])
    axes.set(xlabel="t (0: the picture, T - 1 = 999: pure noise)", ylabel=r"token noise $\sqrt{1-\bar\alpha}$",
             xlim=(0, 999), ylim=(-0.03, 1.05))
    axes.legend(loc="lower left", bbox_to_anchor=(0.28, 0.1), frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "token-noise.png")
    args = parser.parse_args()
    plot_token_noise(args.out)
    print(args.out)
