"""Jobs for live hosts: the same sketch, reference and settings as an API call and in the standalone engine."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.picture_files import open_image
from tests.webui.data_folder import ROOT
from tests.webui.host import Host
from tests.webui.reply import Reply, encode

TITLE = "ColorizeDiffusion"
SMALL = "colorize-small"  # the shipped checkpoint, which the extension puts on the host's list
HOST_FIELDS = {  # a setting of the core -> the host's own field
    "steps": "steps", "sampler": "sampler_name", "scheduler": "scheduler", "seed": "seed", "width": "width",
    "height": "height", "batch": "batch_size",
}
SIZE = 64  # pixels, of most jobs here
QUICK = Settings(steps=2, sampler="Euler", scheduler="Automatic", width=SIZE, height=SIZE, seed=7)


@functools.cache
def sketch(width: int = SIZE, height: int = SIZE, name: str = "cow") -> Image.Image:
    """Dark lines on white."""
    drawing = open_image(ROOT / "examples" / "sketches" / f"{name}.png").convert("RGB")
    return drawing.resize((width, height), Image.Resampling.BOX)


@functools.cache
def reference(name: str = "phoenix") -> Image.Image:
    return open_image(ROOT / "examples" / "references" / f"{name}.png").convert("RGB").resize((160, 160))


@functools.cache
def mask(width: int = SIZE, height: int = SIZE) -> Image.Image:
    """White where the picture is painted anew: the lower right quarter or so."""
    picture = Image.new("L", (width, height), 0)
    ImageDraw.Draw(picture).rectangle((width // 2, height // 2, width - 5, height - 5), fill=255)
    return picture


def script(arguments: Any) -> dict[str, Any]:
    """The request's field for our script; arguments: one dictionary, or an ordered list."""
    return {"alwayson_scripts": {TITLE: {"args": arguments if isinstance(arguments, list) else [arguments]}}}


def host_fields(settings: Settings) -> dict[str, Any]:
    """The settings that the host itself asks for."""
    return {"prompt": "", **{theirs: getattr(settings, ours) for ours, theirs in HOST_FIELDS.items()}}


def own_arguments(settings: Settings) -> dict[str, Any]:
    """The settings that the extension asks for, those that differ from the default."""
    usual, every = Settings(), vars(settings)
    found = {name: value for name, value in every.items() if name not in HOST_FIELDS and value != getattr(usual, name)}
    return {name: getattr(value, "value", list(value) if isinstance(value, tuple) else value)
            for name, value in found.items()}


def body(
    settings: Settings = QUICK, drawing: Image.Image | None = None, colours: Image.Image | None = None,
    arguments: Mapping[str, Any] | None = None, model: str = SMALL, tab: str = "img2img",
    unit: Mapping[str, Any] | None = None, **fields: Any,
) -> dict[str, Any]:
    """The JSON of a coloured job; in txt2img the sketch is the extension's own. unit: of ControlNet beside it."""
    drawing = sketch(settings.width, settings.height) if drawing is None else drawing
    colours = reference() if colours is None else colours
    mine = {"reference": encode(colours), **own_arguments(settings), **(arguments or {})}
    request = {**host_fields(settings), "override_settings": {"sd_model_checkpoint": model},
               "override_settings_restore_afterwards": False}
    if tab == "img2img":
        request |= {"init_images": [encode(drawing)], "denoising_strength": 0.75}
    else:
        mine.setdefault("sketch", encode(drawing))
    scripts = script(mine)
    if unit is not None:
        scripts["alwayson_scripts"]["ControlNet"] = {"args": [unit]}
    return {**request, **scripts, **fields}


def colour(host: Host, settings: Settings = QUICK, tab: str = "img2img", **rest: Any) -> Reply:
    """Run a coloured job."""
    return host.post(f"/sdapi/v1/{tab}", body(settings, tab=tab, **rest))


def plain(host: Host, model: str | None = None, tab: str = "txt2img", **fields: Any) -> Reply:
    """A job without us, `enabled` off where the extension is there at all; model: None = as loaded."""
    request: dict[str, Any] = {"prompt": "a cat", "seed": 3, "steps": 2, "width": SIZE, "height": SIZE,
                               "sampler_name": "Euler", "scheduler": "Automatic", **fields}
    if model is not None:
        request |= {"override_settings": {"sd_model_checkpoint": model}, "override_settings_restore_afterwards": False}
    return host.post(f"/sdapi/v1/{tab}", request)


@functools.cache
def engine(file: Path = DEFAULT_CHECKPOINT) -> Engine:
    """The checkpoint in the standalone engine."""
    return Engine.load(file, device="cpu")


def standalone(settings: Settings = QUICK, file: Path = DEFAULT_CHECKPOINT) -> list[Image.Image]:
    """The engine's pictures for the same job."""
    drawing = sketch(settings.width, settings.height)
    return [result.image for result in engine(file).colorize(drawing, reference(), settings)]
