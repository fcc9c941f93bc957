"""A whole picture: from two pictures in memory to one, networks loaded; released size and the shipped model."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from lib_colorize.cli.random_networks import random_engine, random_reference_encoder
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import SHIPPED, example_pairs, turned
from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.timing import in_turns, median, seconds

WHOLE, SMALL, EIGHT = Goal(0.35), Goal(0.15), Goal(0.4)  # seconds


def run(notebook: Notebook) -> None:
    notebook.attempt("the shipped model", lambda: shipped_model(notebook))
    notebook.forget()
    notebook.attempt("released size", lambda: released_size(notebook))


def shipped_model(notebook: Notebook) -> None:
    """One picture and a batch of eight, as a user asks for them."""
    engine = Engine.load(SHIPPED, device=str(notebook.device))
    (sketch, reference), = example_pairs(1)
    settings = Settings(steps=notebook.sizes.steps)
    for batch, goal in ((1, SMALL), (2 if notebook.tiny else 8, EIGHT)):
        asked = settings.with_(batch=batch)
        time_of(notebook, f"the shipped model, {settings.steps} steps, {batch} picture(s) at once", goal,
                engine.device, partial(engine.colorize, sketch, reference, asked))


def released_size(notebook: Notebook) -> None:
    """512 px, a new reference each time, so that its encoding is in it; random weights."""
    sizes = notebook.sizes
    tower = random_reference_encoder(sizes.vision, notebook.half, notebook.device)
    engine = random_engine(sizes.networks, lambda: tower, notebook.half, notebook.device)
    (sketch, reference), = example_pairs(1)
    number = itertools.count()

    def picture(settings: Settings) -> object:
        return engine.colorize(sketch, turned(reference, next(number)), settings)

    for pixels in dict.fromkeys((sizes.pixels[0], sizes.pixels[-1])):
        settings = Settings(steps=sizes.steps, width=pixels, height=pixels)
        time_of(notebook, f"released size, {pixels} px, {sizes.steps} steps, a new reference",
                WHOLE if pixels == 512 else None, engine.device, partial(picture, settings))


def time_of(
    notebook: Notebook, what: str, goal: Goal | None, device: torch.device, action: Callable[[], object],
) -> None:
    """The median of some, and what the very first took."""
    first = seconds(action, device)
    found = in_turns({what: action}, device, replace(notebook.sizes, warm_up=1))[what]
    notebook.number(what, median(found), "s", goal, f"the first {first:.2f} s")
