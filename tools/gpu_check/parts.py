"""What is checked, the most telling first: a budget of minutes is used up in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib_colorize.errors import ColorizeError


@dataclass(frozen=True)
class Part:
    """One part: a module with a function `run(notebook)`."""

    name: str
    title: str
    module: str
    seconds: float  # more than an H100 takes; after so long it is stopped


def _part(name: str, title: str, module: str, seconds: float) -> Part:
    return Part(name, title, f"tools.gpu_check.{module}", seconds)


PARTS = {part.name: part for part in (
    _part("colours", "the shipped model: pictures of the card and of the CPU", "colours", 90),
    _part("steps", "a step of the released size beside a plain step of the same network", "steps", 90),
    _part("pictures", "a whole picture, networks loaded", "pictures", 45),
    _part("memory", "memory, phase by phase", "memory", 60),
    _part("training", "training v1-512 (SD2.1's size), 512 px", "train_large", 75),
    _part("evaluation", "pictures a second while evaluating, released size", "evaluation", 45),
    _part("training-small", "training pocket-pairs, 256 px", "train_small", 75),
    _part("resume", "train, kill -9, resume, export, colour", "resume", 90),
    _part("training-compiled", "training v1-512, compiled", "train_compiled", 240),
)}


def parts_of(names: str | None) -> Sequence[Part]:
    """The parts of "a,b", in the order of the table; None = all. ColorizeError with the known names."""
    if names is None:
        return tuple(PARTS.values())
    wanted = {name.strip() for name in names.split(",")}
    if unknown := sorted(wanted - set(PARTS)):
        raise ColorizeError(f"--only: found {', '.join(map(repr, unknown))}, expected some of {', '.join(PARTS)}")
    return tuple(part for part in PARTS.values() if part.name in wanted)
