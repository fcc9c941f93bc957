"""What a checkpoint file is, in words for the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..method.network_config import NetworkConfig, VisionConfig
from ..method.schedule import Prediction
from .files import file_sha256, open_tensors
from .identify import CheckpointInfo, identify
from .kinds import COLORIZE, PLAIN

LABELS = {
    "unet": "U-Net", "vae": "VAE", "sketch_encoder": "sketch encoder", "reference_encoder": "reference encoder",
    "token_transformer": "token transformer", "threshold_embedder": "threshold embedder",
    "background_encoder": "background encoder", "style_encoder": "style encoder", "text_encoder": "text encoder",
    "moving_average": "moving average", "schedule": "noise schedule", "other": "other",
}
DTYPES = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "F64": "fp64", "F8_E4M3": "fp8 (e4m3)", "F8_E5M2": "fp8 (e5m2)",
          "I8": "int8", "U8": "uint8"}
LISTED = 20  # keys shown of each list


def inspect(path: str | os.PathLike[str], overrides: Mapping[str, int] | None = None) -> CheckpointInfo:
    """What the file is, with its hash; no tensor is loaded. ColorizeError when it is no checkpoint at all."""
    with open_tensors(path) as file:
        info = identify(file.entries, file.metadata, overrides)
    return replace(info, path=Path(path), sha256=file_sha256(path))


def describe_checkpoint(info: CheckpointInfo) -> str:
    """Several lines: kind, parts, sizes, prediction type and how it was told, what is missing or unexpected."""
    lines = [f"{info.path}" if info.path else "checkpoint", f"  kind              {info.kind.value}"]
    if info.sha256:
        lines.append(f"  hash              {info.sha256[:10]} (sha256 {info.sha256})")
    if info.kind in (*COLORIZE, *PLAIN):
        lines.append(f"  prediction type   {_prediction(info)}")
    if info.card:
        lines.append(f"  resolution        {info.card.resolution} px, tokens {info.card.tokens}")
    if info.config:
        lines.append(f"  sizes             {_sizes(info.config)}")
    elif info.reference:
        lines.append(f"  sizes             {_vision(info.reference)}")
    lines += [_part(name, info) for name in info.parts]
    if info.kind in COLORIZE and "vae" not in info.parts:
        lines.append(f"  {LABELS['vae']:<17} not in this file")
    if info.kind in COLORIZE and "reference_encoder" not in info.parts:
        lines.append(f"  {LABELS['reference_encoder']:<17} not in this file: needs OpenCLIP ViT-H-14 beside it")
    lines += _list("missing", info.missing) + _list("unexpected", info.unexpected)
    lines += _list("wrong shape", tuple(f"{key} {list(found)}, expected {list(expected)}"
                                        for key, found, expected in info.differing.wrong))
    lines += [f"  {key:<17} {_short(value)}" for key, value in sorted(info.metadata.items()) if key != "colorize"]
    return "\n".join(lines + [f"  note              {note}" for note in info.notes])


def _prediction(info: CheckpointInfo) -> str:
    if info.prediction:
        return f"{info.prediction.value} (told by {info.told.value})"
    text = "not told by the file: give it, or it is probed when the model is loaded"
    if info.path and info.kind in COLORIZE:
        name = Prediction.EPS if "eps" in info.path.name.lower() else Prediction.V
        text += f"; the authors' app would take {name.value} from the file's name, which is not trusted here"
    return text


def _sizes(config: NetworkConfig) -> str:
    unet = config.unet
    mult = " ".join(map(str, unet.channel_mult))
    kind = "linear" if unet.linear_projections else "conv"
    return (f"U-Net {unet.model_channels} x ({mult}), context {unet.context_dim}, "
            f"{unet.num_head_channels} channels a head, {kind} projections"
            + (f"; {_vision(config.reference)}" if config.reference else ""))


def _vision(config: VisionConfig) -> str:
    return (f"ViT {config.width} x {config.layers} layers, patches of {config.patch_size} in {config.image_size} px, "
            f"tokens of {config.output_dim}")


def _part(name: str, info: CheckpointInfo) -> str:
    part = info.parts[name]
    dtypes = ", ".join(DTYPES.get(d, d) for d in part.dtypes)
    return (f"  {LABELS[name]:<17} {part.params / 1e6:.2f} M parameters, {part.bytes / 1e6:.1f} MB, {dtypes}, "
            f"{part.tensors} tensors")


def _list(label: str, keys: tuple[str, ...]) -> list[str]:
    if not keys:
        return []
    shown = [f"    {key}" for key in keys[:LISTED]]
    more = [f"    and {len(keys) - LISTED} more"] if len(keys) > LISTED else []
    return [f"  {label:<17} {len(keys)} tensors", *shown, *more]


def _short(value: str) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= 100 else flat[:97] + "..."
