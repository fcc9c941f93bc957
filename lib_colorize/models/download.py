"""Download a model file, only when called: mirrors in order, resumed, checked, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ColorizeError
from .catalogue import Folders, KnownFile, mirrors
from .disk import amount, make_folder, only_one, place, record_sha256, require_space
from .http_transfer import Interrupted, Refused, Stopped, transfer
from .import_file import require_kind
from .meter import Progress, TransferMeter
from .part_file import Offer, PartFile

TOLERANCE = 0.02  # of a size that is known to three digits


@dataclass(frozen=True)
class Expected:
    """What is known about the file before: size in bytes, roughly when `approximate`, and sha256."""

    size: int | None = None
    approximate: bool = False
    sha256: str | None = None


@dataclass(frozen=True)
class Patience:
    """Seconds without a byte, tries in a row that bring nothing new, and seconds before the second (then doubled)."""

    timeout: float = 20.0
    tries: int = 4
    wait: float = 1.0


@dataclass(frozen=True)
class Downloaded:
    """A file in its place; its sha256 lies beside it as `sha256sum` writes it."""

    path: Path
    size: int
    sha256: str
    url: str


def require_licence_accepted(entry: KnownFile, accepted: bool) -> None:
    """ColorizeError with the licence for a non-commercial file that the user has not agreed to yet."""
    if entry.licence.non_commercial and not accepted:
        raise ColorizeError(f"{entry.name}: {entry.licence.name}, {entry.licence.text} Accept the licence "
                            f"({entry.licence.url}) first")


def fetch(
    entry: KnownFile, folders: Folders, accepted: bool = False, base_url: str | None = None,
    progress: Progress | None = None, cancel: threading.Event | None = None, patience: Patience | None = None,
) -> Downloaded:
    """Download a file of the catalogue to where it belongs; accepted: the user has read its licence and agreed.

    base_url: a mirror of the user's, tried first. Without a known sha256 the structure is what is checked.
    """
    require_licence_accepted(entry, accepted)
    return download(
        mirrors(entry, base_url), folders.target(entry.purpose) / entry.name,
        Expected(entry.size, entry.approximate, entry.sha256), lambda path: require_kind(path, entry.purpose),
        progress, cancel, patience)


def download(
    urls: Sequence[str], target: Path, expected: Expected | None = None, check: Callable[[Path], None] | None = None,
    progress: Progress | None = None, cancel: threading.Event | None = None, patience: Patience | None = None,
) -> Downloaded:
    """Download from the first of `urls` that gives the whole file; ColorizeError with each one's reason otherwise.

    check: raises ColorizeError when the file is of another kind; it is called with the whole file before that gets
    its name. What came before an error, a stop or a crash is kept, and the next call goes on from there.
    """
    wanted, patience, stop = expected or Expected(), patience or Patience(), cancel or threading.Event()
    for url in urls:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ColorizeError(f"{url!r}: expected an address that begins with http:// or https://")
    make_folder(target.parent)
    with only_one(target):
        if target.exists():
            raise ColorizeError(f"{target}: there already ({amount(target.stat().st_size)}); move it away to fetch it "
                                "anew")
        reasons = []
        with PartFile(target) as part:
            for url in urls:
                try:
                    _from_mirror(url, part, target, wanted, check, TransferMeter(progress), stop, patience)
                except Refused as reason:
                    reasons.append(f"{urlsplit(url).netloc}: {reason}")
                    continue
                done, sha256 = part.done, part.sha256
                part.finish()
                place(part.path, target)
                record_sha256(target, sha256)
                return Downloaded(target, done, sha256, url)
            if not part.done:
                part.remove()
            kept = f" {amount(part.done)} are kept, the next try goes on from there." if part.done else ""
    raise ColorizeError(f"{target.name}: not downloaded. {'; '.join(reasons) or 'no address given'}.{kept} Try again "
                        f"later, set another mirror, or download it in a browser and import it")


def _from_mirror(
    url: str, part: PartFile, target: Path, wanted: Expected, check: Callable[[Path], None] | None,
    meter: TransferMeter, stop: threading.Event, patience: Patience,
) -> None:
    """The whole, checked file in `part`; Refused when this mirror does not give it, however often it is asked."""
    def accept(offer: Offer, done: int) -> None:
        _require_size(offer, wanted)
        dropped = part.done if done == 0 else 0  # what is here of it makes room for itself
        require_space(target.parent, (offer.size or wanted.size or 0) - done - dropped)
        meter.begin(done, offer.size)

    farthest, fruitless = part.done, 0
    while True:
        try:
            if not _whole(part, url):
                transfer(url, part, accept, meter.at, stop, patience.timeout)
            problem = _problem(part, wanted, check)
            if problem is None:
                return meter.end(part.done)
            old_bytes = part.resumed
            part.restart(None)
            if not old_bytes:
                raise Refused(problem)
            raise Interrupted(f"{problem} (after resuming); starting again")
        except Interrupted as error:
            # only bytes beyond all earlier tries count: a server that cuts off and cannot resume would never end
            fruitless = 0 if part.done > farthest else fruitless + 1
            farthest = max(farthest, part.done)
            if fruitless >= patience.tries:
                raise Refused(f"{error} ({fruitless} tries)") from None
            if stop.wait(max(error.wait, patience.wait * 2 ** max(fruitless - 1, 0))):
                raise Stopped(f"{target.name}: stopped at {amount(part.done)}, which is kept") from None


def _whole(part: PartFile, url: str) -> bool:
    """An earlier run ended after the last byte and before the file got its name."""
    return bool(part.done and part.offer and part.offer.url == url and part.offer.size == part.done)


def _require_size(offer: Offer, wanted: Expected) -> None:
    if wanted.size is None or offer.size is None:
        return
    if abs(offer.size - wanted.size) > (TOLERANCE * wanted.size if wanted.approximate else 0):
        about = "about " if wanted.approximate else ""
        raise Refused(f"it offers {amount(offer.size)}, expected {about}{amount(wanted.size)}: another file")


def _problem(part: PartFile, wanted: Expected, check: Callable[[Path], None] | None) -> str | None:
    """Why the whole file is not the one that was wanted; None when it is."""
    part.sync()
    if not part.done:
        return "it sends nothing"
    if wanted.size is not None and part.offer and part.offer.size is None:  # the server did not say before
        try:
            _require_size(Offer("", part.done), wanted)
        except Refused as error:
            return str(error)
    sha256 = wanted.sha256 or (part.offer.sha256 if part.offer else "")
    if sha256 and part.sha256 != sha256:
        return f"damaged on the way or another file: sha256 {part.sha256[:10]}..., expected {sha256[:10]}..."
    if check is not None:
        try:
            check(part.path)
        except ColorizeError as error:
            return str(error).removeprefix(f"{part.path}: ")
    return None
