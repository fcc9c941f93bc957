"""A file is there whole or not at all, whatever writes it and however that fails."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path

import pytest
import torch

from lib_colorize import whole_file
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import DiskError, NameRefused, NameTaken, replacing, require_writable, write_whole


def test_a_file_is_written_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / "日本.json", "é")
    write_whole(tmp_path / "日本.json", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["日本.json"]
    assert (tmp_path / "日本.json").read_bytes() == b"second"


def test_torch_can_write_there(tmp_path):
    with replacing(tmp_path / "state.pt") as unfinished:
        torch.save({"a": torch.ones(2)}, unfinished)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["a"].sum() == 2


def test_text_is_utf_8_on_every_system(tmp_path):
    write_whole(tmp_path / "a", "é\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n"


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_whole(tmp_path / "ours", "x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="says the umask without setting it")
def test_the_umask_is_never_touched_for_it_is_one_for_all_threads(tmp_path):
    """Asked after each line of ours: two threads that read it by setting it would leave it at 0 for good."""
    seen = set()

    def look(frame, event, argument):
        if frame.f_code.co_filename == whole_file.__file__:
            seen.add(re.search(r"Umask:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))[1])
        return look

    before, tracer = os.umask(0o027), sys.gettrace()
    sys.settrace(look)
    try:
        write_whole(tmp_path / "a", "x")
    finally:
        sys.settrace(tracer)
        os.umask(before)
    assert seen == {"0027"} and (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError(
    "[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")])
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path, error):
    write_whole(tmp_path / "a", "old")
    with pytest.raises(DiskError, match="a: not written: .* GB free.* unchanged"):
        with replacing(tmp_path / "a") as unfinished:
            unfinished.write_text("half")
            raise error
    assert (tmp_path / "a").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ColorizeError("of the picture"), RuntimeError("of the model"), KeyboardInterrupt()])
def test_other_errors_pass_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as raised:
        with replacing(tmp_path / "a"):
            raise error
    assert raised.value is error and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="ulimit")
def test_torch_at_a_size_limit_is_told_as_a_disk_error(tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(DiskError, match="not written"):
            with replacing(tmp_path / "a.pt") as unfinished:
                torch.save({"x": torch.zeros(10000)}, unfinished)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_told_and_none_is_made(tmp_path):
    with pytest.raises(DiskError, match="there is no folder"):
        write_whole(tmp_path / "sub" / "a", "x")
    write_whole(tmp_path / "sub" / "a", "x", parents=True)
    assert (tmp_path / "sub" / "a").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "sub"):
        with pytest.raises(DiskError, match="cannot be made"):
            write_whole(folder / "a", "x", parents=True)
    assert (tmp_path / "file").read_text() == "x"


@pytest.fixture(params=("links", "no links"))
def disk(request, monkeypatch):
    """A disk that knows hard links, or one (FAT, some shares) that does not."""
    if request.param == "no links":
        def link(*_):
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)


def test_a_file_that_is_kept_is_never_written_over(tmp_path, disk):
    write_whole(tmp_path / "a", "first", keep=True)
    with pytest.raises(NameTaken, match="a: is there already"):
        write_whole(tmp_path / "a", "second", keep=True)
    with pytest.raises(NameTaken):
        with replacing(tmp_path / "b", keep=True) as unfinished:
            unfinished.write_text("ours", encoding="utf-8")
            (tmp_path / "b").write_text("came meanwhile", encoding="utf-8")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "first", "b": "came meanwhile"}


def test_of_many_who_want_a_name_one_gets_it_whole(tmp_path, disk):
    start, outcomes = threading.Barrier(8), []

    def write(i):
        start.wait()
        try:
            write_whole(tmp_path / "a", str(i) * 50_000, keep=True)
            outcomes.append(i)
        except NameTaken:
            outcomes.append(None)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [i for i in outcomes if i is not None]
    assert (tmp_path / "a").read_text() == str(winner) * 50_000 and len(list(tmp_path.iterdir())) == 1


def test_a_name_that_the_disk_refuses_is_told_from_a_disk_that_takes_nothing(tmp_path, disk):
    (tmp_path / "folder").mkdir()
    for name in ("a" * 300, "folder"):
        with pytest.raises(NameRefused, match="name"):
            write_whole(tmp_path / name, "x", keep=True)
    with pytest.raises(DiskError) as raised:
        write_whole(tmp_path / "none" / "a", "x", keep=True)
    assert not isinstance(raised.value, NameRefused) and os.listdir(tmp_path) == ["folder"]


def test_a_folder_that_takes_no_file_is_told_before_the_work(tmp_path, monkeypatch):
    require_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DiskError, match="no file can be written there: Read-only file system"):
        require_writable(tmp_path)
