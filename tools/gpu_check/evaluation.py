"""Pictures a second while a checkpoint of the released size is evaluated: 512 px, GS 5, 20 steps, to PIL."""

from __future__ import annotations

from lib_colorize.cli.random_networks import random_engine, random_reference_encoder
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import example_pairs, turned
from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.timing import seconds
from training.metrics.paint_jobs import PaintJob
from training.metrics.painter import EnginePainter

RATE = Goal(7, at_most=False)  # pictures/s


def run(notebook: Notebook) -> None:
    sizes, device, half = notebook.sizes, notebook.device, notebook.half
    tower = random_reference_encoder(sizes.vision, half, device)
    painter = EnginePainter(random_engine(sizes.networks, lambda: tower, half, device), tower)
    settings = Settings(reference_guidance=5.0, steps=sizes.steps, width=sizes.pixels[0], height=sizes.pixels[0])
    batch = painter.fitting(painter.prepare(jobs_for(settings, 1)[0]))
    jobs = jobs_for(settings, 1 if notebook.tiny else 2 * batch)
    painter.paint_many(jobs[:batch])
    taken = seconds(lambda: painter.paint_many(jobs), device)
    what = f"{len(jobs)} pictures of {sizes.pixels[0]} px, {batch} at once, {sizes.steps} steps"
    notebook.number(what, len(jobs) / taken, "pictures/s", RATE)


def jobs_for(settings: Settings, count: int) -> list[PaintJob]:
    """As many sketches by as many references."""
    pairs = example_pairs(6)
    return [PaintJob(pairs[i % len(pairs)][0], turned(pairs[i % len(pairs)][1], i), settings.with_(seed=i))
            for i in range(count)]
