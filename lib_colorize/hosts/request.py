"""The arguments that a host hands to the script -> one request. The order of the list is a public contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ColorizeError, most_like, shortened
from ..pictures.extras import PICTURES as FURTHER_PICTURES
from .settings import HOST_OWNED, JobSettings, job_fields

PICTURES = ("reference", "sketch")
_FIRST = tuple(f.name for f in job_fields() if f.metadata["since"] == 1)
_LATER = tuple(f.name for f in job_fields() if f.metadata["since"] > 1)
ARGUMENTS = ("enabled", *PICTURES, *_FIRST, "sketch_hash", *_LATER, *FURTHER_PICTURES, "palette")  # in order


@dataclass(frozen=True)
class Request:
    """What the user asks for. Pictures are still as the host gave them (see pictures.py).

    sketch_hash: what a pasted text says of its sketch; with no picture in `sketch` the host's own one must have it.
    """

    enabled: bool
    reference: Any
    sketch: Any
    settings: JobSettings
    sketch_hash: str = ""
    further: Mapping[str, Any] = field(default_factory=dict)  # masks, background, more references; by name, if given
    palette: Any = None  # as the host gave it (see palette_values.py)

    def with_settings(self, changes: Mapping[str, Any]) -> Request:
        """With other settings, of an X/Y/Z axis for instance."""
        return replace(self, settings=self.settings.with_(**changes)) if changes else self


@dataclass(frozen=True)
class Sent:
    """First in a script's arguments where the host has filled or cut the list of an API call: the list as it was."""

    args: tuple[Any, ...]


def asks(args: Sequence[Any]) -> bool:
    """True when the arguments switch the extension on, whatever else is in them."""
    first = args[0] if args else False
    if isinstance(first, Sent):
        return asks(first.args)
    if isinstance(first, Mapping):
        return bool(first.get("enabled", True))
    return isinstance(first, (bool, int, float)) and first == 1  # as `parse` takes it, which JSON's 1 is as good for


def names_nothing(args: Sequence[Any]) -> bool:
    """True for an API call that names the script, and no argument of it."""
    return bool(args) and isinstance(args[0], Sent) and not args[0].args


def parse(args: Sequence[Any]) -> Request | None:
    """The request in a script's arguments: in the order of ARGUMENTS, shorter lists allowed, or one dictionary first.

    What a dictionary does not name is taken from the list after it, which the host fills: with the widgets' defaults,
    or with what an infotext says.

    None when it is not enabled. ColorizeError for unknown names, too many arguments and wrong values.
    """
    if args and isinstance(args[0], Sent):
        args = args[0].args
    if not args:
        return None  # a host that is still starting, or one that knows no defaults
    if len(args) > len(ARGUMENTS):
        raise ColorizeError(f"{len(args)} arguments, expected at most {len(ARGUMENTS)}")
    values: dict[str, Any] = dict(zip(ARGUMENTS, args))
    if isinstance(args[0], Mapping):
        values |= {"enabled": True, **args[0]}
    unknown = sorted(str(name) for name in values if name not in ARGUMENTS and name not in HOST_OWNED)
    if unknown:
        near = most_like(unknown[0], ARGUMENTS)
        raise ColorizeError(f"unknown argument {shortened(unknown[0])}; most like it are {near}")
    enabled = values.pop("enabled")
    if enabled not in (True, False):
        raise ColorizeError(f"enabled: found {shortened(enabled)}, expected true or false")
    if not enabled:
        return None
    pictures = {name: values.pop(name, None) for name in PICTURES}
    further = {name: value for name in FURTHER_PICTURES if (value := values.pop(name, None)) is not None}
    sketch_hash = values.pop("sketch_hash", None) or ""
    if not isinstance(sketch_hash, str):
        raise ColorizeError(f"sketch_hash: found {shortened(sketch_hash)}, expected the text after "
                            "\"Colorize sketch hash\"")
    palette = values.pop("palette", None)
    settings = JobSettings.from_values(values)
    return Request(True, pictures["reference"], pictures["sketch"], settings, sketch_hash, further, palette)
