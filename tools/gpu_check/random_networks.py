"""The released networks with random weights, made on the device itself: no file of 5 GB is written or read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from lib_colorize.checkpoint.layout import expected_shapes, vision_shapes
from lib_colorize.engine import networks
from lib_colorize.engine.engine import Engine
from lib_colorize.method.network_config import NetworkConfig, VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet


def random_weights(
    shapes: Mapping[str, tuple[int, ...]], device: torch.device, dtype: torch.dtype,
) -> dict[str, Tensor]:
    """Numbers of such a size that activations stay near 1; norms near 1, biases near 0."""
    generator = torch.Generator(device).manual_seed(0)
    state = {}
    for key, shape in shapes.items():
        value = torch.empty(shape, device=device, dtype=torch.float32).uniform_(-1, 1, generator=generator)
        if len(shape) > 1:
            value *= (3 / value[0].numel()) ** 0.5
        else:
            value = value * 0.02 + (1.0 if key.endswith("weight") else 0.0)
        state[key] = value.to(dtype)
    return state


def encoder_on(config: VisionConfig, device: torch.device, dtype: torch.dtype) -> ReferenceEncoder:
    """A vision tower, as `Engine.load` has it."""
    state = {f"visual.{key}": value for key, value in random_weights(vision_shapes(config), device, dtype).items()}
    return networks.load_network(lambda: ReferenceEncoder(config), state, "reference encoder", device, dtype)


def engine_on(
    config: NetworkConfig, load_reference_encoder: Callable[[], ReferenceEncoder], device: torch.device,
    dtype: torch.dtype,
) -> Engine:
    """An engine, as `Engine.load` makes it of a file."""
    assert config.vae is not None and config.sketch is not None
    vae, sketch = config.vae, config.sketch

    def weights(part: str, number: torch.dtype) -> dict[str, Tensor]:
        return random_weights(expected_shapes(part, config), device, number)

    unet = networks.load_network(lambda: UNet(config.unet), weights("unet", dtype), "U-Net", device, dtype)
    decoder = networks.load_network(
        lambda: networks.AutoencoderKL(vae), weights("vae", torch.float32), "VAE", device)
    encoder = networks.load_network(
        lambda: SketchEncoder(sketch.model_channels, sketch.channel_mult), weights("sketch_encoder", dtype),
        "sketch encoder", device, dtype)
    return Engine(unet, decoder, encoder, load_reference_encoder, NoiseSchedule(alphas_cumprod()), Prediction.EPS)
