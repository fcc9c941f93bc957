"""How many operators each sampling step of a running host dispatches, and which of them wait for the device.

POST /probe/operators   count from now on
GET  /probe/operators   the steps since then, and no counting any more: of each {"operators", "waits", "names"}

A step is one evaluation of the host's denoiser: its conditions, its U-Net, its guidance. Views are left out, as they
compute nothing. Waits are those operators whose answer the program needs before it can go on.
"""

from __future__ import annotations

import collections
from typing import Any

import torch
from modules import script_callbacks, sd_samplers_cfg_denoiser
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("aten._local_scalar_dense", "aten.item", "aten.equal", "aten.is_nonzero", "aten.nonzero")
steps: list[dict[str, Any]] = []
original = sd_samplers_cfg_denoiser.CFGDenoiser.forward


class Count(TorchDispatchMode):
    """Names of what is dispatched inside, without views."""

    def __init__(self) -> None:
        super().__init__()
        self.names: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # inference mode hands over what is made of others
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        if not is_view(func):
            self.names[str(func.overloadpacket)] += 1
        return func(*args, **kwargs)


def is_view(func: Any) -> bool:
    aliases = [value.alias_info for value in func._schema.returns]
    return func is torch.ops.aten._unsafe_view.default or any(
        alias is not None and not alias.is_write for alias in aliases)


def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
    with Count() as count:
        out = original(self, *args, **kwargs)
    waits = sum(number for name, number in count.names.items() if name in WAITS)
    steps.append({"operators": sum(count.names.values()), "waits": waits, "names": dict(count.names)})
    return out


def stop() -> None:
    sd_samplers_cfg_denoiser.CFGDenoiser.forward = original


def routes(_: Any, app: Any) -> None:
    @app.post("/probe/operators")
    def post_operators() -> dict[str, Any]:
        steps.clear()
        sd_samplers_cfg_denoiser.CFGDenoiser.forward = forward
        return {}

    @app.get("/probe/operators")
    def get_operators() -> list[dict[str, Any]]:
        stop()
        return steps


script_callbacks.on_app_started(routes)
script_callbacks.on_script_unloaded(stop)
