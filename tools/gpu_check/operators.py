"""How many operators a step dispatches, without a card: each is a launch of at least one kernel on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lib_colorize.cli.bench_rounds import TEXT_TOKENS
from lib_colorize.cli.random_networks import no_tower, random_engine
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.sizes import operator_network

PIXELS, SCALE = 64, 5.0
JOBS = {  # name -> settings: rows of a call
    "guided": Settings(reference_guidance=SCALE),
    "one_row": Settings(reference_guidance=1.0),
    "three_rows": Settings(reference_guidance=SCALE, sketch_guidance=2.0),
}
VIEWS = (torch.ops.aten._unsafe_view.default,)  # by its schema no view, and launches nothing
NO_VIEWS = (torch.ops.aten.lift_fresh.default,)  # a tensor made of numbers: on a card, a copy to it


class OperatorCount(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch says no types
    """Counts what is dispatched inside, views left out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += int(func in NO_VIEWS or not (func.is_view or func in VIEWS))
        return func(*args, **(kwargs or {}))


def operators_of(action: Callable[[], object]) -> int:
    """Of one call, of the kind that a sampler makes again and again: what is kept was made by a call before."""
    with torch.no_grad():
        action()
        counter = OperatorCount()
        with counter:
            action()
    return counter.count


def tiny_engine() -> Engine:
    """In a half type, and so on the path that a GPU takes: channels_last, times known beforehand, no autocast."""
    return random_engine(operator_network(), no_tower, torch.bfloat16)


def count_operators() -> dict[str, int]:
    """Of a plain step of two rows over text tokens (a call of the U-Net and its guidance), and of ours with two rows,
    one and three (guided and denoised, as the sampler asks for it)."""
    engine = tiny_engine()
    generator = torch.Generator().manual_seed(1)
    side, width = PIXELS // engine.vae.factor, engine.unet.config.context_dim
    x = torch.randn((1, 4, side, side), generator=generator)
    text = torch.randn((2, TEXT_TOKENS, width), generator=generator).to(engine.dtype)
    tokens = torch.randn((1, 257, width), generator=generator)
    sketch = torch.randn((1, 3, PIXELS, PIXELS), generator=generator)

    def plain() -> object:
        t = torch.tensor([600.0, 600.0])
        full, without = engine.unet(x.repeat(2, 1, 1, 1), t, text).chunk(2)
        return without + SCALE * (full - without)

    return {"plain": operators_of(plain),
            **{name: operators_of_ours(engine, x, sketch, tokens, settings) for name, settings in JOBS.items()}}


def operators_of_ours(engine: Engine, x: Tensor, sketch: Tensor, tokens: Tensor, settings: Settings) -> int:
    """A step as the sampler asks for it."""
    sigma = torch.tensor([5.0])
    with engine.denoiser(engine.condition(sketch, tokens, settings), settings) as denoise:
        return operators_of(lambda: denoise(x, sigma))
