"""Small checkpoints of random weights for live hosts: a plain one that a WebUI loads by itself, ours, and broken ones.

A1111 takes networks of any size when a .yaml lies beside the file. Forge knows SD 1.5 by its 320 channels and 768-wide
context and takes text encoder and VAE in full size, but reads the number of levels off the file.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.host_config import host_config
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.unet_keys import unet_shapes
from lib_colorize.checkpoint.write import save_tensors
from lib_colorize.cli import random_networks
from lib_colorize.method.network_config import NetworkConfig, UNetConfig, VAEConfig
from lib_colorize.method.schedule import Prediction

TINY_V1_5, TINY_V2 = "tiny-v15", "tiny-v2"
PLAIN, TINY, TINY_EPS, TRUNCATED, FOREIGN = "plain", "tiny-v", "tiny-eps", "truncated", "foreign"
A1111_SIZES = NetworkConfig(UNetConfig(4, 4, 32, (1, 2, 4, 4), 1, (4, 2, 1), 16, 512, 1, False),
                            VAEConfig(32, (1, 1, 1, 1), 1, 4, 4))
FORGE_SIZES = NetworkConfig(UNetConfig(4, 4, 320, (1, 1, 1, 1), 1, (4, 2, 1), 40, 768, 1, False),
                            VAEConfig(128, (1, 2, 4, 4), 2, 4, 4))


def write_plain(path: Path, kind: str) -> Path:
    """A checkpoint with a text encoder that a WebUI without our extension loads and paints with."""
    sizes = A1111_SIZES if kind == "a1111" else FORGE_SIZES
    tensors = {PARTS[part] + key: value for part in ("unet", "vae")
               for key, value in random_networks.random_state(part, sizes, torch.float16).items()}
    if kind == "a1111":
        shapes, prefix = open_clip_text(512, 12, 1024), "cond_stage_model.model."
    else:
        shapes, prefix = transformers_text(768, 12), "cond_stage_model.transformer.text_model."
    tensors |= {prefix + key: value for key, value in random_networks.random_tensors(shapes, torch.float16).items()}
    save_tensors(path, tensors, {})
    if kind == "a1111":
        config = json.loads("\n".join(host_config(ModelCard(sizes, Prediction.EPS)).splitlines()[1:]))
        config["model"]["params"]["cond_stage_config"]["params"] |= {"arch": "RN50"}  # the narrowest text tower
        path.with_suffix(".yaml").write_text(json.dumps(config))
    return path


def open_clip_text(width: int, layers: int, output: int) -> dict[str, tuple[int, ...]]:
    """open_clip's text tower."""
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (49408, width), "positional_embedding": (77, width),
        "text_projection": (width, output), "logit_scale": (), **norm("ln_final", width)}
    for i in range(layers):
        block = f"transformer.resblocks.{i}."
        shapes |= {block + "attn.in_proj_weight": (3 * width, width), block + "attn.in_proj_bias": (3 * width,),
                   **norm(block + "ln_1", width), **norm(block + "ln_2", width),
                   **linear(block + "attn.out_proj", width, width), **linear(block + "mlp.c_fc", 4 * width, width),
                   **linear(block + "mlp.c_proj", width, 4 * width)}
    return shapes


def transformers_text(width: int, layers: int) -> dict[str, tuple[int, ...]]:
    """The text tower of SD 1.5 in transformers' names."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.token_embedding.weight": (49408, width), "embeddings.position_embedding.weight": (77, width),
        **norm("final_layer_norm", width)}
    for i in range(layers):
        block = f"encoder.layers.{i}."
        shapes |= {**norm(block + "layer_norm1", width), **norm(block + "layer_norm2", width),
                   **linear(block + "mlp.fc1", 4 * width, width), **linear(block + "mlp.fc2", width, 4 * width)}
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= linear(f"{block}self_attn.{name}", width, width)
    return shapes


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def linear(name: str, out: int, inside: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, inside), f"{name}.bias": (out,)}


def write_lora(path: Path, unet: dict[str, Tensor], rank: int = 2) -> Path:
    """A LoRA of random numbers for every attention of a U-Net in LDM's names, in kohya's."""
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for key, value in unet.items():
        if ".attn" in key and key.endswith(("to_q.weight", "to_k.weight", "to_v.weight")):
            name = "lora_unet_" + key.removesuffix(".weight").replace(".", "_")
            out, inside = value.shape
            tensors[f"{name}.lora_down.weight"] = torch.randn(rank, inside, generator=generator) * inside**-0.5
            tensors[f"{name}.lora_up.weight"] = torch.randn(out, rank, generator=generator)
            tensors[f"{name}.alpha"] = torch.tensor(float(rank))
    save_tensors(path, tensors, {})
    return path


def write_controlnet(path: Path, config: UNetConfig) -> Path:
    """A ControlNet of random weights for a U-Net of these sizes, in LDM's names."""
    unet, copied = unet_shapes(config), ("time_embed", "input_blocks", "middle_block")
    shapes = {key: shape for key, shape in unet.items() if key.startswith(copied)}
    outputs = ("out_layers.3.bias", "op.bias", "input_blocks.0.0.bias")  # of each input block's last layer
    for key, (channels, *_) in unet.items():
        if key.startswith("input_blocks") and key.endswith(outputs):
            shapes |= linear(f"zero_convs.{key.split('.')[1]}.0", channels, channels)
    (top,) = unet["middle_block.2.out_layers.3.bias"]
    shapes |= linear("middle_block_out.0", top, top)
    widths = (3, 16, 16, 32, 32, 96, 96, 256, config.model_channels)
    for i, (inside, out) in enumerate(pairwise(widths)):
        shapes |= {f"input_hint_block.{2 * i}.weight": (out, inside, 3, 3), f"input_hint_block.{2 * i}.bias": (out,)}
    tensors = random_networks.random_tensors(shapes)
    convolutions = {key: value[..., None, None] for key, value in tensors.items()
                    if key.startswith(("zero_convs", "middle_block_out")) and value.ndim == 2}
    save_tensors(path, {**tensors, **convolutions}, {})
    return path


def write_foreign(path: Path) -> Path:
    """A whole safetensors file that is no checkpoint."""
    save_tensors(path, {"some.weight": torch.zeros(4, 4)}, {})
    return path


def write_truncated(path: Path, whole: Path) -> Path:
    """The first half of a checkpoint, as an interrupted download leaves it."""
    content = whole.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def write_all(folder: Path, kind: str) -> dict[str, Path]:
    """Every checkpoint that the live tests use, and for the shipped model a LoRA and a ControlNet."""
    from lib_colorize.checkpoint.read import read
    from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
    from tests.standalone_models import write_checkpoint, write_variant

    def path(name: str) -> Path:
        return folder / f"{name}.safetensors"

    tiny, small = write_checkpoint(path(TINY)), read(DEFAULT_CHECKPOINT, ("unet",))
    return {
        PLAIN: write_plain(path(PLAIN), kind), TINY: tiny,
        TINY_EPS: write_checkpoint(path(TINY_EPS), prediction=Prediction.EPS),
        TRUNCATED: write_truncated(path(TRUNCATED), tiny), FOREIGN: write_foreign(path(FOREIGN)),
        TINY_V1_5: write_variant(path(TINY_V1_5), "v1.5"), TINY_V2: write_variant(path(TINY_V2), "v2"),
        "lora": write_lora(path("random-lora"), small.unet or {}),
        "controlnet": write_controlnet(path("random-controlnet"), small.config.unet),
    }
