"""The report of a folder: what became of each sketch, as a table and as a contact sheet, however the run ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ..errors import ColorizeError
from ..whole_file import require_writable
from .file_names import name_key
from .outcome import SketchOutcome, State
from .output_paths import require_name
from .report_sheet import SheetPages, page_path, require_replaceable, sheet_count
from .report_table import is_table, write_table


class FolderReport:
    """To be entered around the run; both files are written when it is left, also by an error or an interrupt.

    A table or a sheet of an earlier run is written over, any other file is not.
    """

    def __init__(self, table: Path | None, sheet: Path | None, folder: Path, sketches: Sequence[Path]) -> None:
        """table: a .csv; sheet: a .png; None = not wanted. folder: of the sketches."""
        self._table, self._sheet, self._folder, self._sketches = table, sheet, folder, sketches
        self._pages = None if sheet is None else SheetPages(sheet, folder)
        self._outcomes: list[SketchOutcome] = []

    def check(self, results: Sequence[Path], output: Path) -> None:
        """ColorizeError for names that cannot be written, before any work. results: of the run, all in `output`."""
        count = sheet_count(len(results))
        sheets = [] if self._sheet is None else [page_path(self._sheet, i + 1) for i in range(count)]
        tables = [] if self._table is None else [self._table]
        for path, suffix, option in (*((each, ".csv", "--report") for each in tables),
                                     *((each, ".png", "--contact-sheet") for each in sheets)):
            _require_place(path, suffix, option)
            _require_apart(path, self._folder, output)
        for path in tables:
            if os.path.lexists(path) and not is_table(path):
                raise ColorizeError(f"{path}: is there already, and is no report of this program; name another file")
        require_replaceable(sheets)
        taken = {name_key(Path(os.path.realpath(path))) for path in results}
        for path in sheets:
            if name_key(Path(os.path.realpath(path))) in taken:
                raise ColorizeError(f"{path}: is the name of a result of this folder; name another contact sheet")

    def note(self, outcome: SketchOutcome) -> None:
        """What became of one sketch; its files are there."""
        self._outcomes.append(outcome)
        if self._pages is not None:
            self._pages.add(outcome)

    def __enter__(self) -> FolderReport:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        done = {outcome.sketch for outcome in self._outcomes}
        rest = [SketchOutcome(sketch, State.NOT_REACHED) for sketch in self._sketches if sketch not in done]
        failed: list[ColorizeError] = []
        for write in (self._write_table, self._write_sheet):
            try:
                write(rest)
            except ColorizeError as error:  # the other one is written all the same
                failed.append(error)
        if failed and kind is None:  # else the error that ended the run is the one to tell
            raise failed[0]

    def _write_table(self, rest: Sequence[SketchOutcome]) -> None:
        """rest: the sketches that were not reached."""
        if self._table is not None:
            write_table([*self._outcomes, *rest], self._table, self._folder)

    def _write_sheet(self, _: Sequence[SketchOutcome]) -> None:
        if self._pages is not None:
            self._pages.write()


def _require_place(path: Path, suffix: str, option: str) -> None:
    """ColorizeError for another kind of name, and for one that cannot be written."""
    if path.suffix.lower() != suffix:
        raise ColorizeError(f"{option} {path}: expected a name that ends in {suffix}")
    if not os.path.isdir(path.parent):
        raise ColorizeError(f"{path}: the folder {path.parent} does not exist; make it first")
    if os.path.isdir(path):
        raise ColorizeError(f"{path}: is a folder; name a file")
    require_name(path)
    require_writable(path.parent)


def _require_apart(path: Path, sketches: Path, output: Path) -> None:
    """ColorizeError where a report would be taken for a sketch at the next run."""
    there, home, target = (Path(os.path.realpath(each)) for each in (path, sketches, output))
    if there.is_relative_to(home) and not there.is_relative_to(target):
        raise ColorizeError(f"{path}: would lie among the sketches; name another folder for it")
