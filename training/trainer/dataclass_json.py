"""Frozen dataclasses <-> plain JSON, and `--set a.b=value` on them; every value is checked against its type."""

from __future__ import annotations

import difflib
import enum
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from lib_colorize.errors import ColorizeError

T = TypeVar("T")
NOTHING = ("", "none")  # what stands for None in `--set`


def to_plain(value: Any) -> Any:
    """Dataclasses as dicts, enumerations as their value, tuples as lists."""
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    return [to_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def from_plain(kind: type[T], value: Any, name: str = "") -> T:
    """The inverse of `to_plain`; ColorizeError names the field, what was found and what was expected."""
    return cast(T, _typed(kind, value, name))


def _typed(kind: Any, value: Any, name: str) -> Any:
    hint, optional = _without_none(kind)
    if value is None and optional:
        return None
    if is_dataclass(hint):
        return _dataclass(hint, value, name)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise _wrong(name, value, "a list")
        item = typing.get_args(hint)[0]
        return tuple(_typed(item, v, f"{name}.{i}") for i, v in enumerate(value))
    if issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            raise _wrong(name, value, "one of " + ", ".join(str(member.value) for member in hint))
        return hint(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**63 else math.inf
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(name, value, {"int": "a whole number", "float": "a number", "bool": "true or false",
                                   "str": "text"}[hint.__name__])
    return value


def with_settings(value: T, settings: Iterable[str]) -> T:
    """A copy with each "a.b=text" of `settings` put in, numbers of a tuple addressed by their index."""
    plain = to_plain(value)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise ColorizeError(f"--set {setting}: found no '=', expected name=value, as in {_example(value, setting)}")
        _put(plain, type(value), path.strip().split("."), text.strip(), path.strip())
    return from_plain(type(value), plain)


def differing(a: Any, b: Any, name: str = "") -> list[str]:
    """Names at which two plain values differ, as "a.b: 1 instead of 2"."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = [*a, *(key for key in b if key not in a)]
        return [line for key in keys for line in differing(a.get(key), b.get(key), f"{name}.{key}".lstrip("."))]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [line for i, pair in enumerate(zip(a, b)) for line in differing(*pair, f"{name}.{i}")]
    return [] if a == b else [f"{name}: {a!r} instead of {b!r}"]


def _example(value: Any, meant: str) -> str:
    """A number of the dataclass as it would be set, one of the name that was meant if there is such a one."""
    numbers = [(name, found) for name, found in leaves(to_plain(value)) if isinstance(found, (int, float))]
    near = [leaf for leaf in numbers if leaf[0].rpartition(".")[2] == meant.strip().rpartition(".")[2]]
    name, found = (near or numbers)[0]
    return f"{name}={found}"


def leaves(plain: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """("a.b.0", value) of everything that holds nothing else."""
    if not isinstance(plain, (Mapping, list)):
        yield name, plain
        return
    for key, inner in plain.items() if isinstance(plain, Mapping) else enumerate(plain):
        yield from leaves(inner, f"{name}.{key}".lstrip("."))


def _put(plain: Any, kind: Any, path: list[str], text: str, full: str) -> None:
    """Walk along the types, which alone know the names and what a text means."""
    hint, _ = _without_none(kind)
    head, rest = path[0], path[1:]
    if is_dataclass(hint):
        if plain is None:
            raise ColorizeError(f"--set {full}: that part is absent in this recipe")
        key: Any = head
        inner = _hints(hint).get(head)
        if inner is None:
            raise ColorizeError(f"--set {full}: {_unknown(head, _hints(hint))}")
    elif typing.get_origin(hint) is tuple and head.isdigit() and int(head) < len(plain):
        key, inner = int(head), typing.get_args(hint)[0]
    else:
        expected = f"a number below {len(plain)}" if isinstance(plain, list) else "nothing after it"
        raise ColorizeError(f"--set {full}: found '.{head}', expected {expected}")
    if rest:
        _put(plain[key], inner, rest, text, full)
    else:
        plain[key] = _parsed(inner, text, full)


def _parsed(kind: Any, text: str, name: str) -> Any:
    """Text -> plain value of a type."""
    hint, optional = _without_none(kind)
    if optional and text.lower() in (*NOTHING, *(("auto",) if hint is bool else ())):
        return None
    if is_dataclass(hint):
        raise ColorizeError(f"--set {name}: a group of settings, expected one of its own: {', '.join(_hints(hint))}")
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return [_parsed(item, part.strip(), name) for part in text.split(",") if part.strip()]
    if issubclass(hint, enum.Enum) or hint is str:
        return text
    if hint is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if text.lower() not in words:
            raise _wrong(name, text, "true or false")
        return words[text.lower()]
    try:
        return hint(text)
    except ValueError:
        raise _wrong(name, text, "a whole number" if hint is int else "a number") from None


def _dataclass(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, f"an object of {kind.__name__}")
    hints = _hints(kind)
    for key in value:
        if key not in hints:
            raise ColorizeError(f"{name or kind.__name__}: {_unknown(key, hints)}")
    found = {key: _typed(hints[key], v, f"{name}.{key}".lstrip(".")) for key, v in value.items()}
    try:
        return kind(**found)
    except TypeError as error:
        raise ColorizeError(f"{name or kind.__name__}: incomplete ({error})") from None


def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _without_none(kind: Any) -> tuple[Any, bool]:
    """`X | None` -> (X, True)."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(arg for arg in typing.get_args(kind) if arg is not type(None)), True
    return kind, False


def _unknown(found: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(found, list(known), 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"found {found!r}{meant}, expected one of {', '.join(known)}"


def _wrong(name: str, found: Any, expected: str) -> ColorizeError:
    return ColorizeError(f"{name}: found {found!r}, expected {expected}")
