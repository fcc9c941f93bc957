"""The compiled model: one graph, no breaks, the same numbers, compiled again for nothing but another size or stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from lib_colorize.engine.networks import without_weights
from tests.training_runs import tiny
from training.trainer.captured import CapturedPass, wants_capture
from training.trainer.compiling import checkpoint_blocks, compile_whole, lacks, lay_out
from training.trainer.feed import latent_shape, token_shape
from training.trainer.frozen_encoders import Encoded
from training.trainer.group_norm import group_norm_by_channels, norm_by_channels
from training.trainer.networks import Model
from training.trainer.norms import half_norms
from training.trainer.objective import Objective
from training.trainer.random_draws import Draws, draw_noise
from training.trainer.recipe import Recipe


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def step(recipe: Recipe, model: nn.Module, stage: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses and gradients of one batch, always the same."""
    torch.manual_seed(2)
    side, chosen = recipe.data.resolution, recipe.stages[stage]
    latent = latent_shape(recipe, (side, side))
    n, width = token_shape(recipe, None)
    reference = torch.rand(2, 3, side, side) if recipe.reference_encoder.inside else torch.randn(2, 1 + n, width)
    encoded = Encoded(torch.rand(2, 1, side, side).expand(-1, 3, -1, -1), reference, torch.randn(2, *latent),
                      torch.rand(2, *latent))
    draws = draw_noise(0, range(2), latent, token_shape(recipe, chosen), 1000)
    losses = Objective.of(recipe).losses(model, encoded, draws, chosen)
    torch.autograd.backward([losses.sum()])
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return losses.detach(), gradients


def learnt(recipe: Recipe) -> Model:
    """A model none of whose layers is zero."""
    torch.manual_seed(1)
    model = Model(recipe)
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, 0, 0.05)
    return model


SHALLOW = ("networks.unet.channel_mult=1,2", "networks.unet.attention_resolutions=2", "networks.unet.num_res_blocks=1",
           "networks.sketch.channel_mult=1,2")  # tracing takes its time


@pytest.mark.parametrize("preset, checkpointing", [("pocket", False), ("v1-512", True)])
def test_a_step_is_one_graph_for_each_stage_and_gives_the_same(preset: str, checkpointing: bool) -> None:
    recipe = tiny(preset, *SHALLOW)
    model = learnt(recipe)
    plain, gradients = step(recipe, model)
    if checkpointing:
        checkpoint_blocks(model.unet)
    compile_whole(model, backend="eager", fullgraph=True)
    for stage, graphs in ((0, 1), (0, 1), (-1, 2)):
        losses, found = step(recipe, model, stage)
        assert counters["stats"]["unique_graphs"] == graphs and not counters["graph_break"]
        if stage == 0:
            assert torch.allclose(losses, plain, rtol=1e-5)
            assert all(torch.allclose(found[name], gradients[name], rtol=1e-4, atol=1e-6) for name in gradients)


def play(run: Callable[[], Tensor], clear: Callable[[], None]) -> tuple[Callable[[], None], Tensor]:
    """A recorder for a CPU: plays by running again, into the tensors of the first run, as a graph does."""
    clear()
    filled = run()
    first = [p.grad for p in PLAYED.parameters()]

    def replay() -> None:
        clear()
        filled.copy_(run())
        for parameter, gradient in zip(PLAYED.parameters(), first):
            if gradient is not None and parameter.grad is not None:
                gradient.copy_(parameter.grad)
        clear()

    return replay, filled


PLAYED: Model


