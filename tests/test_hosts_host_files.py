"""Files that a host reads: one place whatever happens to the host, shared by several at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.webui.shared.host_files import host_file, host_files, host_folder

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A system's folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host_folder.cache_clear()
    yield tmp_path
    host_folder.cache_clear()


def all_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_same_content_is_the_same_file_and_other_content_another():
    first, again, other = host_file("a", ".yaml"), host_file("a", ".yaml"), host_file("b", ".yaml")
    assert first == again != other
    assert (first.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("a", "b")
    folder = host_files({"index.json": "{}", "vae/config.json": "[]"})
    assert all_of(folder) == ["index.json", str(Path("vae", "config.json"))]
    assert host_files({"vae/config.json": "[]", "index.json": "{}"}) == folder != host_files({"index.json": "{}"})


def test_what_has_been_cleaned_away_or_damaged_is_written_again():
    path = host_file("a", ".yaml")
    path.write_text("half", encoding="utf-8")
    assert host_file("a", ".yaml").read_text(encoding="utf-8") == "a"
    path.unlink()
    path.parent.rmdir()
    assert host_file("a", ".yaml").read_text(encoding="utf-8") == "a"


DIES = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from lib_colorize.hosts.webui.shared.host_files import host_file, host_files
host_file("content", ".yaml")
host_files({"a": "1", "b/c": "2"})
os._exit(1)  # as AUTOMATIC1111 ends by Ctrl+C
"""


def test_hosts_that_end_at_once_leave_no_more_than_one_does(temporary):
    def run(count):
        for process in [subprocess.Popen([sys.executable, "-c", DIES, str(temporary)], cwd=ROOT) for _ in range(count)]:
            assert process.wait(60) == 1

    run(1)
    once = all_of(temporary)
    run(2)  # at the same time
    assert all_of(temporary) == once and len(once) == 3


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user")
def test_a_folder_of_somebody_else_is_not_trusted(temporary, monkeypatch):
    folder = host_folder()
    assert folder.stat().st_mode & 0o077 == 0
    host_folder.cache_clear()
    folder.rmdir()
    (temporary / "theirs").mkdir()
    folder.symlink_to(temporary / "theirs", target_is_directory=True)
    with pytest.raises(ColorizeError, match="somebody else"):
        host_file("a", ".yaml")
    folder.unlink()
    folder.write_text("a file", encoding="utf-8")
    with pytest.raises(ColorizeError, match="cannot be made"):
        host_file("a", ".yaml")
