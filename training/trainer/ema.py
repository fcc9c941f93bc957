"""Exponential moving average of the trained weights, also of sharded and of half precision ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class EMA:
    """decay = min(max_decay, (1 + n) / (10 + n)), n counts updates from 1 (as the released trainer; golden train.ema).

    Every process keeps the shadow of what it holds of each parameter: all of it, or its shard under FSDP.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], max_decay: float) -> None:
        self.parameters, self.max_decay, self.updates = list(parameters), max_decay, 0
        self.shadow = [_master(p).clone() for p in self.parameters]
        self._plain: list[Tensor] | None = None

    @torch.no_grad()
    def update(self) -> None:
        """After an optimizer step."""
        self.updates += 1
        decay = min(self.max_decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_([_local(s) for s in self.shadow], self._masters(), 1 - decay)

    def _masters(self) -> list[Tensor]:
        """This process's part of every parameter in float32."""
        if self._plain is None:
            self._plain = [p.detach() for p in self.parameters if _is_plain(p)]
        if len(self._plain) == len(self.parameters):
            return self._plain
        if any(hasattr(p, "_hp_mapping") for p in self.parameters):
            return gathered_masters(self.parameters)
        return [_local(_master(p)) for p in self.parameters]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model has the averaged weights; undone on the way out, whatever the way."""
        with torch.no_grad():
            own = [p.detach().clone() for p in self.parameters]
            try:
                _copy(self.parameters, self.shadow)
                yield
            finally:
                _copy(self.parameters, own)

    def state_dict(self) -> dict[str, Any]:
        """This process's part."""
        return {"updates": self.updates, "shadow": [_local(s).cpu() for s in self.shadow]}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = int(state["updates"])
        for shadow, stored in zip(self.shadow, state["shadow"], strict=True):
            _local(shadow).copy_(stored)


def gathered_masters(parameters: Sequence[Any]) -> list[Tensor]:
    """The float32 copies that DeepSpeed's optimizer has of half precision parameters, in shares: by one reduction."""
    from deepspeed import comm

    flat = torch.zeros(sum(p.numel() for p in parameters), device=parameters[0].device)
    wholes = torch.split(flat, [p.numel() for p in parameters])
    for parameter, whole in zip(parameters, wholes):
        share = parameter._hp_mapping
        if share is not None:  # this process has some of it
            address = share.lp_fragment_address
            whole[address.start:address.start + address.numel] = share.get_hp_fragment()
    comm.all_reduce(flat, group=parameters[0]._dp_group)
    return [whole.view_as(parameter) for whole, parameter in zip(wholes, parameters)]


def _is_plain(parameter: nn.Parameter) -> bool:
    """Its float32 numbers are its own, all of them here."""
    return parameter.dtype == torch.float32 and not any(hasattr(parameter, x) for x in ("_hp_mapping", "to_local"))


def _copy(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for parameter, value in zip(parameters, values):
        parameter.copy_(value)


def _local(tensor: Tensor) -> Tensor:
    """The shard of a DTensor that lies here; any other tensor itself. Writing to it writes to the whole."""
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


def _master(parameter: nn.Parameter) -> Tensor:
    """The parameter in float32; for half precision ones of DeepSpeed the optimizer's float32 copy, gathered."""
    if parameter.dtype != torch.float32 and hasattr(parameter, "_hp_mapping"):
        from deepspeed.utils import safe_get_full_fp32_param

        whole: Tensor | None = safe_get_full_fp32_param(parameter)
        if whole is not None:
            return whole.detach()
    return parameter.detach().float()
