"""What a v1.5 or v2 file has besides v1's networks: read when it is needed, each part anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..method.network_config import UNetConfig
from ..method.variants.lora import AttentionLoras, is_lora
from ..method.variants.parts import BUILDERS, OF_VARIANT
from ..method.variants.variant import V1, Variant
from .config import PARTS
from .files import open_tensors
from .layout import as_convolution
from .variant_keys import PREFIXES

IN_EACH_STEP = ("warps", "styles")  # the other parts run once a picture
BuildAndLoad = Callable[[Callable[[], nn.Module], dict[str, Tensor], str], nn.Module]


@dataclass(frozen=True)
class VariantFile:
    """path: of a checkpoint that has been found whole (`read`); unet: its sizes; build: (make, its state, what it is)
    -> the network, loaded strictly, where it is to run.
    """

    path: Path
    name: str  # "v1", "v1.5", "v2"
    unet: UNetConfig
    build: BuildAndLoad

    def variant(self) -> Variant:
        """With what acts in each step read now; the rest is read by `Variant.load`."""
        if self.name == "v1":
            return V1
        loras = {key: value for key, value in self._state(PARTS["unet"]).items() if is_lora(key)}
        modules: dict[str, Any] = {part: self.part(part) for part in IN_EACH_STEP if part in OF_VARIANT[self.name]}
        figure, background = (AttentionLoras.of_state(loras, role) for role in ("figure", "background"))
        return Variant(self.name, figure, background, load=self.part, **modules)

    def part(self, part: str) -> nn.Module:
        """One network, by its name in PREFIXES."""
        state = self._state(PREFIXES[part])
        shapes = {key: tuple(value.shape) for key, value in state.items()}
        unet = replace(self.unet, linear_projections=False)
        return self.build(lambda: BUILDERS[part](shapes, unet), state, part.replace("_", " "))

    def _state(self, prefix: str) -> dict[str, Tensor]:
        with open_tensors(self.path) as file:
            state = {key.removeprefix(prefix): file.tensor(key) for key in file.entries
                     if key.startswith(prefix) and (prefix != PARTS["unet"] or is_lora(key.removeprefix(prefix)))}
        return {key: as_convolution(key, value) for key, value in state.items()}
