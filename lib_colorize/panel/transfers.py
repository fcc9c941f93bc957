"""Downloads and imports of model files that a page can follow: one at a time, told in lines of progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import ColorizeError
from ..models.catalogue import Folders, Purpose, known
from ..models.disk import amount
from ..models.download import fetch, require_licence_accepted
from ..models.import_file import import_file, require_kind
from .texts import Texts

INTERVAL = 0.5  # seconds between two lines of progress
Report = Callable[[int, "int | None"], None]  # bytes done, bytes in all if known
Work = Callable[[Report, threading.Event], Path]


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
