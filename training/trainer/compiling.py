"""How the model is computed: block by block or as one compiled graph, its activations kept or computed again."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.spatial_transformer import SpatialTransformer
from lib_colorize.method.unet_layers import ResBlock
from training.trainer.frugal_geglu import frugal_gates
from training.trainer.fused_norm import kernels_work
from training.trainer.group_norm import norm_by_channels
from training.trainer.norms import half_norms
from training.trainer.recipe import Recipe

SIZES = 256  # that a class of blocks may be compiled for: levels of the U-Net by windows and buckets
NARROW = 100_000_000  # numbers of a model: below, a GPU computes a step before a processor has launched it
COSTLY = (ResBlock, SpatialTransformer)  # of a U-Net: what is compiled, or computed again in the backward pass


def lay_out(model: Any, recipe: Recipe, device: torch.device, half: torch.dtype | None) -> bool:
    """Checkpointing, norms and compilation as the recipe has them; whether the model is compiled.

    half: the type of autocast, where that is a half one and every process has whole float32 weights.
    """
    if recipe.run.checkpointing:
        checkpoint_blocks(model.unet)
    if recipe.run.compile and not (lacking := lacks(device.type)):
        import torch._dynamo.config as dynamo

        print("compiling: the first step of each size takes minutes", file=sys.stderr)
        dynamo.suppress_errors = True  # what torch cannot compile runs as it is, and torch says so
        compile_blocks(model, by_channels=device.type == "cuda")
        return True
    if recipe.run.compile:
        print(f"not compiled, and so slower: this machine has no {lacking}", file=sys.stderr)
    if half and device.type == "cuda":
        frugal_gates(model)
        half_norms(model)
        kernels_work(device.type, half)
    return False


def is_narrow(parameters: Sequence[nn.Parameter]) -> bool:
    """True for a network whose steps launches bind."""
    return sum(p.numel() for p in parameters) < NARROW


def lacks(device: str = "cuda") -> str:
    """What torch.compile needs and this machine has not; "" = it has all."""
    if device == "cuda" and importlib.util.find_spec("triton") is None:
        return "Triton (pip install triton, on Windows triton-windows)"
    if os.name == "posix" and not any(shutil.which(name) for name in (os.environ.get("CC") or "gcc", "gcc", "clang")):
        return "C compiler (gcc or clang)"
    return ""


def checkpoint_blocks(unet: nn.Module) -> None:
    """Gradient checkpointing: activations inside the costly blocks are computed again in the backward pass."""
    for module in unet.modules():
        if isinstance(module, COSTLY):
            module.forward = functools.partial(  # type: ignore[method-assign]
                checkpoint, module.forward, use_reentrant=False)


def compile_blocks(model: nn.Module, backend: str = "inductor", by_channels: bool = False) -> None:
    """torch.compile of the costly blocks one by one: blocks of one class and size share their code, so that this takes
    a fraction of the time that `compile_whole` does.

    For each size anew: with sizes that vary, inductor 2.14 fails on the CPU. All blocks share the code of two classes,
    and torch gives up after eight sizes of one code, fewer than a U-Net has. by_channels: group norms of those blocks
    as `group_norm` computes them.
    """
    _allow_sizes()
    for module in model.modules():
        if isinstance(module, (*COSTLY, SketchEncoder)):
            if by_channels:
                norm_by_channels(module)
            module.compile(dynamic=False, backend=backend)


def compile_whole(model: nn.Module, backend: str = "inductor", **options: Any) -> None:
    """torch.compile of the whole forward pass as one graph, and so of the whole backward pass; for each size anew."""
    _allow_sizes()
    model.forward = torch.compile(model.forward, dynamic=False, backend=backend, **options)


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Inside, nothing is compiled: for sizes that come seldom. Before torch 2.6 it is."""
    set_stance = getattr(torch.compiler, "set_stance", None)
    with contextlib.nullcontext() if set_stance is None else set_stance("force_eager"):
        yield


def _allow_sizes() -> None:
    import torch._dynamo.config as dynamo

    dynamo.cache_size_limit = max(dynamo.cache_size_limit, SIZES)