def test_a_recorded_pass_is_given_the_batch_of_every_call_and_is_recorded_anew_for_another_size() -> None:
    global PLAYED
    recipe = tiny("pocket", *SHALLOW)
    PLAYED = model = learnt(recipe)
    objective, recorded = Objective.of(recipe), []

    def one(encoded: Encoded, draws: Draws, weights: Tensor, stage: int) -> Tensor:
        losses = objective.losses(model, encoded, draws, recipe.stages[stage])
        torch.autograd.backward([(losses * weights).sum()])
        return losses

    def record(run: Callable[[], Tensor], clear: Callable[[], None]) -> tuple[Callable[[], None], Tensor]:
        recorded.append(1)
        return play(run, clear)

    captured = CapturedPass(one, list(model.parameters()), record)
    for count, seed, stage, recordings in ((2, 0, 0, 1), (2, 1, 0, 1), (1, 2, 0, 2), (1, 2, -1, 3), (1, 3, -1, 3)):
        torch.manual_seed(seed)
        latent = (4, 8, 8)
        encoded = Encoded(torch.rand(count, 1, 64, 64).expand(-1, 3, -1, -1), torch.rand(count, 3, 64, 64),
                          torch.randn(count, *latent), torch.rand(count, *latent))
        draws = draw_noise(seed, range(count), latent, token_shape(recipe, recipe.stages[stage]), 1000)
        results = []
        for run in (one, captured):
            model.zero_grad()
            losses = run(encoded, draws, torch.rand(count).fill_(1 + seed), stage).detach().clone()
            results.append([losses, *(p.grad.clone() for p in model.parameters() if p.grad is not None)])
        assert len(recorded) == recordings
        assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_pass_that_cannot_be_recorded_is_launched(capsys: pytest.CaptureFixture[str]) -> None:
    parameter, called = nn.Parameter(torch.ones(())), []

    def one(encoded: Encoded, draws: Draws, weights: Tensor, stage: int) -> Tensor:
        called.append(stage)
        torch.autograd.backward([parameter * weights.sum()])
        return weights

    def record(run: Callable[[], Tensor], clear: Callable[[], None]) -> tuple[Callable[[], None], Tensor]:
        run()
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    captured = CapturedPass(one, [parameter], record)
    latent = (4, 1, 1)
    noise = torch.zeros(1, *latent)
    given = Encoded(noise, noise, noise, noise), draw_noise(0, [0], latent, (0, 0), 10), torch.full((1,), 3.0)
    for _ in range(2):
        parameter.grad = None
        assert torch.equal(captured(*given, 7), given[2])
        assert parameter.grad is not None and float(parameter.grad) == 3
    assert called == [7, 7, 7] and capsys.readouterr().err.count("not permitted") == 1


@pytest.mark.parametrize("settings, gpu, expected", [
    ((), True, True), ((), False, False), (("run.capture=false",), True, False), (("data.buckets=true",), True, False),
    (("networks.unet.model_channels=1024", "networks.unet.channel_mult=1,2,4,4"), True, False),
    (("run.capture=true", "networks.unet.model_channels=1024", "networks.unet.channel_mult=1,2,4,4"), True, True)])
def test_steps_of_narrow_networks_on_one_gpu_are_recorded(
    settings: tuple[str, ...], gpu: bool, expected: bool,
) -> None:
    class Card:
        device = torch.device("cuda" if gpu else "cpu")
        num_processes, scaler, gradient_accumulation_steps = 1, None, 1

    recipe, card = tiny("pocket", *settings), Card()
    parts: Any = card
    trained = list(without_weights(lambda: Model(recipe)).parameters())
    assert wants_capture(recipe, parts, trained) is expected
    card.num_processes = 2
    assert not wants_capture(recipe, parts, trained)


