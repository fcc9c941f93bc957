"""Keys and shapes of a network's tensors, layer by layer."""

from __future__ import annotations

Keys = dict[str, tuple[int, ...]]


def layer(keys: Keys, name: str, out: int, *rest: int) -> None:
    """A layer with bias; no further sizes = a norm."""
    keys[f"{name}.weight"] = (out, *rest)
    keys[f"{name}.bias"] = (out,)
