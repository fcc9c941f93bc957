"""--dry-run: the whole configuration, parameter counts, memory and time, without a step of training.

FLOPs and saved activations are counted on the meta device, where nothing is computed; the speed is that of a matrix
product here, of which training reaches about a third. The size of a batch, not a guess about it, decides the memory.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from lib_colorize.engine.networks import without_weights
from training.dataset.pairs import Pairs
from training.trainer.dataclass_json import to_plain
from training.trainer.feed import Share, latent_shape, stage_at, token_shape
from training.trainer.networks import Model, checkpoint_blocks
from training.trainer.recipes import Recipe

REACHED = 1 / 3  # share of a matrix product's speed that a step of training reaches
GB = 1e9


@dataclass(frozen=True)
class Costs:
    """Of one sample at full size."""

    flops: float  # forward and backward
    activations: float  # bytes kept for the backward pass
    parameters: dict[str, int]
    trained: int


def costs(recipe: Recipe) -> Costs:
    """Counted on the meta device, in float32."""
    model = without_weights(lambda: Model(recipe))
    if recipe.run.checkpointing:
        checkpoint_blocks(model.unet)
    side = recipe.data.resolution
    latent = latent_shape(recipe, (side, side))
    kept: dict[int, int] = {}
    weights = {id(p) for p in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        if id(tensor) not in weights:  # on meta no two tensors share a storage that could be told by its address
            kept[id(tensor)] = tensor.numel() * tensor.element_size()
            alive.append(tensor)
        return tensor

    alive: list[Tensor] = []
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        x, t, sketch = torch.zeros(1, *latent), torch.zeros(1), torch.zeros(1, 3, side, side)
        n, width = token_shape(recipe, None)
        reference = torch.zeros(1, 3, side, side) if recipe.reference_encoder.inside else torch.zeros(1, 1 + n, width)
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            output = model(x, t, sketch, reference)
        output.sum().backward()
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Costs(float(counter.get_total_flops()), float(sum(kept.values())), parameters, trained)


def memory(recipe: Recipe, found: Costs, world: int, kind: str) -> dict[str, float]:
    """Bytes on one device, by what they are for; kind: of distribution, "NO", "MULTI_GPU", "DEEPSPEED", "FSDP"."""
    half = recipe.run.precision in ("bf16", "fp16")
    everything = sum(found.parameters.values())
    share = world if kind == "FSDP" else 1
    adam = 2 if recipe.optimizer.kind == "adamw8bit" else 8
    micro = recipe.run.micro_batch or -(-recipe.optimizer.batch_size // world)
    sizes = {"weights": 4 * everything / share, "gradients": 4 * found.trained / share,
             "optimizer": adam * found.trained / share,
             "moving average": (4 * found.trained / share) if recipe.optimizer.ema_decay else 0.0,
             "activations": micro * found.activations * (0.6 if half else 1.0)}  # norms and sums stay in float32
    if kind == "DEEPSPEED":  # ZeRO-2: weights here, gradients and optimizer (with its float32 weights) in shares
        item = 2 if half else 4
        sizes |= {"weights": item * everything, "gradients": item * found.trained / world,
                  "optimizer": (adam + (4 if half else 0)) * found.trained / world}
    return sizes


def matmul_speed(device: torch.device, dtype: torch.dtype, seconds: float = 0.5) -> float:
    """FLOP/s of a square matrix product on this machine."""
    n = 4096 if device.type == "cuda" else 512
    a = torch.randn(n, n, device=device, dtype=dtype)
    (a @ a).sum().item()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        (a @ a).sum().item()
        count += 1
    return 2 * n**3 * count / (time.perf_counter() - begin)


def describe(recipe: Recipe, pairs: Pairs, end: int) -> str:
    """Everything as text."""
    world, kind = int(os.environ.get("WORLD_SIZE", "1")), _kind()
    found = costs(recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(recipe.run.precision, torch.float32)
    speed = REACHED * matmul_speed(device, dtype) * world
    seconds = sum(count * found.flops * area / speed for count, area in _by_stage(recipe, len(pairs), end))
    sizes = memory(recipe, found, world, kind)
    share = Share.of(recipe, 0, world)
    frozen = {name: sum(p.numel() for p in part.parameters()) for name, part in _frozen(recipe).items()}
    stages = [f"  {stage.name}: {stage.length(len(pairs)):,} images" for stage in recipe.stages]
    return "\n".join([
        json.dumps(to_plain(recipe), indent=1),
        f"data: {pairs.report}; {end:,} images in all", *stages,
        "parameters: " + ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in found.parameters.items())
        + f"; trained {found.trained / 1e6:.1f} M",
        "frozen: " + ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in frozen.items()),
        f"a step: {recipe.optimizer.batch_size} samples = {world} process(es) x {share.parts} part(s); "
        f"{found.flops / 1e9:.0f} GFLOP a sample",
        f"memory of one device ({kind}): " + ", ".join(f"{k} {v / GB:.2f} GB" for k, v in sizes.items())
        + f"; together {sum(sizes.values()) / GB:.1f} GB, and the frozen networks "
        f"{4 * sum(frozen.values()) / GB:.1f} GB unless all is cached",
        f"time: about {_duration(seconds)} at {end / seconds:.2f} images/s (a third of this machine's matrix products"
        f"{'' if device.type == 'cuda' else ', on a CPU'}; without reading pictures and frozen networks)"])


def _by_stage(recipe: Recipe, samples: int, end: int) -> list[tuple[int, float]]:
    """(images, share of a whole picture's area that the U-Net sees) of every stage until `end`."""
    found, before = [], 0
    for stage in recipe.stages:
        count = max(0, min(stage.length(samples), end - before))
        before += count
        found.append((count, (stage.window / recipe.data.resolution) ** 2 if stage.window else 1.0))
    assert not samples or stage_at(recipe, end, samples)
    return found


def _frozen(recipe: Recipe) -> dict[str, nn.Module]:
    from lib_colorize.engine.networks import AutoencoderKL
    from lib_colorize.method.reference_encoder import ReferenceEncoder

    networks = recipe.networks
    found: dict[str, nn.Module] = {}
    if networks.vae:
        vae = networks.vae
        found["VAE"] = without_weights(lambda: AutoencoderKL(vae))
    if networks.reference and not recipe.reference_encoder.inside:
        vision = networks.reference
        found["reference encoder"] = without_weights(lambda: ReferenceEncoder(vision))
    return found


def _kind() -> str:
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return "DEEPSPEED"
    return "FSDP" if os.environ.get("ACCELERATE_USE_FSDP") == "true" else "plain"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def with_precision(recipe: Recipe, precision: str) -> Recipe:
    """The recipe as accelerate's configuration has it, where it leaves the precision open."""
    return recipe if recipe.run.precision else replace(recipe, run=replace(recipe.run, precision=precision))
