"""A folder of many sketches does not grow: a short run with tiny networks, seen from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_colorize.errors import ColorizeError
from tools.finishing_check.memory import PROCESS, after, memory_of_folder

COUNT, EARLY = 40, 16


@pytest.mark.skipif(not PROCESS.exists(), reason="only Linux tells what a process holds")
def test_memory_after_many_files_is_that_after_the_first_ones(tiny_checkpoint: Path, tmp_path: Path) -> None:
    used = memory_of_folder(tmp_path, COUNT, ["--steps", "1", "--checkpoint", str(tiny_checkpoint)])
    assert len(used) >= COUNT - 5 and after(used, EARLY) > 50e6
    assert after(used, COUNT) / after(used, EARLY) < 1.05
    assert (tmp_path / "done.png").exists() and (tmp_path / "done.csv").read_bytes().count(b"\r\n") == COUNT + 1


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match="no such file"):
        memory_of_folder(tmp_path, 2, ["--checkpoint", str(tmp_path / "none.safetensors")])
