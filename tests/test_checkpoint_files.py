"""A file that is no checkpoint gives one clear line and nothing runs; a good one is read as it is."""

from __future__ import annotations

import collections
import hashlib
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lib_colorize.checkpoint.files import file_sha256, open_tensors
from lib_colorize.checkpoint.read import read, read_reference_encoder
from lib_colorize.checkpoint.report import inspect
from lib_colorize.errors import ColorizeError

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16), "c": torch.tensor(3)}


def header(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


class RunsCode:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch /tmp/colorize-should-not-exist",)


def bad_file(folder: Path, what: str) -> Path:
    """A file (or folder) of each kind that people really have."""
    path = folder / f"{what.replace(' ', '-')}.safetensors"
    good = folder / "good.safetensors"
    save_file(TENSORS, good)
    if what == "folder":
        path.mkdir()
    elif what == "pickle with code":
        torch.save({"state_dict": {"a": RunsCode()}}, path)
    elif what == "old pickle with code":
        path.write_bytes(pickle.dumps({"a": RunsCode()}, protocol=2))
    elif what == "pickle of other objects":
        torch.save({"state_dict": TENSORS, "callbacks": collections.Counter("ab"), "x": Path("x")}, path)
    elif what == "pickle without tensors":
        torch.save({"epoch": 3}, path)
    elif what == "cut-off PyTorch file":
        torch.save(TENSORS, path)
        path.write_bytes(path.read_bytes()[:-300])
    elif what != "missing":
        path.write_bytes({
            "empty": b"", "text": b"<html>Access denied, please log in to download this file</html>", "short": b"abc",
            "LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 3890000000\n",
            "cut off in the data": good.read_bytes()[:-7], "cut off in the header": good.read_bytes()[:40],
            "header without tensors": header(b'{"__metadata__":{"a":"b"}}'), "header of garbage": header(b'{"a": [1,}'),
            "header of a list": header(b"{1, 2}    "), "deep header": header(b'{"a":' + b"[" * 100_000),
            "wrong offsets": header(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}') + b"\0" * 16,
            "odd shape": header(b'{"a":{"dtype":"F32","shape":"x","data_offsets":[0,4]}}') + b"\0" * 16,
        }[what])
    return path


@pytest.mark.parametrize(("what", "says"), [
    ("missing", "no such file"), ("folder", "a folder"), ("empty", "empty"), ("text", "not a checkpoint"),
    ("short", "not a checkpoint"), ("LFS pointer", "Git LFS pointer"), ("cut off in the data", "cut off"),
    ("cut off in the header", "cut off"), ("header without tensors", "without any tensor"),
    ("header of garbage", "bad header"), ("header of a list", "bad header"), ("deep header", "bad header"),
    ("wrong offsets", "not a readable safetensors"), ("odd shape", "bad header"),
    ("pickle with code", "holds code"), ("old pickle with code", "holds code"),
    ("pickle of other objects", "convert it"), ("pickle without tensors", "without a state dict"),
    ("cut-off PyTorch file", "cut-off or broken"),
])
def test_a_bad_file_gives_one_clear_line(what: str, says: str, tmp_path: Path) -> None:
    path = bad_file(tmp_path, what)
    for use in (read, read_reference_encoder, inspect):
        with pytest.raises(ColorizeError, match=says) as raised:
            use(path)
        assert "\n" not in str(raised.value)
        assert str(path) in str(raised.value)
    assert not Path("/tmp/colorize-should-not-exist").exists()


@pytest.mark.parametrize("how", ["safetensors", "zip", "legacy", "state_dict", "misnamed"])
def test_every_good_format_gives_the_same_tensors(how: str, tmp_path: Path) -> None:
    path = tmp_path / ("x.ckpt" if how != "safetensors" else "x.safetensors")
    if how in ("safetensors", "misnamed"):
        save_file(TENSORS, path)
    else:
        torch.save({"state_dict": TENSORS, "epoch": 1} if how == "state_dict" else TENSORS, path,
                   _use_new_zipfile_serialization=how != "legacy")
    with open_tensors(path) as file:
        assert {k: (e.shape, e.dtype, e.bytes) for k, e in file.entries.items()} == {
            "a.weight": ((2, 3), "F32", 24), "b": ((4,), "F16", 8), "c": ((), "I64", 8)}
        assert all(torch.equal(file.tensor(k), v) for k, v in TENSORS.items())


def test_tensors_outlive_their_file(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors", {"key": "value"})
    with open_tensors(tmp_path / "x.safetensors") as file:
        tensor = file.tensor("a.weight")
        assert file.metadata == {"key": "value"}
    assert torch.equal(tensor, TENSORS["a.weight"])


def test_an_error_of_the_caller_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors")
    with pytest.raises(OSError, match="my own"), open_tensors(tmp_path / "x.safetensors"):
        raise OSError("my own")


def test_hash_is_that_of_the_file_and_follows_a_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    assert file_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"other")
    assert file_sha256(path) == hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ColorizeError):
        file_sha256(tmp_path / "none")


def test_a_file_of_other_tensors_is_named_unknown(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors")
    with pytest.raises(ColorizeError, match="unknown; expected a ColorizeDiffusion checkpoint"):
        read(tmp_path / "x.safetensors")
    with pytest.raises(ColorizeError, match="no reference encoder"):
        read_reference_encoder(tmp_path / "x.safetensors")
    assert inspect(tmp_path / "x.safetensors").kind.value == "unknown"
