"""Memory of each phase of a picture, released size in half precision: what a card of 8 GB has to hold.

Without what CUDA itself takes, about half a gigabyte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from lib_colorize.cli.random_networks import random_engine, random_reference_encoder
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import example_pairs, turned
from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.timing import peak

WHOLE = {1024: Goal(3.5), 2048: Goal(8)}  # GB, a whole picture


def run(notebook: Notebook) -> None:
    """Loading, the reference, then sampling, decoding and a whole picture at each size."""
    engines: list[Engine] = []
    sizes, device, half = notebook.sizes, notebook.device, notebook.half
    measure_peak(notebook, "networks loaded", lambda: engines.append(
        random_engine(sizes.networks, lambda: random_reference_encoder(sizes.vision, half, device), half, device)))
    if not engines:
        return
    engine = engines[0]
    (sketch, reference), = example_pairs(1)
    measure_peak(notebook, "a reference (ViT-H comes and goes)", lambda: engine.tokens(reference))
    for pixels in sizes.decoded:
        measure_peak(notebook, f"sampling, {pixels} px, 2 rows", partial(sample_one, engine, pixels))
        measure_peak(notebook, f"decoding, {pixels} px", partial(decode_one, engine, pixels))
    for pixels in sizes.decoded:
        settings = Settings(steps=3, width=pixels, height=pixels)
        measure_peak(notebook, f"in all, a picture of {pixels} px and a new reference",
                partial(engine.colorize, sketch, turned(reference, pixels // 64), settings), WHOLE.get(pixels))


def measure_peak(notebook: Notebook, what: str, action: Callable[[], object], goal: Goal | None = None) -> None:
    """The phase's peak, networks that stay among it."""
    def found() -> None:
        tensors, held = peak(action, notebook.device)
        notebook.number(what, tensors, "GB", goal, f"torch held {held:.2f} GB of the card" if notebook.on_gpu else "")

    notebook.attempt(what, found)
    notebook.forget()


@torch.no_grad()
def sample_one(engine: Engine, pixels: int) -> None:
    """Three steps: as it is, captured, replayed."""
    settings = Settings(steps=3)
    side, width = pixels // engine.vae.factor, engine.unet.config.context_dim
    drawing = torch.full((1, 3, pixels, pixels), -1.0)
    tokens = torch.randn((1, 257, width), generator=torch.Generator().manual_seed(1)).to(engine.device)
    with engine.denoiser(engine.condition(drawing, tokens, settings), settings) as denoise:
        engine.sample_seed(denoise, settings, (1, 4, side, side))


def decode_one(engine: Engine, pixels: int) -> None:
    """One latent of unit variance."""
    side = pixels // engine.vae.factor
    latent = torch.randn((1, 4, side, side), generator=torch.Generator().manual_seed(1)).to(engine.device)
    engine.decode(latent)
