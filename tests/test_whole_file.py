"""A file is there whole or not at all, whatever writes it and however that fails."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import torch

from lib_colorize import whole_file
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import DiskError, replacing, write_whole


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
