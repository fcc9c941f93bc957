"""The options of `colorize`, most of them made from the table of settings, and the settings that they give."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import Field, fields
from typing import Any

from ..errors import ColorizeError
from ..method.reading_settings import ReadingSettings
from ..method.setting_field import in_order
from ..method.settings import Settings
from .loading import DEFAULT_CHECKPOINT

SIZE_FIELDS = ("width", "height")  # one option, --size
READING_FIELDS = ("polarity", "extractor")  # beside the reading settings


def add_setting_options(command: argparse.ArgumentParser) -> None:
    """All of them."""
    command.add_argument("inputs", nargs="*", metavar="SKETCH REFERENCE",
                         help="two picture files; SKETCH may be a folder, all files in it take the one reference")
    command.add_argument("-o", "--output", required=True, help="PNG to write; for a folder, an existing folder")
    command.add_argument("--from-png", metavar="FILE",
                         help="make a picture of this program again, bit for bit; name SKETCH REFERENCE if they moved")
    command.add_argument("--checkpoint", metavar="FILE", help=f"default: the shipped {DEFAULT_CHECKPOINT.name}")
    command.add_argument("--reference-encoder", metavar="FILE", help="CLIP vision tower, if not inside the checkpoint")
    command.add_argument("--prediction", choices=("eps", "v"), help="if the checkpoint does not say; default: probed")
    command.add_argument("--device", help="cpu, cuda, cuda:1, ...; default: cuda if there is one")
    command.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32; cuda: float16")
    command.add_argument("--one-by-one", action="store_true",
                         help="on a GPU, the pictures of a batch one after the other: bit for bit as made alone")
    command.add_argument("--force", action="store_true", help="write over other pictures of that name")
    command.add_argument("--quiet", action="store_true", help="no progress bar, only errors")
    group = command.add_argument_group("settings")
    _add(group, fields(Settings))


def add_reading_options(command: argparse.ArgumentParser) -> None:
    """Those that say how a sketch is read."""
    read = (*READING_FIELDS, *(item.name for item in fields(ReadingSettings)))
    _add(command.add_argument_group("settings"), [item for item in fields(Settings) if item.name in read])


def _add(group: argparse._ArgumentGroup, items: Iterable[Field[Any]]) -> None:
    group.add_argument("--size", metavar="WxH", help="pixels; default: the sketch's shape at the model's own size")
    names = known_names()
    for item in in_order(items):
        if item.name not in SIZE_FIELDS:
            group.add_argument(option_name(item.name), help=_help(item, names.get(item.name, ())),
                               metavar=type(item.default).__name__.upper() if item.name not in names else "NAME")


def option_name(name: str) -> str:
    """What is typed for a setting, or for another argument of that name."""
    return f"--{name.replace('_', '-')}"


def known_names() -> dict[str, Sequence[str]]:
    """Settings that are a name out of a table."""
    from ..engine.samplers import SAMPLERS, SCHEDULERS
    from ..method.settings import Polarity

    return {"sampler": tuple(SAMPLERS), "scheduler": SCHEDULERS, "polarity": tuple(p.value for p in Polarity),
            "extractor": ("none", "...")}


def _help(item: Any, names: Sequence[str]) -> str:
    about, low, high = item.metadata["help"], item.metadata["low"], item.metadata["high"]
    scope = f"{low:g} to {high:g}" if low is not None else ", ".join(names)
    default = getattr(item.default, "value", item.default)
    return f"{about}; {scope}; default: {default if default != () else 'none'}".replace("%", "%%")


def given_settings(args: argparse.Namespace) -> dict[str, str]:
    """The settings that were typed, as typed."""
    return {f.name: getattr(args, f.name) for f in fields(Settings) if getattr(args, f.name, None) is not None}


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the options given; ColorizeError names the one that is out of range."""
    given: dict[str, Any] = dict(given_settings(args))
    if args.size is not None:
        sides = args.size.lower().split("x")
        if len(sides) != 2:
            raise ColorizeError(f"size: found {args.size!r}, expected WIDTHxHEIGHT in pixels such as 512x768")
        given |= dict(zip(SIZE_FIELDS, sides))
    settings = Settings(**given)
    from ..engine.samplers import find_sampler, find_scheduler
    from ..pictures.lineart import extractor

    find_sampler(settings.sampler)
    find_scheduler(settings.scheduler)
    extractor(settings.extractor)
    return settings
