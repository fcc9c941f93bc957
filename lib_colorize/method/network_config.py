"""The sizes of every network, as data: inferred from a file by `checkpoint/`, named in recipes, built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from ..errors import ColorizeError

LARGEST = 65536  # of any size; metadata above it is nonsense


@dataclass(frozen=True)
class UNetConfig:
    """LDM's `UNetModel`; attention_resolutions are down-sampling factors, largest first."""

    in_channels: int
    out_channels: int
    model_channels: int
    channel_mult: tuple[int, ...]
    num_res_blocks: int
    attention_resolutions: tuple[int, ...]
    num_head_channels: int
    context_dim: int
    transformer_depth: int
    linear_projections: bool  # proj_in / proj_out as 2-D weights (Stability's files), not 1x1 convolutions (released)


@dataclass(frozen=True)
class VAEConfig:
    """LDM's `AutoencoderKL`; attn_resolutions are counted from a 256 px picture."""

    ch: int
    ch_mult: tuple[int, ...]
    num_res_blocks: int
    z_channels: int
    embed_dim: int
    attn_resolutions: tuple[int, ...] = ()
    in_channels: int = 3
    out_ch: int = 3


@dataclass(frozen=True)
class SketchConfig:
    """The sketch encoder (method.md section 1)."""

    model_channels: int
    channel_mult: tuple[int, ...]
    in_channels: int = 3


@dataclass(frozen=True)
class VisionConfig:
    """open_clip's `VisionTransformer`; heads = width // head_width."""

    image_size: int
    patch_size: int
    width: int
    layers: int
    head_width: int
    mlp_ratio: float
    output_dim: int


@dataclass(frozen=True)
class NetworkConfig:
    """Everything one checkpoint file holds; None = that network is not in the file."""

    unet: UNetConfig
    vae: VAEConfig | None = None
    sketch: SketchConfig | None = None
    reference: VisionConfig | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """The configuration from JSON; ColorizeError when a field is missing or of a wrong type."""
        if not isinstance(values, Mapping):
            raise ColorizeError(f"network sizes: found {type(values).__name__}, expected an object with 'unet'")
        unet = part_from_dict(UNetConfig, values.get("unet"))
        if unet is None:
            raise ColorizeError("network sizes: no 'unet' in the metadata; the file was written by something else")
        return cls(unet, part_from_dict(VAEConfig, values.get("vae")),
                   part_from_dict(SketchConfig, values.get("sketch")),
                   part_from_dict(VisionConfig, values.get("reference")))


_Part = TypeVar("_Part", UNetConfig, VAEConfig, SketchConfig, VisionConfig)


def part_from_dict(kind: type[_Part], values: Any) -> _Part | None:
    """One part's configuration from JSON, None from None; unknown names, missing ones and wrong types raise."""
    if values is None:
        return None
    wanted = {f.name: str(f.type) for f in fields(kind)}
    if not isinstance(values, Mapping) or not set(values) <= set(wanted):
        raise ColorizeError(f"{kind.__name__}: found {values!r}, expected the names {', '.join(wanted)}")
    may_be_zero = {"num_res_blocks"} if kind is VAEConfig else set()
    found = {name: _typed(f"{kind.__name__}.{name}", wanted[name], value, name in may_be_zero)
             for name, value in values.items()}
    try:
        return kind(**found)
    except TypeError as error:
        raise ColorizeError(f"{kind.__name__} in the metadata is incomplete: {error}") from None


def _typed(name: str, wanted: str, value: Any, zero: bool = False) -> Any:
    """The value as the annotated type: bool, positive float, tuple of positive ints or positive int (or 0)."""
    if wanted == "bool" and isinstance(value, bool):
        return value
    if wanted == "float" and isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(value)
    if wanted.startswith("tuple") and isinstance(value, (list, tuple)) and (value or "mult" not in name):
        return tuple(_typed(name, "int", v) for v in value)
    least = 0 if zero else 1
    if wanted == "int" and isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST:
        return value
    raise ColorizeError(f"{name}: found {value!r}, expected {wanted} in the metadata")
