"""Tensors on their way to a device: what is stored once for three channels stays so, in the order it lies in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import torch
from torch import Tensor

Tensors = TypeVar("Tensors")


def stored_once(tensor: Tensor) -> Tensor:
    """Without the repetitions of an expanded tensor: axes of stride 0 are 1 long, every element has its own place.

    torch can neither pin an expanded tensor nor move it as it is: it would write to one place more than once. What is
    dense already, channels first or last, is not copied.
    """
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride())):
        if stride == 0 and size > 1:
            tensor = tensor.narrow(axis, 0, 1)
    channels_last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return tensor if channels_last else tensor.contiguous()


def pinned(tensor: Tensor, pin: Callable[[Tensor], Tensor] = Tensor.pin_memory) -> Tensor:
    """A page-locked copy of the same shape and content."""
    return pin(stored_once(tensor)).expand(tensor.shape)


def moved(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The same on a device, without waiting where its memory is pinned."""
    return stored_once(tensor).to(device, non_blocking=True).expand(tensor.shape)


def changed(group: Tensors, change: Callable[[Tensor], Tensor]) -> Tensors:
    """A dataclass of tensors (None: not there) with each of them changed; one that stands in two fields once."""
    done: dict[int, Tensor] = {}
    found: dict[str, Tensor] = {}
    for field in fields(group):  # type: ignore[arg-type]
        tensor = getattr(group, field.name)
        if tensor is not None:
            if id(tensor) not in done:
                done[id(tensor)] = change(tensor)
            found[field.name] = done[id(tensor)]
    return replace(group, **found)  # type: ignore[type-var]
