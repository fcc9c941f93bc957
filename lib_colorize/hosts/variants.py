"""v1.5 and v2 in a host: what they have besides v1's networks, read from the file, on the host's device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..checkpoint.kinds import VARIANTS
from ..checkpoint.variant_file import BuildAndLoad, VariantFile
from ..method.shown_tokens import shown_tokens
from ..method.variants.variant import V1, Variant
from .checkpoints import ColorizeFile, loaded_module
from .host import Host
from .tokens import encoded


def variant_name(file: ColorizeFile) -> str:
    """"v1", "v1.5" or "v2"."""
    return VARIANTS[file.kind]


def host_variant(host: Host, file: ColorizeFile) -> Variant:
    """Read anew; in half precision on a GPU, as all that runs beside the host's own networks."""
    if variant_name(file) == "v1":
        return V1
    device = host.device()
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    found = VariantFile(file.path, variant_name(file), file.config.unet, _builder(host, device, dtype)).variant()
    return found.to(device, dtype)


def _builder(host: Host, device: torch.device, dtype: torch.dtype) -> BuildAndLoad:
    def build(make: Callable[[], nn.Module], state: dict[str, Tensor], what: str) -> nn.Module:
        host.show_progress(f"Reading the {what}")
        module = loaded_module(make, state, dtype)
        host.make_room(module)
        host.show_progress("")
        return module.to(device)

    return build


class HostEyes:
    """A host's encoders, as `Apart` asks for them."""

    def __init__(self, host: Host, file: ColorizeFile) -> None:
        self._host, self._file = host, file

    def tokens(self, picture: Tensor) -> Tensor:
        return shown_tokens(encoded(self._host, self._file, picture)).to(self._host.device())

    def latent(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        mean, std = self._host.moments(picture)
        return mean + std * torch.randn(mean.shape, generator=generator).to(mean)
