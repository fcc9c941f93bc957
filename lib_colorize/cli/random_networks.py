"""Networks of random weights, in the released size or small and of the same shape: for timing and for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..engine.engine import Engine
    from ..method.network_config import NetworkConfig, VisionConfig
    from ..method.reference_encoder import ReferenceEncoder

    State: TypeAlias = dict[str, Tensor]
    Where: TypeAlias = str | torch.device


def sizes(name: str) -> tuple[NetworkConfig, VisionConfig]:
    """The released networks (method.md section 1), or small ones of the same shape."""
    from ..method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig

    mult = (1, 2, 4, 4)
    if name == "released":
        vision = VisionConfig(224, 14, 1280, 32, 80, 4.0, 1024)
        return NetworkConfig(UNetConfig(4, 4, 320, mult, 2, (4, 2, 1), 64, 1024, 1, False),
                             VAEConfig(128, (1, 2, 4, 4), 2, 4, 4), SketchConfig(320, mult)), vision
    vision = VisionConfig(56, 14, 32, 2, 16, 4.0, 32)
    return NetworkConfig(UNetConfig(4, 4, 32, mult, 1, (4, 2, 1), 16, 32, 1, False),
                         VAEConfig(32, (1, 1, 1, 1), 1, 4, 4), SketchConfig(32, mult)), vision


def random_state(part: str, config: NetworkConfig, dtype: torch.dtype | None = None, device: Where = "cpu") -> State:
    """Random weights of one part, keys as in a file without the prefix."""
    from ..checkpoint.layout import expected_shapes

    return random_tensors(expected_shapes(part, config), dtype, device)


def vision_state(config: VisionConfig, dtype: torch.dtype | None = None, device: Where = "cpu") -> State:
    """Random weights of a vision tower, in the keys of open_clip's `VisionTransformer`."""
    from ..checkpoint.layout import vision_shapes

    return random_tensors(vision_shapes(config), dtype, device)


def random_tensors(
    shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype | None = None, device: Where = "cpu",
) -> State:
    """Random numbers of such a size that activations stay near 1; norms near 1, biases near 0.

    dtype: None = float32; device: where they are drawn, one tensor in float32 at a time.
    """
    import torch

    generator = torch.Generator(device).manual_seed(0)
    state = {}
    for key, shape in shapes.items():
        value = torch.empty(shape, device=device, dtype=torch.float32).uniform_(-1, 1, generator=generator)
        if len(shape) > 1:
            value *= (3 / value[0].numel()) ** 0.5
        else:
            value = value * 0.02 + (1.0 if key.endswith("weight") else 0.0)
        state[key] = value.to(dtype or torch.float32)
    return state


def random_reference_encoder(
    config: VisionConfig, dtype: torch.dtype | None = None, device: Where = "cpu",
) -> ReferenceEncoder:
    """A vision tower of random weights, as `Engine.load` has it."""
    import torch

    from ..engine import networks
    from ..method.reference_encoder import ReferenceEncoder

    state = {f"visual.{key}": value for key, value in vision_state(config, dtype, device).items()}
    return networks.load_network(lambda: ReferenceEncoder(config), state, "reference encoder", device,
                                 dtype or torch.float32)


def random_engine(
    config: NetworkConfig, load_reference_encoder: Callable[[], ReferenceEncoder], dtype: torch.dtype | None = None,
    device: Where = "cpu",
) -> Engine:
    """An engine of random weights, as `Engine.load` makes it of a file: the VAE in float32."""
    import torch

    from ..engine import networks
    from ..engine.engine import Engine
    from ..method.schedule import NoiseSchedule, Prediction, alphas_cumprod
    from ..method.sketch_encoder import SketchEncoder
    from ..method.unet import UNet

    assert config.vae is not None and config.sketch is not None
    vae, sketch, number = config.vae, config.sketch, dtype or torch.float32
    unet = networks.load_network(
        lambda: UNet(config.unet), random_state("unet", config, dtype, device), "U-Net", device, number)
    autoencoder = networks.load_network(
        lambda: networks.AutoencoderKL(vae), random_state("vae", config, None, device), "VAE", device)
    encoder = networks.load_network(
        lambda: SketchEncoder(sketch.model_channels, sketch.channel_mult),
        random_state("sketch_encoder", config, dtype, device), "sketch encoder", device, number)
    return Engine(unet, autoencoder, encoder, load_reference_encoder, NoiseSchedule(alphas_cumprod()), Prediction.EPS)


def no_tower() -> NoReturn:
    """For an engine whose tokens are made otherwise."""
    raise AssertionError("tokens are made here, no picture is encoded")


def write_random(
    path: Path, tower: Path, config: NetworkConfig, vision: VisionConfig,
    added: Mapping[str, tuple[int, ...]] | None = None,
) -> None:
    """A checkpoint of random weights as released (no metadata, VAE in fp16), and a vision tower in fp16.

    added: whole keys and shapes of what v1.5 or v2 have more.
    """
    import torch

    from ..checkpoint.config import PARTS
    from ..checkpoint.write import save_tensors
    from ..method.schedule import buffers
    from ..whole_file import replacing

    tensors = {PARTS[part] + key: value for part in ("unet", "vae", "sketch_encoder")
               for key, value in random_state(part, config, torch.float16 if part == "vae" else None).items()}
    with replacing(path) as unfinished:
        save_tensors(unfinished, {**tensors, **random_tensors(added or {}), **buffers()}, {})
    del tensors
    with replacing(tower) as unfinished:
        state = vision_state(vision, torch.float16)
        save_tensors(unfinished, {f"visual.{key}": value for key, value in state.items()}, {})
