"""A training step on CUDA, without a GPU: fake tensors that lie on "cuda", where a tensor left on the CPU is an error.

Autograd asks a real device for its streams, so that the backward pass is left out: gradients are put in its place.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.training_runs import tiny
from training.dataset.batch import Batch
from training.trainer.ema import EMA
from training.trainer.feed import Loaded, Position, StepPart, latent_shape, token_shape
from training.trainer.initial_weights import StartReport
from training.trainer.logs import ThroughputMeter
from training.trainer.networks import Model
from training.trainer.objective import Objective
from training.trainer.optimizer import make_optimizer
from training.trainer.random_draws import Draws
from training.trainer.recipe import Recipe
from training.trainer.speed import random_encoders
from training.trainer.trainer import Trainer

CUDA = torch.device("cuda", 0)
ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "item")


class NothingWaits(TorchDispatchMode):
    """Refuses what makes the CPU wait for a GPU: a value asked for, a copy back, a copy there of memory not pinned."""

    allowed = False  # while the batch goes to the device, from pinned memory

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in ASKING, f"{func} asks the device for a value"
        result = func(*args, **(kwargs or {}))
        if not self.allowed:
            given = {x.device.type for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
            made = {x.device.type for x in tree_leaves(result) if isinstance(x, Tensor)}
            assert len(given | made) < 2, f"{func} goes between {given | made}"
            assert made != {"cpu"}, f"{func} makes a tensor on the CPU"
        return result


class OneGPU:
    """An accelerator of one GPU that cannot compute gradients."""

    device, sync_gradients, scaler, num_processes = CUDA, True, None, 1

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters

    def accumulate(self, _model: nn.Module) -> Any:
        return contextlib.nullcontext()

    def backward(self, loss: Tensor) -> None:
        assert loss.device == CUDA and loss.shape == () and loss.requires_grad
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)

    def clip_grad_norm_(self, parameters: Any, most: float) -> Tensor:
        return nn.utils.clip_grad_norm_(parameters, most)


def fake_trainer(recipe: Recipe) -> Trainer:
    """To be called inside of a FakeTensorMode."""
    with torch.device(CUDA):
        model = Model(recipe)
        encoders = random_encoders(recipe, contextlib.nullcontext)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer: Any = make_optimizer(model, recipe, CUDA)
    optimizer.step_was_skipped = False
    accelerator: Any = OneGPU(trained)
    pairs: Any = None
    return Trainer(accelerator, recipe, pairs, 0, Path(), model, optimizer, EMA(trained, 0.99), encoders,
                   Objective.of(recipe, CUDA), StartReport("none"))


def fake_batch(recipe: Recipe, cached: bool, count: int = 2) -> Loaded:
    """On the CPU, as a worker loads it."""
    side, stage = recipe.data.resolution, recipe.stages[0]
    latent = latent_shape(recipe, (side, side))
    color = torch.empty(count, side, side, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    sketch = torch.empty(count, 1, side, side, dtype=torch.uint8).expand(-1, 3, -1, -1)
    batch = Batch(sketch, color, reference=color)
    if cached:
        inside, (n, width) = recipe.reference_encoder.inside, token_shape(recipe, None)
        batch = Batch(sketch, None, torch.empty(count, *latent), torch.empty(count, *latent),
                      color if inside else None, None if inside else torch.empty(count, 1 + n, width))
    noise = torch.empty(count, *latent)
    draws = Draws(torch.empty(count, dtype=torch.long), noise, noise, torch.empty(count, latent[0]),
                  torch.empty(count, *token_shape(recipe, stage)), torch.empty(count), torch.empty(count))
    part = StepPart(0, 0, tuple(range(count)), tuple(range(count)), (1.0 / count,) * count, Position(count, 1))
    return Loaded(part, batch, draws, torch.empty(count))


@pytest.mark.parametrize("preset", ["v1-512", "proj-0.1", "cls-0.1", "pocket", "pocket-pairs"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_step_on_cuda_leaves_nothing_on_the_cpu_and_waits_for_nothing(preset: str, cached: bool) -> None:
    recipe = tiny(preset, "loss.offset_noise=0.05", "loss.min_snr=5")
    with FakeTensorMode():
        trainer, loaded = fake_trainer(recipe), fake_batch(recipe, cached)
        meter = ThroughputMeter(CUDA, 1000)
        there = loaded.to(CUDA)
        with NothingWaits():
            trainer.step(there, meter)
            trainer.step(there, meter)
        assert trainer.position.images == 2 and meter.sums.device == CUDA
        assert trainer.ema is not None and {x.device for x in trainer.ema.shadow} == {CUDA}


def test_what_waits_is_noticed() -> None:
    with FakeTensorMode():
        x = torch.empty(3, device=CUDA)
        for waits in (lambda: float(x[0]), lambda: x.cpu(), lambda: torch.tensor([1.0, 2.0], device=CUDA),
                      lambda: torch.arange(3).to(CUDA)):
            with pytest.raises(AssertionError), NothingWaits():
                waits()
        with pytest.raises(RuntimeError, match="same device"):
            x + torch.empty(3)


def test_pictures_go_to_the_device_as_bytes_and_once() -> None:
    recipe = tiny("pocket-pairs")
    with FakeTensorMode():
        loaded = fake_batch(recipe, cached=False)
        moved: list[Tensor] = []

        class Copies(TorchDispatchMode):
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = func(*args, **(kwargs or {}))
                if isinstance(result, Tensor) and result.is_cuda and not args[0].is_cuda:
                    moved.append(result)
                return result

        with Copies():
            there = loaded.to(CUDA)
    pictures = [x for x in moved if x.dtype == torch.uint8]
    assert sorted(x.numel() for x in pictures) == [2 * 64 * 64, 2 * 3 * 64 * 64]
    assert there.batch.reference is there.batch.color and there.batch.sketch.shape == (2, 3, 64, 64)
    assert there.batch.color is not None and there.batch.color.dtype == there.batch.sketch.dtype == torch.float32