@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_group_norm_by_channels_is_group_norm_and_so_is_its_gradient(mean: float) -> None:
    torch.manual_seed(0)
    x = (torch.randn(2, 12, 5, 7) * torch.rand(1, 12, 1, 1) + mean).to(memory_format=torch.channels_last)
    norm = nn.GroupNorm(4, 12)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    results = []
    for ours in (False, True):
        given = x.double().requires_grad_() if not ours else x.clone().requires_grad_()
        layer = norm.double() if not ours else norm.float()
        layer.zero_grad()
        y = group_norm_by_channels(given, 4, layer.weight, layer.bias, layer.eps) if ours else layer(given)
        torch.autograd.backward([y.square().sum() + (y[:, 3] * 3).sum()])
        assert given.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
        results.append([y.detach().float(), given.grad.float(), layer.weight.grad.float(), layer.bias.grad.float()])
        if ours:
            assert y.is_contiguous(memory_format=torch.channels_last)
    for theirs, mine in zip(*results):
        assert torch.allclose(theirs, mine, rtol=1e-3, atol=2e-4 * (1 + mean))


def test_norms_by_channels_change_no_weight_and_no_half_type() -> None:
    recipe = tiny("pocket")
    model = Model(recipe)
    before = list(model.state_dict())
    norm_by_channels(model)
    assert list(model.state_dict()) == before
    half = nn.GroupNorm(2, 4)
    norm_by_channels(half)
    assert half(torch.randn(1, 4, 2, 2, dtype=torch.bfloat16)).dtype is torch.bfloat16


def test_what_compiling_lacks_is_said_and_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    gpu = torch.device("cuda")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert lacks()
    recipe = tiny("pocket", *SHALLOW, "run.compile=true")
    model = Model(recipe)
    assert not lay_out(model, recipe, gpu, half=None)
    assert "not compiled, and so slower: this machine has no" in capsys.readouterr().err
    assert not any(isinstance(module.__dict__.get("forward"), partial) for module in model.modules())


@pytest.mark.parametrize("dtype, near", [(torch.float32, 1e-6), (torch.bfloat16, 0.02)])
def test_norms_in_half_precision_give_that_type_and_nearly_the_numbers_of_float32(
    dtype: torch.dtype, near: float,
) -> None:
    torch.manual_seed(0)
    for layer, x in ((nn.GroupNorm(4, 16), torch.randn(2, 16, 8, 8) + 1), (nn.LayerNorm(16), torch.randn(2, 9, 16))):
        nn.init.normal_(layer.weight, 1, 0.1)
        x = x.to(dtype)
        expected = layer(x.float()).detach()
        half_norms(layer)
        with torch.autocast("cpu", torch.bfloat16):
            made = layer(x)
        found = made.detach()
        assert found.dtype is dtype
        assert float((found.float() - expected).norm() / expected.norm()) < near
        torch.autograd.backward([made.float().square().sum()])
        assert layer.weight.grad is not None and layer.weight.grad.dtype is torch.float32


@pytest.mark.parametrize("half, gpu, patched", [(True, True, True), (False, True, False), (True, False, False)])
def test_norms_stay_in_half_precision_on_a_gpu_alone(half: bool, gpu: bool, patched: bool) -> None:
    recipe = tiny("pocket", *SHALLOW)
    model = Model(recipe)
    lay_out(model, recipe, torch.device("cuda" if gpu else "cpu"), torch.bfloat16 if half else None)
    norms = [module for module in model.modules() if isinstance(module, (nn.GroupNorm, nn.LayerNorm))]
    assert norms and all(isinstance(norm.forward, partial) is patched for norm in norms)


def test_a_step_with_norms_in_half_precision_is_nearly_that_of_autocast() -> None:
    recipe = tiny("pocket", *SHALLOW)
    results = []
    for patched in (False, True):
        model = learnt(recipe)
        if patched:
            half_norms(model)
        with torch.autocast("cpu", torch.bfloat16):
            results.append(step(recipe, model))
    (plain, gradients), (losses, found) = results
    assert torch.allclose(losses, plain, rtol=0.02) and not torch.equal(losses, plain)
    whole, apart = (torch.cat([g.flatten() for g in given]) for given in (
        list(gradients.values()), [found[name] - gradients[name] for name in gradients]))
    assert found.keys() == gradients.keys() and float(apart.norm() / whole.norm()) < 0.1
