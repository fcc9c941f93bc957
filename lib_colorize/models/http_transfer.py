"""One HTTP request for one file: what the server offers, and its bytes appended to what is there already.

Only the standard library, so that a WebUI's environment needs nothing more; proxies come from the environment.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from .. import __version__
from ..errors import ColorizeError
from .disk import amount
from .part_file import BLOCK, Offer, PartFile

LONGEST_WAIT = 60  # seconds, whatever a server asks for
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
WEB_PAGE = (b"<!doctype html", b"<html", b"<?xml", b"<head")
LFS_POINTER = b"version https://git-lfs"


class Refused(Exception):
    """This server will not give the file; another one may."""


class Interrupted(Exception):
    """It went wrong half-way or for now; worth another try, after `wait` seconds if the server said so."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Stopped(ColorizeError):
    """The user pressed stop; what came so far is kept."""


def transfer(
    url: str, part: PartFile, accept: Callable[[Offer, int], None], arrived: Callable[[int], None],
    cancel: threading.Event, timeout: float,
) -> None:
    """Bring `part` up to the whole file with one request, resumed when server and part allow it.

    accept(offer, done): called before anything is written, raises to refuse; arrived(done): after each block.
    """
    headers = {"User-Agent": f"colorize-diffusion-webui/{__version__}", "Accept-Encoding": "identity"}
    if part.done and part.offer:
        headers["Range"] = f"bytes={part.done}-"
        if part.offer.validator and part.offer.url == url:
            headers["If-Range"] = part.offer.validator
    redirects = _Redirects()
    try:
        with _opener(redirects).open(urllib.request.Request(url, headers=headers), timeout=timeout) as response:
            _receive(url, response, redirects, part, accept, arrived, cancel)
    except urllib.error.HTTPError as error:
        with error:
            _raise_status(error, url, part)
    except (OSError, http.client.HTTPException) as error:  # of the network: writing has its own
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise Refused(f"its certificate is not trusted here ({reason.verify_message}); check the clock, the proxy "
                          "and Python's certificates") from None
        raise Interrupted(f"{type(reason).__name__}: {reason}" if not isinstance(reason, str) else reason) from None
    if part.offer and part.offer.size is not None and part.done != part.offer.size:
        raise Interrupted(f"the connection ended at {amount(part.done)} of {amount(part.offer.size)}")


def _receive(
    url: str, response: Any, redirects: _Redirects, part: PartFile, accept: Callable[[Offer, int], None],
    arrived: Callable[[int], None], cancel: threading.Event,
) -> None:
    if response.status not in (200, 206):
        raise Refused(f"HTTP {response.status}: {response.reason}, without the file")
    offer, begin = _offer(url, response, redirects)
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Refused(f"it sends the file as {encoding}, which cannot be resumed or checked")
    block = b"" if cancel.is_set() else response.read1(BLOCK)
    if begin == 0:
        _require_no_page(response.headers, block)
    elif not (part.offer and begin == part.done and part.offer.same_file(offer)):
        part.restart(None)
        raise Interrupted("the part that is here need not be of the file that is there; starting again")
    accept(offer, begin)
    if begin == 0:
        part.restart(offer)
    while block and not cancel.is_set():
        part.write(block)
        arrived(part.done)
        block = response.read1(BLOCK)
    if cancel.is_set():
        raise Stopped(f"{part.name}: stopped at {amount(part.done)}, which is kept; start it again to go on")


def _offer(url: str, response: Any, redirects: _Redirects) -> tuple[Offer, int]:
    """What is offered, and the byte at which the answer begins."""
    headers, begin, size = response.headers, 0, None
    if response.status == 206:
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        if said is None:
            raise Refused(f"it answers with a part that it does not describe ({headers.get('Content-Range')!r})")
        begin, size = int(said[1]), int(said[2])
    elif headers.get("Content-Length", "").isdigit():
        size = int(headers["Content-Length"])
    stated = SHA256.fullmatch(headers.get("X-Linked-Etag", "") or redirects.linked_etag)
    sha256 = stated[1] if stated else ""
    return Offer(url, size, headers.get("ETag", ""), headers.get("Last-Modified", ""), sha256), begin


def _require_no_page(headers: Message, start: bytes) -> None:
    if headers.get_content_type() == "text/html" or start.lstrip()[:20].lower().startswith(WEB_PAGE):
        raise Refused("it sends a web page, not the file: a login, a block or an error page; open the address in a "
                      "browser to see it")
    if start.startswith(LFS_POINTER):
        raise Refused("it sends a Git LFS pointer, not the file")


def _raise_status(error: urllib.error.HTTPError, url: str, part: PartFile) -> None:
    code = error.code
    if code in (401, 403):
        raise Refused(f"HTTP {code}: it wants a login or does not serve this place; download the file in a browser "
                      "and import it") from None
    if code in (404, 410):
        raise Refused(f"HTTP {code}: the file is not there (any more)") from None
    if code == 416 and part.offer and part.offer.url == url:
        part.restart(None)
        raise Interrupted("HTTP 416: the part that is here does not belong to its file; starting again") from None
    if code in TRY_AGAIN:
        wait = error.headers.get("Retry-After", "")
        seconds = float(min(int(wait), LONGEST_WAIT)) if wait.isdigit() else 0.0
        raise Interrupted(f"HTTP {code}: {error.reason}", seconds) from None
    raise Refused(f"HTTP {code}: {error.reason}") from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, never from https back to http, and keeps what Hugging Face says on the way."""

    linked_etag = ""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str,
    ) -> urllib.request.Request | None:
        self.linked_etag = headers.get("X-Linked-Etag", "") or self.linked_etag
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old, new) == ("https", "http"):
            raise Refused(f"it redirects from {old} to {new or 'nowhere'}, which is not followed")
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302  # Python 3.10 does not know it


def _opener(redirects: _Redirects) -> urllib.request.OpenerDirector:
    """urllib's own, less the handlers of files and FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), urllib.request.HTTPHandler(),
                    urllib.request.HTTPSHandler(), urllib.request.HTTPDefaultErrorHandler(), redirects,
                    urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener
