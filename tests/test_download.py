"""Downloads against a real server that misbehaves in every way seen in the wild; the file is whole or not there."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib_colorize.errors import ColorizeError
from lib_colorize.models import disk as placing
from lib_colorize.models import http_transfer, part_file
from lib_colorize.models.catalogue import CC_BY_NC_SA, MIT, Folders, KnownFile, Purpose, known
from lib_colorize.models.disk import only_one
from lib_colorize.models.download import Downloaded, Expected, Patience, download, fetch, require_licence_accepted

BODY = bytes(range(256)) * 2000  # 512 kB
SHA = hashlib.sha256(BODY).hexdigest()
HASTY = Patience(timeout=0.5, tries=2, wait=0.01)
SHIPPED = Path(__file__).parent.parent / "models" / "colorize-small.safetensors"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as `server.answer(self)` wants; what was asked is kept in `server.asked`."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range", ""), self.headers.get("If-Range", "")))
        self.close_connection = True
        self.server.answer(self)

    def send(self, status: int, body: bytes = b"", **headers: object) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def send_file(
        self, body: bytes = BODY, etag: str | None = '"v1"', ranges: bool = True, cut: int | None = None,
        **headers: object,
    ) -> None:
        """As a decent server does; `cut`: the connection ends after so many bytes."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        headers = {"ETag": etag, **headers}
        if asked and ranges and condition in (None, etag):
            begin = int(asked[1])
            if begin >= len(body):
                return self.send(416, Content_Range=f"bytes */{len(body)}")
            part = body[begin:]
            said = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            return self.send(206, part[:cut], Content_Range=said, **{"Content_Length": len(part), **headers})
        self.send(200, body[:cut], **{"Content_Length": len(body), **headers})

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[Handler], None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str]] = []
        self.answer = Handler.send_file
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that went away."""


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture()
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "x.safetensors"


def get(server: Server, target: Path, expected: Expected | None = None, path: str = "/x", **more: object) -> Downloaded:
    return download([server.url + path], target, expected, patience=HASTY, **more)


def left(target: Path) -> list[str]:
    return sorted(p.name for p in target.parent.iterdir()) if target.parent.exists() else []


def in_turn(*answers: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """One after the other, the last one for ever."""
    waiting = list(answers)
    return lambda handler: (waiting.pop(0) if len(waiting) > 1 else waiting[0])(handler)


def cut_at(count: int, **more: object) -> Callable[[Handler], None]:
    return lambda handler: handler.send_file(cut=count, **more)


def test_a_file_arrives_whole_with_progress_hash_and_usual_permissions(server: Server, target: Path) -> None:
    seen: list[tuple[int, int | None, float]] = []
    got = get(server, target, Expected(len(BODY), sha256=SHA), progress=lambda *now: seen.append(now))
    assert got == Downloaded(target, len(BODY), SHA, server.url + "/x")
    assert target.read_bytes() == BODY
    assert seen[-1][:2] == (len(BODY), len(BODY)) and seen[-1][2] > 0
    assert target.with_name("x.safetensors.sha256").read_text() == f"{SHA}  x.safetensors\n"
    assert left(target) == ["x.safetensors", "x.safetensors.sha256"]
    usual = target.with_name("usual")
    usual.touch()
    assert target.stat().st_mode == usual.stat().st_mode


def test_a_cut_connection_is_resumed_where_it_ended(server: Server, target: Path) -> None:
    server.answer = in_turn(cut_at(100_000), cut_at(50_000), Handler.send_file)
    assert get(server, target, Expected(sha256=SHA)).sha256 == SHA
    assert server.asked == [("/x", "", ""), ("/x", "bytes=100000-", '"v1"'), ("/x", "bytes=150000-", '"v1"')]


def test_many_cuts_are_no_reason_to_give_up_while_bytes_arrive(server: Server, target: Path) -> None:
    server.answer = cut_at(60_000)
    assert get(server, target).sha256 == SHA
    assert len(server.asked) == 9


def test_a_later_call_goes_on_from_what_an_earlier_one_left(server: Server, target: Path) -> None:
    server.answer = in_turn(cut_at(200_000), lambda h: h.send(503))
    with pytest.raises(ColorizeError, match=r"HTTP 503.*\(2 tries\).* 200.00 kB are kept"):
        get(server, target)
    assert left(target) == ["x.safetensors.part", "x.safetensors.part.json"]
    server.asked.clear()
    server.answer = Handler.send_file
    seen: list[int] = []
    assert get(server, target, progress=lambda done, *_: seen.append(done)).sha256 == SHA
    assert server.asked == [("/x", "bytes=200000-", '"v1"')] and min(seen) >= 200_000
    assert left(target) == ["x.safetensors", "x.safetensors.sha256"]


def test_bytes_that_were_not_surely_written_are_fetched_again(server: Server, target: Path) -> None:
    server.answer = in_turn(cut_at(200_000), lambda h: h.send(404))
    with pytest.raises(ColorizeError, match="404"):
        get(server, target)
    notes = target.with_name("x.safetensors.part.json")
    notes.write_text(json.dumps({**json.loads(notes.read_text()), "written": 120_000}))
    part = target.with_name("x.safetensors.part")
    part.write_bytes(BODY[:120_000] + bytes(80_000))  # a power cut: the length is there, the bytes are not
    server.asked.clear()
    server.answer = Handler.send_file
    assert get(server, target).sha256 == SHA
    assert server.asked[0][1] == "bytes=120000-"


@pytest.mark.parametrize("notes", [None, "", "[]", '{"url": 3}', '{"written": "x"}'])
def test_a_part_of_unknown_origin_is_not_resumed(server: Server, target: Path, notes: str | None) -> None:
    target.parent.mkdir()
    target.with_name("x.safetensors.part").write_bytes(b"of something else")
    if notes is not None:
        target.with_name("x.safetensors.part.json").write_text(notes)
    assert get(server, target).sha256 == SHA
    assert server.asked == [("/x", "", "")]


@pytest.mark.parametrize("later", [
    {"ranges": False}, {"etag": '"v2"'}, {"etag": 'W/"v1"'}, {"etag": None}], ids=str)
def test_a_server_that_cannot_resume_or_has_a_new_file_starts_again(
    server: Server, target: Path, later: dict[str, object],
) -> None:
    old = bytes(len(BODY))
    server.answer = in_turn(lambda h: h.send_file(old, cut=100_000), lambda h: h.send_file(**later))
    assert get(server, target).sha256 == SHA
    assert target.read_bytes() == BODY


def test_a_range_without_any_condition_is_not_trusted(server: Server, target: Path) -> None:
    """The server ignores If-Range and sends the rest of another file under another ETag."""
    def careless(handler: Handler) -> None:
        del handler.headers["If-Range"]
        handler.send_file(etag='"v2"')

    server.answer = in_turn(lambda h: h.send_file(bytes(len(BODY)), cut=100_000), careless)
    assert get(server, target).sha256 == SHA


def test_resuming_goes_by_the_date_when_there_is_no_etag(server: Server, target: Path) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"

    def dated(handler: Handler, cut: int | None = None) -> None:
        if handler.headers.get("If-Range") == date:
            del handler.headers["If-Range"]
        handler.send_file(etag=None, cut=cut, Last_Modified=date)

    server.answer = in_turn(lambda h: dated(h, 100_000), dated)
    assert get(server, target).sha256 == SHA
    assert server.asked[1] == ("/x", "bytes=100000-", date)


def test_a_server_that_always_cuts_and_cannot_resume_does_not_go_on_for_ever(server: Server, target: Path) -> None:
    server.answer = cut_at(100_000, ranges=False)
    with pytest.raises(ColorizeError, match=r"ended at 100.00 kB of 512.00 kB \(2 tries\)"):
        get(server, target)
    assert len(server.asked) == 3
    assert not target.exists()


def test_a_part_longer_than_the_file_starts_again(server: Server, target: Path) -> None:
    server.answer = in_turn(cut_at(200_000), lambda h: h.send(404))
    with pytest.raises(ColorizeError):
        get(server, target)
    server.answer = lambda h: h.send_file(BODY[:150_000])
    assert get(server, target).size == 150_000


def test_bytes_that_were_damaged_are_noticed_and_fetched_again(server: Server, target: Path) -> None:
    server.answer = in_turn(cut_at(200_000), lambda h: h.send(404))
    with pytest.raises(ColorizeError):
        get(server, target)
    part = target.with_name("x.safetensors.part")
    part.write_bytes(bytes(200_000))
    server.answer = Handler.send_file
    assert get(server, target, Expected(sha256=SHA)).sha256 == SHA


def test_a_wrong_hash_is_refused_and_nothing_is_kept(server: Server, target: Path) -> None:
    with pytest.raises(ColorizeError, match=f"sha256 {SHA[:10]}..., expected 0000000000"):
        get(server, target, Expected(sha256="0" * 64))
    assert left(target) == []


def test_the_hash_that_a_hub_states_is_checked(server: Server, target: Path) -> None:
    def hub(stated: str) -> Callable[[Handler], None]:
        return lambda h: (h.send(302, Location="/cdn", X_Linked_Etag=f'"{stated}"') if h.path == "/x"
                          else h.send_file(etag='"of-the-cdn"'))

    server.answer = hub("1" * 64)
    with pytest.raises(ColorizeError, match="damaged on the way or another file"):
        get(server, target)
    server.answer = hub(SHA)
    assert get(server, target).sha256 == SHA
    assert [path for path, *_ in server.asked] == ["/x", "/cdn"] * 2


def test_another_mirror_goes_on_when_both_state_the_same_hash(server: Server, target: Path) -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/a" and handler.headers.get("Range"):
            return handler.send(404)
        handler.send_file(etag=f'"{handler.path}"', cut=300_000 if handler.path == "/a" else None, X_Linked_Etag=SHA)

    server.answer = answer
    got = download([server.url + "/a", server.url + "/b"], target, patience=HASTY)
    assert (got.sha256, got.url) == (SHA, server.url + "/b")
    assert server.asked[-1] == ("/b", "bytes=300000-", "")


def test_another_mirror_starts_again_when_it_may_have_another_file(server: Server, target: Path) -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/b":
            return handler.send_file()
        handler.send_file(bytes(len(BODY)), cut=300_000) if not handler.headers.get("Range") else handler.send(404)

    server.answer = answer
    assert download([server.url + "/a", server.url + "/b"], target, patience=HASTY).sha256 == SHA


def test_mirrors_are_tried_in_order_and_every_reason_is_told(server: Server, target: Path) -> None:
    answers = {"/gated": 401, "/forbidden": 403, "/gone": 404, "/teapot": 418, "/busy": 429, "/nothing": 204}
    server.answer = lambda h: h.send(answers[h.path], Content_Length=None if h.path == "/nothing" else 0)
    closed = Server()
    closed.server_close()
    with pytest.raises(ColorizeError) as caught:
        download([server.url + path for path in answers] + [closed.url + "/x"], target, patience=HASTY)
    said = str(caught.value)
    for part in ("HTTP 401: it wants a login", "HTTP 403", "HTTP 404: the file is not there", "HTTP 418", "HTTP 429",
                 "HTTP 204", "refused", "(2 tries)", "set another mirror", "import it"):
        assert part in said
    assert "\n" not in said and said.startswith("x.safetensors: not downloaded.")
    assert [path for path, *_ in server.asked] == [
        "/gated", "/forbidden", "/gone", "/teapot", "/busy", "/busy", "/nothing"]
    assert left(target) == []


@pytest.mark.parametrize("page", [
    lambda h: h.send(200, b"<p>Log in</p>", Content_Type="text/html; charset=utf-8"),
    lambda h: h.send(200, b"\n <!DOCTYPE html><title>Blocked</title>", Content_Type="application/octet-stream"),
])
def test_a_web_page_is_no_file_and_spoils_no_part(
    server: Server, target: Path, page: Callable[[Handler], None],
) -> None:
    server.answer = in_turn(cut_at(200_000), page)
    with pytest.raises(ColorizeError, match="sends a web page, not the file.* 200.00 kB are kept"):
        get(server, target)
    server.answer = Handler.send_file
    assert get(server, target).sha256 == SHA
    assert server.asked[-1][1] == "bytes=200000-"


def test_a_file_of_another_size_is_refused_before_it_is_fetched(server: Server, target: Path) -> None:
    for expected in (Expected(len(BODY) + 1), Expected(3_890_000_000, approximate=True)):
        with pytest.raises(ColorizeError, match="offers 512.00 kB, expected .*: another file"):
            get(server, target, expected)
    assert get(server, target, Expected(int(len(BODY) * 1.01), approximate=True)).size == len(BODY)


def test_without_a_stated_length_the_size_is_checked_at_the_end(server: Server, target: Path) -> None:
    server.answer = lambda h: h.send(200, BODY, Content_Length=None, Connection="close")
    with pytest.raises(ColorizeError, match="offers 512.00 kB, expected 512.00 kB"):
        get(server, target, Expected(len(BODY) + 1))
    assert get(server, target, Expected(len(BODY))).sha256 == SHA


def test_a_chunked_answer_that_is_cut_is_not_taken_for_whole(server: Server, target: Path) -> None:
    def chunked(handler: Handler, whole: bool) -> None:
        handler.send(200, Content_Length=None, Transfer_Encoding="chunked")
        handler.wfile.write(b"%x\r\n" % len(BODY) + (BODY + b"\r\n0\r\n\r\n" if whole else BODY[:1000]))

    server.answer = lambda h: chunked(h, False)
    with pytest.raises(ColorizeError, match="IncompleteRead"):
        get(server, target)
    server.answer = lambda h: chunked(h, True)
    assert get(server, target).sha256 == SHA


def test_a_compressed_answer_and_an_empty_one_are_refused(server: Server, target: Path) -> None:
    server.answer = lambda h: h.send(200, b"\x1f\x8b", Content_Encoding="gzip")
    with pytest.raises(ColorizeError, match="as gzip"):
        get(server, target)
    server.answer = lambda h: h.send(200)
    with pytest.raises(ColorizeError, match="sends nothing"):
        get(server, target)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed_when_resuming_too(server: Server, target: Path, code: int) -> None:
    parts = in_turn(cut_at(100_000), Handler.send_file)
    server.answer = lambda h: h.send(code, Location=f"{server.url}/cdn") if h.path == "/x" else parts(h)
    assert get(server, target).sha256 == SHA
    assert server.asked[-1] == ("/cdn", "bytes=100000-", '"v1"')


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_elsewhere_is_not_followed(server: Server, target: Path, where: str) -> None:
    server.answer = lambda h: h.send(302, Location=where)
    with pytest.raises(ColorizeError, match=r"(R|r)edirect.*not"):
        get(server, target)


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    request = urllib.request.Request("https://hub.example/x")
    with pytest.raises(http_transfer.Refused, match="from https to http, which is not followed"):
        http_transfer._Redirects().redirect_request(request, io.BytesIO(), 302, "", {}, "http://cdn.example/x")


def test_the_environments_proxy_is_used(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    assert download(["http://hub.invalid/x"], target, patience=HASTY).sha256 == SHA
    assert server.asked[0][0] == "http://hub.invalid/x"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "x", "http://", ""])
def test_only_http_addresses_are_asked(url: str, target: Path) -> None:
    with pytest.raises(ColorizeError, match="begins with http"):
        download([url], target)
    assert left(target) == []


def test_a_silent_server_is_left_after_the_timeout(server: Server, target: Path) -> None:
    over = threading.Event()
    server.answer = lambda h: over.wait(10)
    begin = time.monotonic()
    with pytest.raises(ColorizeError, match=r"timed out.*\(1 tries\)"):
        download([server.url + "/x"], target, patience=Patience(timeout=0.2, tries=1, wait=0.01))
    assert time.monotonic() - begin < 3
    over.set()


def test_stop_takes_effect_in_the_middle_and_keeps_what_came(server: Server, target: Path) -> None:
    stop = threading.Event()

    def slow(handler: Handler) -> None:
        handler.send(200, BODY[:1000], Content_Length=len(BODY), ETag='"v1"')
        for i in range(1000, 5000, 1000):
            time.sleep(0.05)
            handler.wfile.write(BODY[i:i + 1000])
            stop.set()
        time.sleep(0.5)

    server.answer = slow
    with pytest.raises(http_transfer.Stopped, match=r"stopped at .* kB, which is kept"):
        get(server, target, cancel=stop)
    assert 1000 <= target.with_name("x.safetensors.part").stat().st_size < 5000
    server.answer = Handler.send_file
    assert get(server, target).sha256 == SHA
    assert server.asked[-1][1].startswith("bytes=")


def test_stop_during_a_pause_between_tries_is_heeded(server: Server, target: Path) -> None:
    stop = threading.Event()
    server.answer = lambda h: h.send(503, Retry_After=30)
    threading.Timer(0.2, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(http_transfer.Stopped):
        get(server, target, cancel=stop)
    assert time.monotonic() - begin < 3


def test_a_full_disk_is_told_before_the_first_byte(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(placing, "RESERVE", 1 << 60)
    with pytest.raises(ColorizeError, match=r"free, 512.00 kB more needed; make room"):
        get(server, target)
    assert not target.exists()


def test_what_is_dropped_counts_as_room(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that holds the file once, and a server that cannot resume."""
    server.answer = in_turn(cut_at(400_000), lambda handler: handler.send(503))
    with pytest.raises(ColorizeError):
        get(server, target, Expected(len(BODY)))

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=len(BODY) + 50_000 - sum(file.stat().st_size for file in folder.iterdir()))

    monkeypatch.setattr(placing, "RESERVE", 0)
    monkeypatch.setattr(placing.shutil, "disk_usage", usage)
    server.answer = lambda handler: handler.send_file(ranges=False)
    assert get(server, target).sha256 == SHA


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_is_no_reason_to_ask_another_mirror(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        def fills_up(part: part_file.PartFile, block: bytes) -> None:
            with part._own_disk():
                full.write(block)

        monkeypatch.setattr(part_file.PartFile, "write", fills_up)
        with pytest.raises(ColorizeError, match="No space left on device; what came so far is kept"):
            download([server.url + "/a", server.url + "/b"], target, patience=HASTY)
    assert [path for path, *_ in server.asked] == ["/a"]


def _made(target: Path) -> Path:
    target.parent.mkdir(parents=True)
    return target


def test_a_file_that_is_there_is_never_overwritten(server: Server, target: Path) -> None:
    _made(target).write_bytes(b"mine")
    with pytest.raises(ColorizeError, match="there already"):
        get(server, target)
    assert target.read_bytes() == b"mine" and server.asked == []


def test_a_file_put_there_meanwhile_is_not_overwritten(server: Server, target: Path) -> None:
    with pytest.raises(ColorizeError, match="a file of this name already"):
        get(server, target, check=lambda path: target.write_bytes(b"mine") and None)
    assert target.read_bytes() == b"mine"


def test_a_second_download_of_the_same_file_is_refused(server: Server, target: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def waits(handler: Handler) -> None:
        begun.set()
        go_on.wait(10)
        handler.send_file()

    server.answer = waits
    results: list[Downloaded] = []
    patience = Patience(timeout=10, tries=1)
    first = threading.Thread(target=lambda: results.append(download([server.url], target, patience=patience)))
    first.start()
    assert begun.wait(10)
    with pytest.raises(ColorizeError, match=f"already being written by process {os.getpid()} since 20"):
        get(server, target)
    go_on.set()
    first.join()
    assert results[0].sha256 == SHA


def test_a_crashed_download_bars_nobody(server: Server, target: Path) -> None:
    code = ("import pathlib, sys\nfrom lib_colorize.models.disk import only_one\n"
            "with only_one(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code, str(_made(target))], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, cwd=SHIPPED.parent.parent) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(ColorizeError, match=f"by process {holder.pid}"), only_one(target):
            pass
        holder.kill()
        holder.wait()
    assert left(target) == ["x.safetensors.lock"]
    assert get(server, target).sha256 == SHA
    assert left(target) == ["x.safetensors", "x.safetensors.sha256"]


def test_what_a_progress_callback_raises_goes_through_and_the_next_call_resumes(server: Server, target: Path) -> None:
    def closed(*_: object) -> None:
        raise RuntimeError("the page was closed")

    with pytest.raises(RuntimeError, match="the page was closed"):
        get(server, target, progress=closed)
    assert get(server, target).sha256 == SHA


def entry(licence: object = MIT, purpose: Purpose = Purpose.CHECKPOINT) -> KnownFile:
    return KnownFile("small", "small.safetensors", purpose, "", SHIPPED.stat().st_size, licence,  # type: ignore[arg-type]
                     "owner/repo/small.safetensors", approximate=False)


def test_a_non_commercial_file_is_not_asked_for_before_its_licence_is_accepted(server: Server, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "own", (tmp_path / "checkpoints",))
    with pytest.raises(ColorizeError, match=r"CC BY-NC-SA 4.0, Non-commercial use only\..*Accept the licence .*by-nc"):
        fetch(entry(CC_BY_NC_SA), folders, base_url=server.url)
    assert server.asked == [] and list(tmp_path.iterdir()) == []
    server.answer = lambda h: h.send_file(SHIPPED.read_bytes())
    got = fetch(entry(CC_BY_NC_SA), folders, accepted=True, base_url=server.url)
    assert got.path == tmp_path / "checkpoints" / "small.safetensors"
    assert got.path.read_bytes() == SHIPPED.read_bytes() and server.asked[0][0] == "/owner/repo/small.safetensors"
    require_licence_accepted(known("vit-h"), False)  # MIT asks for nothing


def test_a_file_of_another_kind_is_refused_by_its_structure(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lib_colorize.models.catalogue.HUBS", (server.url,))
    server.answer = lambda h: h.send_file(SHIPPED.read_bytes())
    with pytest.raises(ColorizeError, match="expected a reference encoder such as CLIP-ViT-H-14"):
        fetch(entry(purpose=Purpose.REFERENCE_ENCODER), Folders(tmp_path / "own"), patience=HASTY)
    assert left(tmp_path / "own" / "x") == []
