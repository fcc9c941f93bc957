"""Steps of the released size, beside plain steps of the same network: float16, random weights.

Plain is Stable Diffusion's own step: the same U-Net as it stands, with the same weights, number format and layout, with
as many rows, over 77 text tokens, captured as a CUDA graph too. Ours: 256 tokens of a reference, hints of a sketch.
Both as a sampler asks for them: latents scaled, rows guided, denoised.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from lib_colorize.cli.bench_rounds import TEXT_TOKENS
from lib_colorize.cli.random_networks import no_tower, random_engine
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.step_graph import cuda_capture
from lib_colorize.method.schedule import Prediction, denoised
from lib_colorize.method.settings import Settings
from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.report import digits
from tools.gpu_check.timing import in_turns, median, median_ratio

SCALE, SIGMA = 5.0, 5.0
JOBS = {2: Settings(reference_guidance=SCALE), 1: Settings(reference_guidance=1.0),
        3: Settings(reference_guidance=SCALE, sketch_guidance=2.0)}  # rows of one picture -> settings
STEP = {512: Goal(10, aim=7), 1024: Goal(40, aim=28)}  # ms, two rows, one picture
RATIO = {512: Goal(0.95), 1024: Goal(0.97)}  # of the same over a plain step


def run(notebook: Notebook) -> None:
    """Two rows of one picture first: what has goals."""
    sizes = notebook.sizes
    engine = random_engine(sizes.networks, no_tower, notebook.half, notebook.device)
    unet = same_weights(engine.unet)  # what is attached to ours is not on it
    for pictures in sizes.pictures:
        for rows in JOBS:
            for pixels in sizes.pixels:
                name = f"{pixels} px, {rows} row(s), {pictures} picture(s)"
                notebook.attempt(
                    f"step, {name}", partial(compare_steps, notebook, engine, unet, name, pixels, rows, pictures))
                notebook.forget()


def same_weights(unet: nn.Module) -> nn.Module:
    """Another U-Net over the very same tensors."""
    return copy.deepcopy(unet, {id(tensor): tensor for tensor in (*unet.parameters(), *unet.buffers())})


def compare_steps(
    notebook: Notebook, engine: Engine, unet: nn.Module, name: str, pixels: int, rows: int, pictures: int,
) -> None:
    """Both steps in turns."""
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(engine.device)

    side, width = pixels // engine.vae.factor, engine.unet.config.context_dim
    x, sketch = random(pictures, 4, side, side), random(1, 3, pixels, pixels)
    tokens, text = random(1, 257, width), random(rows * pictures, TEXT_TOKENS, width)
    with ExitStack() as stack:
        steps = {"ours": our_step(stack, engine, x, sketch, tokens, JOBS[rows]),
                 "plain": plain_step(unet, x, text.to(engine.dtype), rows)}
        times = in_turns(steps, engine.device, notebook.sizes)
    ratio, milliseconds = median_ratio(times["ours"], times["plain"]), {k: 1000 * median(v) for k, v in times.items()}
    first = pictures == 1 and rows == 2
    problem = None if engine.running.graphs is None else engine.running.graphs.problem
    notebook.number(f"step, {name}", milliseconds["ours"], "ms", STEP.get(pixels) if first else None,
                    f"a plain step {digits(milliseconds['plain'])} ms: {ratio:.3f} times"
                    + (f"; NOT captured: {problem}" if problem else ""))
    if first and pixels in RATIO:
        notebook.number("the same over a plain step", ratio, "", RATIO[pixels])


def our_step(
    stack: ExitStack, engine: Engine, x: Tensor, sketch: Tensor, tokens: Tensor, settings: Settings,
) -> Callable[[], object]:
    """As the sampler asks for it, as long as the stack is open."""
    sigma = torch.tensor([SIGMA])
    denoise = stack.enter_context(engine.denoiser(engine.condition(sketch, tokens, settings), settings))
    return lambda: denoise(x, sigma)


@torch.no_grad()
def plain_step(unet: nn.Module, x: Tensor, text: Tensor, rows: int) -> Callable[[], object]:
    """Guidance of as many rows as ours; on a card captured as ours is, its input copied in and its output out."""
    t, sigma = torch.full((rows * len(x),), 600.0, device=x.device), torch.full((1,), SIGMA, device=x.device)

    @torch.no_grad()
    def step(x: Tensor) -> Tensor:
        scaled = x / (1 + sigma.view(-1, 1, 1, 1) ** 2).sqrt()
        full, *without = unet(scaled.repeat(rows, 1, 1, 1), t, text).chunk(rows)
        guided: Tensor = full
        for other in without:
            guided = other + SCALE * (guided - other)
        return denoised(x, guided, sigma, Prediction.EPS)

    if not x.is_cuda:
        return lambda: step(x)
    own = x.clone()
    step(own)  # kernels are chosen, and what is kept is made, before the capture
    torch.cuda.synchronize()
    output, replay = cuda_capture(lambda: step(own), None)

    def replayed() -> Tensor:
        own.copy_(x)
        replay()
        return output.clone()

    return replayed
