"""A module's `forward` replaced on the instance, for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from torch import Tensor, nn


def replace_forward(undo: ExitStack, module: nn.Module, forward: Callable[..., Tensor]) -> None:
    """Sets `forward` on the instance; on the way out the attribute is again what it was, or again absent."""
    own = vars(module)
    if "forward" in own:
        undo.callback(own.__setitem__, "forward", own["forward"])
    else:
        undo.callback(own.pop, "forward", None)
    own["forward"] = forward
