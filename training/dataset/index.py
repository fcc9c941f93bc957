"""The optional index of a data folder: sizes, tags and whatever else a filter may ask for.

`index.jsonl` holds one object a line, `index.json` one array of the same objects:
    {"member": "0001/a", "width": 1024, "height": 768, "tags": ["1girl", "smile"], "score": 12}
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lib_colorize.errors import ColorizeError
from training.dataset.archive import is_picture

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "==": operator.eq, "=": operator.eq, ">": operator.gt,
    "<": operator.lt}
CONDITION = re.compile(r"\s*(\w+)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*")


@dataclass(frozen=True)
class Condition:
    """`field op value`: numbers are compared as numbers; of a list, = and != ask whether it holds the value."""

    field: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        match = CONDITION.fullmatch(text)
        if match is None:
            raise ColorizeError(f"filter {text!r}: expected a field, one of {' '.join(COMPARE)} and a value, such as "
                                "score>=10 or tags!=monochrome")
        return cls(*match.groups())

    def holds(self, entry: dict[str, Any]) -> bool:
        """False where the entry does not have the field, but for != of which that is true."""
        found = entry.get(self.field)
        if found is None:
            return self.sign == "!="
        if isinstance(found, list):
            if self.sign not in ("=", "==", "!="):
                raise ColorizeError(f"filter {self}: {self.field} is a list; expected = or !=")
            return (self.value in map(str, found)) == (self.sign != "!=")
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            try:
                return COMPARE[self.sign](float(found), float(self.value))
            except ValueError:
                raise ColorizeError(f"filter {self}: {self.field} is a number; compare it with one") from None
        return COMPARE[self.sign](str(found), self.value)

    def __str__(self) -> str:
        return f"{self.field}{self.sign}{self.value}"


def entries(folder: Path, whole_names: bool = False) -> Iterator[dict[str, Any]] | None:
    """The objects of the folder's index, None when it has none. ColorizeError for a line that is no such object.

    "member" comes without a picture's suffix, or with it for whole_names.
    """
    lines, whole = folder / "index.jsonl", folder / "index.json"
    if lines.is_file():
        return _lines(lines, whole_names)
    if not whole.is_file():
        return None
    try:
        listed = json.loads(whole.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ColorizeError(f"{whole}: not JSON ({error})") from None
    if not isinstance(listed, list):
        raise ColorizeError(f"{whole}: found {type(listed).__name__}, expected a list of objects with \"member\"")
    return (_checked(entry, whole, i, whole_names) for i, entry in enumerate(listed, 1))


def _lines(path: Path, whole_names: bool) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    entry = json.loads(line)
                except ValueError as error:
                    raise ColorizeError(f"{path}, line {number}: not JSON ({error}); build the index again") from None
                yield _checked(entry, path, number, whole_names)


def _checked(entry: Any, path: Path, number: int, whole_names: bool) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("member"), str):
        raise ColorizeError(f"{path}, entry {number}: expected an object with \"member\", the picture's name")
    return entry if whole_names else {**entry, "member": without_suffix(entry["member"])}


def without_suffix(name: str) -> str:
    """A picture's name without its suffix, any other as it is."""
    path = PurePosixPath(name)
    return str(path.with_suffix("") if is_picture(name) else path)


def selected(folder: Path, where: tuple[str, ...]) -> dict[str, tuple[int, int] | None] | None:
    """Member -> its size where the index says it, of the members that pass all filters; None without an index."""
    conditions = [Condition.parse(text) for text in where]
    found = entries(folder)
    if found is None:
        if conditions:
            raise ColorizeError(f"{folder}: data.where = {', '.join(where)} asks the index, and there is no "
                                "index.jsonl or index.json; build it with training.build, or leave the filter out")
        return None
    return {entry["member"]: _size(entry) for entry in found if all(c.holds(entry) for c in conditions)}


def _size(entry: dict[str, Any]) -> tuple[int, int] | None:
    width, height = entry.get("width"), entry.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None
