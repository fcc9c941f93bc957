"""The sizes of every network, inferred from tensor shapes.

The released files carry no metadata, so each number is read off the shapes. Two cannot be seen there, the widths of
one attention head: they come from metadata or from the caller (`overrides`), else from the published architecture
of exactly that size (U-Net of 320 channels: 64; ViT-H of width 1280: 80). At any other size a guess would run and
colour wrongly, so it is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig

Shapes = Mapping[str, tuple[int, ...]]  # key (without the part's prefix) -> shape

PARTS = {  # part -> prefix in a checkpoint file (method.md section 1)
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "sketch_encoder": "control_encoder.",
    "reference_encoder": "cond_stage_model.visual.model.",
}
UNET_HEAD_CHANNELS = {320: 64}  # model_channels -> num_head_channels
DROPPED = ", which a tool that saves files anew may have dropped: use the file as it was written"
VISION_HEAD_WIDTH = {768: 64, 1024: 64, 1280: 80, 1408: 88, 1664: 104}  # OpenCLIP ViT-B, L, H, g, bigG


def infer_network(shapes: Mapping[str, Shapes], overrides: Mapping[str, int] | None = None) -> NetworkConfig:
    """The sizes of a file; `shapes` maps a name of PARTS to that part's shapes, an absent or empty part gives None.

    overrides: {"num_head_channels": int, "head_width": int}, what cannot be seen in shapes.
    """
    given = dict(overrides or {})
    return NetworkConfig(
        infer_unet(shapes.get("unet") or {}, given.get("num_head_channels")),
        infer_vae(shapes["vae"]) if shapes.get("vae") else None,
        infer_sketch(shapes["sketch_encoder"]) if shapes.get("sketch_encoder") else None,
        infer_vision(shapes["reference_encoder"], given.get("head_width")) if shapes.get("reference_encoder") else None)


def infer_unet(shapes: Shapes, num_head_channels: int | None = None) -> UNetConfig:
    """Sizes of an LDM U-Net from its shapes; ColorizeError when it is no such U-Net."""
    channels, in_channels = _sizes(shapes, "input_blocks.0.0.weight", 4)[:2]
    mult: list[int] = []
    blocks: list[int] = []
    attention: set[int] = set()
    new_level = True
    for i in range(1, 1 + max(_numbers(shapes, r"input_blocks\.(\d+)\."), default=0)):
        if f"input_blocks.{i}.0.op.weight" in shapes:
            new_level = True
            continue
        if new_level:
            mult.append(_sizes(shapes, f"input_blocks.{i}.0.out_layers.3.weight", 4)[0] // channels)
            blocks.append(0)
            new_level = False
        blocks[-1] += 1
        if any(key.startswith(f"input_blocks.{i}.1.transformer_blocks.") for key in shapes):
            attention.add(2 ** (len(mult) - 1))
    depth = max(_numbers(shapes, r"middle_block\.1\.transformer_blocks\.(\d+)\."), default=-1) + 1
    if len(set(blocks)) != 1 or not depth:
        raise ColorizeError(f"U-Net of {blocks} residual blocks a level and {depth} transformer blocks in the middle: "
                            "expected equal numbers and at least one; this layout is not supported")
    head = num_head_channels or UNET_HEAD_CHANNELS.get(channels)
    if head is None or channels % head:
        raise ColorizeError(f"U-Net of {channels} channels: the channels of one attention head cannot be seen in the "
                            f"file (found {head}), only in its metadata{DROPPED} (or give num_head_channels)")
    context = _sizes(shapes, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 2)[1]
    linear = len(shapes.get("middle_block.1.proj_in.weight", (1,) * 4)) == 2
    return UNetConfig(in_channels, _sizes(shapes, "out.2.weight", 4)[0], channels, tuple(mult), blocks[0],
                      tuple(sorted(attention, reverse=True)), head, context, depth, linear)


def infer_vae(shapes: Shapes) -> VAEConfig:
    """Sizes of an LDM KL auto-encoder from its shapes."""
    ch, in_channels = _sizes(shapes, "encoder.conv_in.weight", 4)[:2]
    levels = 1 + max(_numbers(shapes, r"decoder\.up\.(\d+)\."), default=-1)
    mult = [_sizes(shapes, f"decoder.up.{i}.block.0.conv1.weight", 4)[0] // ch for i in range(max(levels, 1))]
    # the decoder has one block more, so this may be 0
    blocks = max(_numbers(shapes, r"decoder\.up\.\d+\.block\.(\d+)\."), default=0)
    attention = sorted(_numbers(shapes, r"encoder\.down\.(\d+)\.attn\."))
    z, embed = _sizes(shapes, "post_quant_conv.weight", 4)[:2]
    return VAEConfig(ch, tuple(mult), blocks, z, embed, tuple(256 // 2**i for i in attention), in_channels,
                     _sizes(shapes, "decoder.conv_out.weight", 4)[0])


def infer_sketch(shapes: Shapes) -> SketchConfig:
    """Sizes of a sketch encoder from its shapes."""
    channels = _sizes(shapes, "zero_layer.0.weight", 4)[0]
    levels = 1 + max(_numbers(shapes, r"output_blocks\.(\d+)\."), default=-1)
    mult = [_sizes(shapes, f"output_blocks.{i}.3.weight", 4)[0] // channels for i in range(levels)]
    return SketchConfig(channels, tuple(mult), _sizes(shapes, "model.0.weight", 4)[1])


def infer_vision(shapes: Shapes, head_width: int | None = None) -> VisionConfig:
    """Sizes of open_clip's `VisionTransformer` from its shapes (keys without prefix)."""
    width, _, patch, _ = _sizes(shapes, "conv1.weight", 4)
    tokens = _sizes(shapes, "positional_embedding", 2)[0] - 1
    grid = round(tokens**0.5)
    head = head_width or VISION_HEAD_WIDTH.get(width)
    if grid * grid != tokens:
        raise ColorizeError(f"reference encoder with {tokens} patches: expected a square number")
    if head is None or width % head:
        raise ColorizeError(f"reference encoder of width {width}: the width of one attention head cannot be seen in "
                            f"the file (found {head}), only in its metadata{DROPPED} (or give head_width)")
    layers = 1 + max(_numbers(shapes, r"transformer\.resblocks\.(\d+)\."), default=-1)
    mlp = _sizes(shapes, "transformer.resblocks.0.mlp.c_fc.weight", 2)[0]
    return VisionConfig(grid * patch, patch, width, layers, head, mlp / width, _sizes(shapes, "proj", 2)[1])


def _sizes(shapes: Shapes, key: str, rank: int) -> tuple[int, ...]:
    shape = shapes.get(key)
    if shape is None or len(shape) != rank or not all(shape):
        found = "nothing" if shape is None else f"shape {list(shape)}"
        raise ColorizeError(f"{key}: found {found}, expected a weight of {rank} dimensions; the file is incomplete or "
                            "of another kind")
    return tuple(shape)


def _numbers(shapes: Shapes, pattern: str) -> set[int]:
    """The block numbers that occur in the keys; above 999 none is meant as a block."""
    found = (re.match(pattern, key) for key in shapes)
    return {int(m.group(1)) for m in found if m and len(m.group(1)) < 4}
