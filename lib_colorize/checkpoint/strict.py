"""Compare the tensors of a file with those that its networks need; nothing is loaded when they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ColorizeError
from .config import Shapes
from .layout import canonical_shape

SHOWN = 4  # keys named in a message of one line


@dataclass(frozen=True)
class Difference:
    """Keys that should be there, that should not, and those of a wrong shape (key, found, expected)."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    wrong: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.wrong)

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.missing + other.missing, self.unexpected + other.unexpected, self.wrong + other.wrong)

    def require_none(self, where: object) -> None:
        """ColorizeError with what is missing, unexpected or of a wrong shape, unless there is nothing."""
        if self:
            raise ColorizeError(f"{where}: {self}; the file is damaged or of another architecture")

    def __str__(self) -> str:
        wrong = [f"{key} {list(found)} instead of {list(expected)}" for key, found, expected in self.wrong]
        parts = (("missing", self.missing), ("unexpected", self.unexpected), ("of a wrong shape", wrong))
        return "; ".join(f"{len(keys)} {word}: {_some(keys)}" for word, keys in parts if keys)


def difference(found: Shapes, expected: Shapes, prefix: str = "", exact: bool = False) -> Difference:
    """How `found` differs from `expected`. prefix: of the keys in the answer.

    exact: False = 2-D and 4-D projections are the same (and 4-D in `expected`).
    """
    wrong = tuple((prefix + key, tuple(shape), expected[key]) for key, shape in found.items() if key in expected
                  and (tuple(shape) if exact else canonical_shape(key, tuple(shape))) != expected[key])
    return Difference(tuple(prefix + key for key in expected if key not in found),
                      tuple(prefix + key for key in found if key not in expected), wrong)


def _some(keys: Iterable[str]) -> str:
    names = list(keys)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
