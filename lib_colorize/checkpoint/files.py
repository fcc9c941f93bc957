"""Open a checkpoint file of any format: keys, shapes, dtypes and metadata at once, tensors one by one.

The format is told by the first bytes, not by the name. Pickles are only ever read with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import ColorizeError

MAX_HEADER = 100_000_000  # bytes; the limit of the safetensors format
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


class Entry(NamedTuple):
    """One tensor of a file, unread; dtype as safetensors names it (F32, F16, BF16, ...)."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def values(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def bytes(self) -> int:
        return self.values * ITEM_BYTES.get(self.dtype, 1)


class TensorFile:
    """An open file: `entries` (key -> Entry), `metadata`, `tensor(key)`."""

    def __init__(self, entries: Mapping[str, Entry], metadata: Mapping[str, str], tensors: Any, path: Path) -> None:
        self.entries, self.metadata, self.path = entries, metadata, path
        self._tensors = tensors

    def tensor(self, key: str) -> Tensor:
        """The tensor as stored, on the CPU; read (or mapped) now."""
        try:
            lazy = hasattr(self._tensors, "get_tensor")
            found: Tensor = self._tensors.get_tensor(key) if lazy else self._tensors[key]
        except (OSError, SafetensorError) as error:
            raise ColorizeError(f"{self.path}: cannot read {key}: {error}") from None
        return found


@contextmanager
def open_tensors(path: str | os.PathLike[str]) -> Iterator[TensorFile]:
    """Open a .safetensors, .ckpt, .pt, .pth or .bin file; ColorizeError when it is none of them, cut off or unsafe."""
    file = Path(path)
    start, size = _first_bytes(file)
    header = int.from_bytes(start[:8], "little")
    if len(start) > 8 and start[8:9] == b"{" and header < MAX_HEADER:
        if 8 + header > size:
            raise ColorizeError(f"{file}: cut off, its header alone needs {8 + header} bytes and the file has {size}; "
                                "fetch it again")
        entries, metadata = _safetensors_header(file, header, size)
        try:
            handle = safe_open(file, framework="pt", device="cpu")
        except (OSError, SafetensorError) as error:
            raise ColorizeError(f"{file}: not a readable safetensors file: {error}") from None
        with handle as tensors:
            yield TensorFile(entries, metadata, tensors, file)
    elif start.startswith((b"PK\x03\x04", b"\x80")):
        tensors = _load_pickle(file)
        entries = {k: Entry(tuple(t.shape), NAMES.get(t.dtype, str(t.dtype))) for k, t in tensors.items()}
        yield TensorFile(entries, {}, tensors, file)
    elif start.startswith(b"GGUF"):
        raise ColorizeError(f"{file}: a GGUF file, whose weights are quantised; use the checkpoint as safetensors")
    else:
        raise ColorizeError(f"{file}: not a checkpoint (neither safetensors nor a PyTorch file)")


def _first_bytes(file: Path) -> tuple[bytes, int]:
    """The first 40 bytes and the size; ColorizeError when there is no file or nothing in it."""
    if file.is_dir():
        raise ColorizeError(f"{file}: a folder, expected a checkpoint file")
    try:
        with file.open("rb") as stream:
            start = stream.read(40)
        size = file.stat().st_size
    except FileNotFoundError:
        raise ColorizeError(f"{file}: no such file") from None
    except (OSError, ValueError) as error:
        raise ColorizeError(f"{file}: cannot be read: {error}") from None
    if not start:
        raise ColorizeError(f"{file}: empty (0 bytes); fetch it again")
    if start.startswith(b"version https://git-lfs"):
        raise ColorizeError(f"{file}: a Git LFS pointer, not the weights themselves; run `git lfs pull` or download "
                            "the file")
    return start, size


def _safetensors_header(file: Path, length: int, size: int) -> tuple[dict[str, Entry], dict[str, str]]:
    """Shapes, dtypes and metadata; read here so that a cut-off file can be told from a broken one."""
    try:
        with file.open("rb") as stream:
            stream.seek(8)
            header = json.loads(stream.read(length))
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        entries = {k: Entry(tuple(int(n) for n in v["shape"]), str(v["dtype"])) for k, v in header.items()}
        end = 8 + length + max((int(v["data_offsets"][1]) for v in header.values()), default=0)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ColorizeError(f"{file}: not a readable safetensors file: bad header ({error})") from None
    if end > size:
        raise ColorizeError(f"{file}: cut off, it should have {end} bytes and has {size}; fetch it again")
    if not entries:
        raise ColorizeError(f"{file}: a safetensors file without any tensor, not a checkpoint")
    return entries, metadata


def _load_pickle(file: Path) -> dict[str, Tensor]:
    """The tensors of a .ckpt / .pt / .pth / .bin; of its `state_dict` when it has one."""
    try:
        try:
            found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except (RuntimeError, SafetensorError):  # of before PyTorch 1.6, or a name that newer ones take for safetensors
            with file.open("rb") as stream:
                found = torch.load(stream, map_location="cpu", weights_only=True)
    except MemoryError:
        raise ColorizeError(f"{file}: not enough memory to read it; convert it to safetensors elsewhere") from None
    except Exception as error:  # noqa: BLE001  # a broken pickle raises nearly anything
        if isinstance(error, pickle.UnpicklingError) and any(w in str(error) for w in ("GLOBAL", "global", "class")):
            raise ColorizeError(f"{file}: this pickle holds code or objects besides tensors and was not run; "
                                "convert it to safetensors with a tool that you trust") from None
        raise ColorizeError(f"{file}: a cut-off or broken PyTorch file ({type(error).__name__}); fetch it again, "
                            "or convert it to safetensors") from None
    for name in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    tensors = {str(k): v for k, v in found.items() if isinstance(v, Tensor)} if isinstance(found, dict) else {}
    if not tensors:
        raise ColorizeError(f"{file}: a PyTorch file without a state dict, not a checkpoint")
    return tensors


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The file's sha256 in hex; its first ten digits are A1111's short hash. Kept while the file does not change."""
    try:
        found = os.stat(path)
        return _sha256(os.fspath(path), found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise ColorizeError(f"{path}: cannot be read: {error}") from None


@lru_cache(maxsize=16)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
