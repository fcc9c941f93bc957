"""Keys of a file as they are without what a wrapper of training put before or into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from .config import PARTS

SEGMENTS = frozenset((  # DistributedDataParallel, torch.compile, DeepSpeed, FSDP, activation checkpointing
    "module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))


def own_keys(keys: Iterable[str]) -> dict[str, str]:
    """Key as it should be -> key in the file; empty when nothing is wrapped, or when two keys would become one.

    Segments of wrappers are left out wherever they stand, and so is what stands before the prefixes of the networks
    (model.model.diffusion_model., net.control_encoder.).
    """
    plain = {key: ".".join(part for part in key.split(".") if part not in SEGMENTS) for key in keys}
    before = Counter(start for key in plain.values() if (start := _before(key)))
    longest = sorted(before, key=len, reverse=True)
    own = {}
    for key, name in plain.items():
        start = next((start for start in longest if name.startswith(start) and _before(name) in (None, start)), "")
        own[name.removeprefix(start)] = key
    return {} if len(own) < len(plain) or all(name == key for name, key in own.items()) else own


def wrapper_of(own: Mapping[str, str]) -> str:
    """One key of a wrapped file beside what it should be, for a message."""
    name = next(name for name, key in own.items() if name != key)
    return f"{own[name]} for {name}"


def _before(key: str) -> str | None:
    """What stands before a network's prefix in a key; None when it has none."""
    places = [at for prefix in PARTS.values() if (at := f".{key}".find(f".{prefix}")) >= 0]
    return key[:min(places)] if places else None
