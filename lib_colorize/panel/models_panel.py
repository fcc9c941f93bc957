"""What the models panel does, without its widgets: the table, the choice of files, one followed transfer at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from html import escape
from pathlib import Path

from ..errors import ColorizeError
from ..models.catalogue import CATALOGUE, Folders, Licence, Purpose, known
from ..models.disk import amount
from ..models.download import fetch, require_licence_accepted
from ..models.import_file import import_file, require_kind
from ..models.scan import Skipped, scan
from ..models.status import FileStatus, Need, status
from .translations import Texts

INTERVAL = 0.5  # seconds between two lines of progress
Report = Callable[[int, "int | None"], None]  # bytes done, bytes in all if known
Work = Callable[[Report, threading.Event], Path]


def downloads(texts: Texts) -> list[tuple[str, str]]:
    """(what the user reads, id) of every file that can be downloaded and used; the needed ones first."""
    entries = sorted((entry for entry in CATALOGUE if entry.runs), key=lambda entry: not entry.recommended)
    return [(f"{entry.name} - {texts(_key(entry.purpose))}, {entry.size_text}, {entry.licence.name}", entry.id)
            for entry in entries]


def licence_note(id: str, texts: Texts) -> str:
    """HTML: what is downloaded from whom, where it goes, and what its licence allows."""
    entry = known(id)
    about = f"<b>{escape(entry.name)}</b>: {escape(entry.about)}, {entry.size_text}."
    return f"<p>{about}</p><p>{_licence(entry.licence)}: {escape(entry.licence.text)}</p>" + (
        f"<p><b>{texts('non_commercial')}</b></p>" if entry.licence.non_commercial else "")


def _licence(licence: Licence) -> str:
    return f'<a href="{escape(licence.url)}" target="_blank" rel="noreferrer">{escape(licence.name)}</a>'


def table(folders: Folders, texts: Texts, in_use: Container[Purpose] = ()) -> str:
    """HTML: which files there are and which are missing, and what was found and cannot be used.

    in_use: what the host has already, wherever it lies.
    """
    found = scan(folders)
    listed = [row for row in status(folders, scan=found) if row.entry is None or row.entry.runs]
    rows = "".join(_row(row, texts, row.need is Need.NEEDED and row.purpose not in in_use) for row in listed)
    columns = ("column_file", "column_size", "column_licence", "column_state")
    heads = "".join(f"<th>{texts(key)}</th>" for key in columns)
    return f"<table><tr>{heads}</tr>{rows}</table>" + _skipped(found.skipped, texts)


def _row(row: FileStatus, texts: Texts, needed: bool) -> str:
    if row.path:
        state = texts("state_found", folder=escape(str(row.folder)))
    else:
        state = texts("state_needed" if needed else "state_optional", folder=escape(str(row.folder)))
    file = f"<b>{escape(row.name)}</b><br>{texts(_key(row.purpose))}: {escape(row.about)}"
    return f"<tr><td>{file}</td><td>{escape(row.size)}</td><td>{escape(row.licence)}</td><td>{state}</td></tr>"


def _skipped(skipped: tuple[Skipped, ...], texts: Texts) -> str:
    items = "".join(f"<li>{escape(str(path))}: {escape(reason)}</li>" for path, reason in skipped)
    return f"<p>{texts('unusable')}</p><ul>{items}</ul>" if items else ""


def _key(purpose: Purpose) -> str:
    return {Purpose.CHECKPOINT: "purpose_checkpoint", Purpose.REFERENCE_ENCODER: "purpose_encoder"}[purpose]


class Transfers:
    """One download or import at a time. It goes on when the page that started it is closed, until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: _Transfer | None = None

    def download(self, id: str, folders: Folders, accepted: bool, base_url: str, texts: Texts) -> Iterator[str]:
        """Lines of progress, the last one says where the file lies. ColorizeError when it fails or is stopped."""
        entry = known(id)
        require_licence_accepted(entry, accepted)

        def work(report: Report, cancel: threading.Event) -> Path:
            return fetch(entry, folders, accepted, base_url or None, lambda done, total, _: report(done, total),
                         cancel).path

        return self._follow(entry.name, work, texts)

    def take_in(self, path: str, folders: Folders, texts: Texts) -> Iterator[str]:
        """The same for a file that lies elsewhere on the host's machine; what it is, is read from the file."""
        if not path.strip():
            raise ColorizeError(texts("no_path"))
        source = Path(path.strip().strip('"')).expanduser()
        purpose = purpose_of(source)
        return self._follow(source.name, lambda report, cancel: import_file(source, folders, purpose, report, cancel),
                            texts)

    def stop(self) -> None:
        """Stop what runs, if anything does."""
        if self._current is not None:
            self._current.cancel.set()

    def _follow(self, name: str, work: Work, texts: Texts) -> Iterator[str]:
        with self._lock:
            if self._current is not None and self._current.is_alive():
                raise ColorizeError(texts("busy", name=self._current.label))
            self._current = transfer = _Transfer(name, work)
            transfer.start()
        return transfer.lines(texts)


TRANSFERS = Transfers()  # here and not in the script, which hosts run anew on "Reload UI"


class _Transfer(threading.Thread):
    def __init__(self, label: str, work: Work) -> None:
        super().__init__(daemon=True, name=f"transfer of {label}")
        self.label, self.work, self.cancel = label, work, threading.Event()
        self.done, self.total = 0, None  # type: int, int | None
        self.result: Path | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.work(self._report, self.cancel)
        except Exception as error:  # noqa: BLE001 - raised where the user sees it
            self.error = error

    def _report(self, done: int, total: int | None) -> None:
        self.done, self.total = done, total

    def lines(self, texts: Texts) -> Iterator[str]:
        yield texts("transferring", name=self.label, done=amount(0), total="?")
        while self.is_alive():
            self.join(INTERVAL)
            total = amount(self.total) if self.total else "?"
            yield texts("transferring", name=self.label, done=amount(self.done), total=total)
        if self.error is not None:
            raise self.error
        yield texts("transferred", path=str(self.result))


def purpose_of(path: Path) -> Purpose:
    """Whether a file is a colorize checkpoint or a reference encoder; ColorizeError when it is neither."""
    problems = []
    for purpose in Purpose:
        try:
            require_kind(path, purpose)
            return purpose
        except ColorizeError as error:
            problems.append(error)
    raise problems[0]
