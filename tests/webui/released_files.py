"""Files of random weights in released size, for measuring: checkpoint, reference encoder, ControlNet, IP-Adapter.

About 7 GB; written once into a folder that is kept.
"""

from __future__ import annotations

from pathlib import Path

import torch

from lib_colorize.checkpoint.unet_keys import unet_shapes
from lib_colorize.checkpoint.write import save_tensors
from lib_colorize.cli import random_networks
from lib_colorize.method.network_config import UNetConfig
from lib_colorize.whole_file import replacing
from tests.webui.checkpoints import linear, norm, write_controlnet

CHECKPOINT, VISION = "released-random.safetensors", "released-random-vision.safetensors"
CONTROLNET, IP_ADAPTER = "random-controlnet.safetensors", "random-ip-adapter.safetensors"
FORGES_VISION = "CLIP-ViT-H-14.safetensors"  # the name by which Forge looks for IP-Adapter's encoder
IP_TOKENS = 4  # of IP-Adapter in its plain form, which reads one embedding of the picture


def write_released(folder: Path, beside: bool) -> Path:
    """The folder with a checkpoint and below it `vision`; beside: and `controlnet` with ControlNet and IP-Adapter."""
    config, vision = random_networks.sizes("released")
    inside = {name: folder / name for name in ("vision", "controlnet")}
    for path in inside.values():
        path.mkdir(parents=True, exist_ok=True)
    tower = inside["vision"] / VISION
    if not ((folder / CHECKPOINT).exists() and tower.exists()):
        random_networks.write_random(folder / CHECKPOINT, tower, config, vision)
    if beside:
        link = inside["vision"] / FORGES_VISION
        if not link.exists():
            link.symlink_to(tower.resolve())
        for name, write in ((CONTROLNET, write_controlnet), (IP_ADAPTER, write_ip_adapter)):
            path = inside["controlnet"] / name
            if not path.exists():
                with replacing(path) as unfinished:
                    write(unfinished, config.unet)
    return folder


def write_ip_adapter(path: Path, config: UNetConfig) -> Path:
    """An IP-Adapter of random weights for a U-Net of these sizes, as its authors name the tensors.

    In half precision as theirs are: on the CPU Forge fails at single precision (its layers, made in inference mode,
    then share memory with tensors that were not).
    """
    width = config.context_dim
    shapes = {f"image_proj.{key}": shape
              for key, shape in {**linear("proj", IP_TOKENS * width, width), **norm("norm", width)}.items()}
    for i, channels in enumerate(cross_attention_channels(config)):
        shapes |= {f"ip_adapter.{2 * i + 1}.to_{name}_ip.weight": (channels, width) for name in "kv"}
    save_tensors(path, random_networks.random_tensors(shapes, torch.float16), {})
    return path


def cross_attention_channels(config: UNetConfig) -> list[int]:
    """Of every cross-attention, in IP-Adapter's order: input blocks, output blocks, middle."""
    found = {key: shape[0] for key, shape in unet_shapes(config).items() if key.endswith("attn2.to_q.weight")}
    halves = ("input_blocks", "output_blocks", "middle_block")

    def number(key: str) -> int:
        return int(key.split(".")[1])

    return [found[key] for half in halves for key in sorted((k for k in found if k.startswith(half)), key=number)]
