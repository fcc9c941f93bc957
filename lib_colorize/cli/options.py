"""The options of `colorize`, most of them made from the table of settings, and the settings that they give."""

from __future__ import annotations

import argparse
import enum
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from ..errors import ColorizeError
from ..method.finish_settings import ResultSize
from ..method.reading_settings import ReadingSettings
from ..method.setting_field import in_order
from ..method.settings import MAX_SEED, Settings
from .extra_options import add_extra_options
from .file_options import add_file_options

SIZE_FIELDS = ("width", "height")  # one option, --size
READING_FIELDS = ("polarity", "extractor")  # beside the reading settings
RANDOM = "random"  # for --seed


def add_setting_options(command: argparse.ArgumentParser) -> None:
    """All of them."""
    add_file_options(command)
    add_extra_options(command)
    add_options_of(command, fields(Settings), with_size=True)


def add_reading_options(command: argparse.ArgumentParser, *more: str) -> None:
    """Those that say how a sketch is read, and `more` of the settings."""
    read = (*READING_FIELDS, *(item.name for item in fields(ReadingSettings)), *more)
    add_options_of(command, [item for item in fields(Settings) if item.name in read], with_size=True)


def add_options_of(command: argparse.ArgumentParser, items: Iterable[Field[Any]], with_size: bool = False) -> None:
    """The options of these settings."""
    group = command.add_argument_group("settings")
    if with_size:
        group.add_argument("--size", metavar="WxH", help="pixels, or \"sketch\" for the sketch's own size; default: "
                                                         "the sketch's shape at the model's own size")
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

    choices = {item.name: tuple(str(each.value) for each in type(item.default)) for item in fields(Settings)
               if isinstance(item.default, enum.Enum)}
    return {"sampler": tuple(SAMPLERS), "scheduler": SCHEDULERS, "extractor": ("none", "lineart", "paper"), **choices}


def _help(item: Any, names: Sequence[str]) -> str:
    about, low, high = item.metadata["help"], item.metadata["low"], item.metadata["high"]
    about += f", {RANDOM} = drawn, and told" if item.name == "seed" else ""
    default = getattr(item.default, "value", item.default)
    scope = f"{low:g} to {high:g}" if low is not None else ", ".join(names)
    if isinstance(default, bool):
        scope, default = "true, false", str(default).lower()
    told = f"default: {default if default not in ((), '') else 'none'}"
    return "; ".join(filter(None, (about, scope, told))).replace("%", "%%")


def given_settings(args: argparse.Namespace) -> dict[str, str]:
    """The settings that were typed, as typed."""
    return {f.name: getattr(args, f.name) for f in fields(Settings) if getattr(args, f.name, None) is not None}


def seed_is_drawn(args: argparse.Namespace) -> bool:
    """Whether a random seed was asked for, in any case of letters."""
    return str(getattr(args, "seed", None)).strip().lower() == RANDOM


def _sides(size: str, given: Mapping[str, Any]) -> dict[str, str]:
    """What --size says; given: the other settings."""
    if size.strip().lower() == ResultSize.SKETCH.value:
        other = given.get("result_size", size).strip().lower()
        if other not in (ResultSize.SKETCH.value, ResultSize.AUTO.value):
            raise ColorizeError(f"--size {size} and --result-size {other}: expected one of them; leave one out")
        return {"result_size": ResultSize.SKETCH.value}
    sides = size.lower().split("x")
    if len(sides) != 2:
        raise ColorizeError(f"size: found {size!r}, expected WIDTHxHEIGHT in pixels such as 512x768, or sketch")
    return dict(zip(SIZE_FIELDS, sides))


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the options given; ColorizeError names the one that is out of range."""
    given: dict[str, Any] = dict(given_settings(args))
    if getattr(args, "size", None) is not None:
        given |= _sides(args.size, given)
    if seed_is_drawn(args):
        given["seed"] = secrets.randbelow(MAX_SEED + 1)
    settings = Settings(**given)
    from ..engine.samplers import find_sampler, find_scheduler
    from ..pictures.lineart import extractor

    find_sampler(settings.sampler)
    find_scheduler(settings.scheduler)
    extractor(settings.extractor)
    return settings
