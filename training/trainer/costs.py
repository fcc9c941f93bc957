"""What a step of training takes: floating point operations, and memory by what it is for. Nothing is computed.

Every number follows from the networks, the recipe and the rules of PyTorch: tensors that autograd keeps, copies that
autocast makes, two float32 numbers of AdamW for each weight. None is fitted; docs/training.md compares with a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.trainer.feed import Share, latent_shape, token_shape
from training.trainer.gpu_on_paper import checkpoint_like_cuda, fake, like_cuda
from training.trainer.live_memory import LiveMemory
from training.trainer.networks import Model
from training.trainer.recipe import Recipe

FLOAT = 4  # bytes
Inputs = tuple[Tensor, Tensor, Tensor, Tensor]  # of Model


@dataclass(frozen=True)
class Costs:
    """Of one process's part of a step, at full size."""

    samples: int
    flops: float  # of one sample, forward and backward
    step: float  # bytes at the fullest moment of forward and backward pass, besides the weights: all that these make
    encoding: float  # the same while the frozen networks encode the pictures, before the step
    batch: float  # bytes of the samples themselves
    parameters: dict[str, int]
    frozen: dict[str, int]  # parameters of the networks beside the model
    trained: int


def costs(recipe: Recipe, samples: int = 1) -> Costs:
    """Of a part of so many samples, under the recipe's own precision ("" = float32)."""
    half = recipe.run.precision in ("bf16", "fp16")
    with FakeTensorMode():
        model = fake(lambda: Model(recipe), recipe.run.channels_last)
        if recipe.run.checkpointing:
            checkpoint_like_cuda(model.unet)
        inputs = _inputs(recipe, samples)
        flops, step = _operations(model, _inputs(recipe, 1)), _step(model, inputs, half)
        batch = sum(float(x.numel() * x.element_size()) for x in inputs)
        networks = frozen_networks(recipe)
        encoding = max((_encode(network, recipe, samples, half) for network in networks.values()), default=0.0)
    return Costs(samples, flops, step, encoding, batch,
                 {name: _count(part) for name, part in model.named_children()},
                 {name: _count(network) for name, network in networks.items()},
                 sum(p.numel() for p in model.parameters() if p.requires_grad))


def frozen_networks(recipe: Recipe) -> dict[str, nn.Module]:
    """VAE and reference encoder beside the model, fake; within a FakeTensorMode."""
    vae, vision = recipe.networks.vae, recipe.networks.reference
    found: dict[str, nn.Module] = {}
    if vae:
        found["VAE"] = fake(lambda: AutoencoderKL(vae))
    if vision and not recipe.reference_encoder.inside:
        found["reference encoder"] = fake(lambda: ReferenceEncoder(vision))
    return found


def memory(recipe: Recipe, found: Costs, world: int, kind: str) -> dict[str, float]:
    """Bytes on one device at its fullest moment, by what they are for.

    kind: of distribution, "plain" (one process, or DDP), "DEEPSPEED" (ZeRO-2), "FSDP".
    """
    everything, trained = sum(found.parameters.values()), found.trained
    half = recipe.run.precision in ("bf16", "fp16")
    share = world if kind == "FSDP" else 1
    adam = (2 if recipe.optimizer.kind == "adamw8bit" else 2 * FLOAT) * trained
    sizes = {"weights": FLOAT * everything / share, "optimizer": adam / share,
             "moving average": FLOAT * trained / share if recipe.optimizer.ema_decay else 0.0}
    if kind == "DEEPSPEED":  # ZeRO-2: weights here, gradients and optimizer (with its float32 weights) in shares
        sizes |= {"weights": (2 if half else FLOAT) * everything,
                  "optimizer": (adam + (FLOAT * trained if half else 0)) / world}
    kept = _gradients(recipe, trained, world, kind)
    if world > 1 and kind == "plain":
        sizes["DDP's buckets"] = FLOAT * trained  # a second copy of all gradients, for the other processes
    sizes |= {"frozen networks": float(FLOAT * sum(found.frozen.values())), "batch": found.batch}
    encoding = 0.0 if recipe.run.cache else found.encoding
    moments = {  # a step's moments; the fullest one decides
        "gradients": {"gradients": FLOAT * trained / (world if kind != "plain" else 1)},
        "encoding": {"gradients of parts before": kept, "encoding pictures": encoding},
        "step": {"gradients of parts before": kept, "activations, their gradients and copies": found.step}}
    return sizes | max(moments.values(), key=lambda moment: sum(moment.values()))


def _gradients(recipe: Recipe, trained: int, world: int, kind: str) -> float:
    """Bytes of gradients that are there when a part begins: those of the parts before it."""
    if Share.of(recipe, 0, world).parts == 1:
        return 0.0
    return FLOAT * trained / (1 if kind == "plain" else world)


def checkpoint_bytes(recipe: Recipe, found: Costs) -> float:
    """Of one checkpoint on the disk: weights, optimizer and moving average."""
    sizes = memory(replace(recipe, run=replace(recipe.run, precision="no")), found, 1, "plain")
    return sizes["weights"] + sizes["optimizer"] + sizes["moving average"]


def _inputs(recipe: Recipe, samples: int) -> Inputs:
    """Noisy latents, steps, sketches and references (or their tokens)."""
    side = recipe.data.resolution
    tokens, width = token_shape(recipe, None)
    reference = (3, side, side) if recipe.reference_encoder.inside else (1 + tokens, width)
    return (torch.empty(samples, *latent_shape(recipe, (side, side))), torch.empty(samples),
            torch.empty(samples, 3, side, side), torch.empty(samples, *reference))


def _operations(model: Model, inputs: Inputs) -> float:
    """FLOPs of a forward and backward pass."""
    with FlopCounterMode(display=False) as counter, like_cuda(False):
        torch.autograd.backward([model(*inputs).sum()])
    return float(counter.get_total_flops())


def _step(model: Model, inputs: Inputs, half: bool) -> float:
    """Bytes at the fullest moment of a forward and backward pass, without the optimizer."""
    model.zero_grad(set_to_none=True)
    with LiveMemory() as live:
        with like_cuda(half):
            output = model(*inputs)
        torch.autograd.backward([output.float().pow(2).mean()])
    return float(live.peak)


def _encode(network: nn.Module, recipe: Recipe, samples: int, half: bool) -> float:
    """Bytes at the fullest moment of encoding so many pictures; the VAE encodes in float32."""
    side = recipe.data.resolution
    pictures = torch.empty(samples, 3, side, side)
    with torch.no_grad(), LiveMemory() as live:
        if isinstance(network, AutoencoderKL):
            with like_cuda(False):
                network.encode(pictures)
        else:
            with like_cuda(half):
                network(pictures)
    return float(live.peak)


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
