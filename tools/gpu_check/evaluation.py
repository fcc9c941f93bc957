"""Pictures a second while a checkpoint of the released size is evaluated: 512 px, GS 5, 20 steps, to PIL."""

from __future__ import annotations

from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import example_pairs, turned
from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.random_networks import encoder_on, engine_on
from tools.gpu_check.timing import seconds

RATE = Goal(7, at_most=False)  # pictures/s


def run(notebook: Notebook) -> None:
    sizes, device, half = notebook.sizes, notebook.device, notebook.half
    tower = encoder_on(sizes.vision, device, half)
    engine = engine_on(sizes.networks, lambda: tower, device, half)
    settings = Settings(reference_guidance=5.0, steps=sizes.steps, width=sizes.pixels[0], height=sizes.pixels[0])
    count = 1 if notebook.tiny else 8
    one_after_the_other(engine, settings, 1)
    taken = seconds(lambda: one_after_the_other(engine, settings, count), device)
    notebook.number(f"{count} pictures of {sizes.pixels[0]} px, {sizes.steps} steps", count / taken, "pictures/s", RATE)


def one_after_the_other(engine: Engine, settings: Settings, count: int) -> None:
    """As many sketches by as many references."""
    pairs = example_pairs(6)
    for i in range(count):
        sketch, reference = pairs[i % len(pairs)]
        engine.colorize(sketch, turned(reference, i), settings)
