"""What a program dispatches: how many operators, and which of them would make it wait for a graphics card.

Without a card, `FakeTensorMode` has tensors that are on one; this mode, entered after it, sees what is done to them.
"""

from __future__ import annotations

import collections
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ANSWERS = {"aten::_local_scalar_dense": 0.0, "aten::equal": True, "aten::is_nonzero": False}  # what asks for a value
INDEXED = ("aten::index", "aten::index_put", "aten::index_put_")


class Dispatched(TorchDispatchMode):
    """Inside, `names` counts operators other than views, `waits` names those that need an answer or cross devices."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Count from here."""
        self.names: collections.Counter[str] = collections.Counter()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func._schema.name
        if func.namespace == "prim":  # a question about a tensor, not about its values
            return func(*args, **kwargs)
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # in inference mode what is made of others is not taken apart before
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        if not _is_view(func):
            self.names[name] += 1
        places = {value.device.type for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)}
        if name in ANSWERS and places != {"cpu"}:
            self.waits.append(name)
            return ANSWERS[name]
        out = func(*args, **kwargs)
        places |= {value.device.type for value in tree_leaves(out) if isinstance(value, Tensor)}
        copies = name in ("aten::_to_copy", "aten::copy_") or name in INDEXED
        if copies and len(places) > 1:
            self.waits.append(f"{name} {sorted(places)}")
        return out

    def __len__(self) -> int:
        return sum(self.names.values())


def _is_view(func: Any) -> bool:
    aliases = [value.alias_info for value in func._schema.returns]
    return func is torch.ops.aten._unsafe_view.default or any(
        alias is not None and not alias.is_write for alias in aliases)
