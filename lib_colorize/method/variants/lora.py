"""LoRA of cross-attention (arXiv 2106.09685): W x + up(down x), one for the figure's role, one for the background's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PROJECTIONS = ("to_q", "to_k", "to_v")
ROLES = {"figure": "fg", "background": "bg"}  # ours -> as in the keys
_KEY = re.compile(r"(?P<attention>.+)\.(?P<projection>to_[qkv])\.lora_(?P<half>down|up)_(?P<role>fg|bg)\.weight")


@dataclass(frozen=True, eq=False)
class Lora:
    """down: [r, in], up: [out, r]; added to what a projection [out, in] gives."""

    down: Tensor
    up: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """x: [..., in] -> [..., out]."""
        return F.linear(F.linear(x, self.down.to(x)), self.up.to(x))

    def to(self, device: torch.device, dtype: torch.dtype) -> Lora:
        return Lora(self.down.to(device, dtype), self.up.to(device, dtype))


class AttentionLoras:
    """Those of all cross-attentions of one role: name of the attention within the U-Net -> to_q, to_k, to_v."""

    def __init__(self, loras: Mapping[str, Mapping[str, Lora]]) -> None:
        self.loras = loras

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor], role: str) -> AttentionLoras:
        """role: of ROLES; keys as below `model.diffusion_model.` of a file."""
        found: dict[str, dict[str, Lora]] = {}
        for key in state:
            match = _KEY.fullmatch(key)
            if match and match["half"] == "down" and match["role"] == ROLES[role]:
                up = state[key.replace("lora_down", "lora_up")]
                found.setdefault(match["attention"], {})[match["projection"]] = Lora(state[key], up)
        return cls(found)

    def of(self, attention: str) -> Mapping[str, Lora]:
        """By projection; empty for an attention that has none."""
        return self.loras.get(attention, {})

    def to(self, device: torch.device, dtype: torch.dtype) -> AttentionLoras:
        return AttentionLoras({name: {to: lora.to(device, dtype) for to, lora in parts.items()}
                               for name, parts in self.loras.items()})


def is_lora(key: str) -> bool:
    """Whether a key of a U-Net is one of these."""
    return _KEY.fullmatch(key) is not None


def lora_shapes(
    attentions: Iterable[str], unet: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]],
) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a file's LoRA. unet: the U-Net's own; found: the file's, which alone tells ranks."""
    keys: dict[str, tuple[int, ...]] = {}
    for name in attentions:
        for to in PROJECTIONS:
            out, inside = unet[f"{name}.{to}.weight"]
            for role in ROLES.values():
                down, up = (f"{name}.{to}.lora_{half}_{role}.weight" for half in ("down", "up"))
                rank = (found.get(down) or (0,))[0] or (found.get(up) or (0, 0))[-1] or 1
                keys[down], keys[up] = (rank, inside), (out, rank)
    return keys
