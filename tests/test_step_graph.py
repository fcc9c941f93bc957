"""Captured steps give what steps give, whatever changes between them, and memory is let go of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.cli.random_networks import random_engine
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.step_graph import KEPT, StepGraphs, _capture_stream
from lib_colorize.method.injected_picture import InjectedPicture
from lib_colorize.method.settings import Settings
from lib_colorize.method.token_bias import areas_of, bias_between
from tests.fake_cuda import FakeCuda
from tests.recorded_graph import RecordedCapture
from tools.gpu_check.sizes import TINY

SIGMAS = (14.0, 3.0, 0.5)


@pytest.fixture(scope="module")
def networks() -> Engine:
    return random_engine(TINY.networks, lambda: pytest.fail("tokens are made here"), torch.bfloat16)


@pytest.fixture
def capture() -> RecordedCapture:
    return RecordedCapture()


@pytest.fixture
def engine(networks: Engine, capture: RecordedCapture) -> Iterator[Engine]:
    networks.running.graphs = StepGraphs(capture)
    yield networks
    networks.running.graphs = None


def job(engine: Engine, settings: Settings, seed: int = 0, side: int = 8, pictures: int = 1) -> list[Tensor]:
    """Some steps of a job with its own sketch, reference and noise."""
    generator = torch.Generator().manual_seed(seed)
    sketch = torch.randn(1, 3, 8 * side, 8 * side, generator=generator)
    tokens = torch.randn(1, 9, engine.unet.config.context_dim, generator=generator)
    x = torch.randn(pictures, 4, side, side, generator=generator)
    with engine.denoiser(engine.condition(sketch, tokens, settings), settings) as denoise:
        return [denoise(x * sigma, torch.tensor([sigma])) for sigma in SIGMAS]


def extra_job(engine: Engine, settings: Settings, seed: int = 0, regions: bool | None = False) -> list[Tensor]:
    """With injection, or with two references and regions; None = with both."""
    generator = torch.Generator().manual_seed(seed)
    width = engine.unet.config.context_dim
    tokens = torch.randn(1, 19, width, generator=generator)
    shown = engine.condition(torch.randn(1, 3, 64, 64, generator=generator), tokens, settings)
    mean = torch.randn(1, 4, 8, 8, generator=generator)
    hints = tuple(torch.randn(hint.shape, generator=generator) for hint in shown.hints)
    side = torch.rand(1, 1, 64, 64, generator=generator).round()
    bias = bias_between((6, 12), (1.0, 0.5), areas_of([side, None], (8, 8)))
    shown = replace(shown, token_bias=bias) if regions is not False else shown
    if regions is not True:
        picture = InjectedPicture(mean, 0.1 * mean.abs(), hints, engine.schedule.alphas_cumprod)
        shown = replace(shown, injection=picture)
    x = torch.randn(1, 4, 8, 8, generator=generator)
    with engine.denoiser(shown, settings) as denoise:
        denoise.start([seed])
        return [denoise(x * sigma, torch.tensor([sigma])) for sigma in SIGMAS]


@pytest.mark.parametrize("regions", [True, False, None])
@pytest.mark.parametrize("settings", (
    Settings(injection=1.0), Settings(injection=0.5, sketch_guidance=2.0),
    Settings(injection=1.0, injection_fidelity=1.0), Settings(injection=1.0, injection_start=0.5)))
def test_injection_and_regions_are_captured_and_replayed_with_the_next_jobs(
    engine: Engine, capture: RecordedCapture, settings: Settings, regions: bool | None,
) -> None:
    seeds = (0, 1, 2, 0)
    found = [extra_job(engine, settings, seed, regions) for seed in seeds]
    assert capture.captured and capture.replayed
    engine.running.graphs = None
    assert all(equal(own, extra_job(engine, settings, seed, regions)) for own, seed in zip(found, seeds))
    assert not equal(found[0], found[1])


def test_what_a_conditioning_holds_is_not_written_over_by_the_next_job(engine: Engine) -> None:
    """A captured step has tensors of its own, into which later jobs are copied."""
    settings, width = Settings(injection=1.0), engine.unet.config.context_dim
    shown = []
    for number in (0.0, 1.0):
        own = engine.condition(torch.zeros(1, 3, 64, 64), torch.ones(1, 9, width), settings)
        hints = tuple(torch.full_like(hint, number, memory_format=torch.channels_last) for hint in own.hints)
        mean = torch.zeros(1, 4, 8, 8)
        picture = InjectedPicture(mean, mean, hints, engine.schedule.alphas_cumprod)
        shown.append(replace(own, injection=picture))
    for conditioning in (shown[0], shown[0], shown[1]):
        with engine.denoiser(conditioning, settings) as denoise:
            denoise.start([0])
            denoise(torch.zeros(1, 4, 8, 8), torch.tensor([1.0]))
    assert not any(bool(hint.any()) for hint in shown[0].injection.hints)


def without(engine: Engine, *args: Any, **kwargs: Any) -> list[Tensor]:
    graphs, engine.running.graphs = engine.running.graphs, None
    found = job(engine, *args, **kwargs)
    engine.running.graphs = graphs
    return found


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other))


@pytest.mark.parametrize("settings", (
    Settings(), Settings(reference_guidance=1.0), Settings(sketch_guidance=2.0), Settings(reference_strength=0.5)))
def test_captured_steps_are_the_same(engine: Engine, capture: RecordedCapture, settings: Settings) -> None:
    assert equal(job(engine, settings), without(engine, settings))
    assert (capture.captured, capture.replayed) == (1, len(SIGMAS) - 1)  # the first of its kind runs as it is


def test_the_next_job_replays_with_its_own_sketch_reference_and_noise(
    engine: Engine, capture: RecordedCapture,
) -> None:
    settings = Settings()
    job(engine, settings)
    found = [job(engine, settings, seed) for seed in (1, 2, 0)]
    assert capture.captured == 1
    assert all(equal(own, without(engine, settings, seed)) for own, seed in zip(found, (1, 2, 0)))
    assert not equal(found[0], found[1])


def test_a_window_and_another_scale_are_captured_apart(engine: Engine, capture: RecordedCapture) -> None:
    inside = Settings(guidance_end=0.5, reference_guidance=3.0)
    assert equal(job(engine, inside), without(engine, inside))
    again, other = job(engine, inside), inside.with_(reference_guidance=7.0)
    assert equal(again, without(engine, inside))
    assert equal(job(engine, other), without(engine, other)) and equal(job(engine, other), without(engine, other))
    assert capture.captured >= 3


def test_another_size_throws_graphs_away(engine: Engine, capture: RecordedCapture) -> None:
    settings = Settings()
    for side, pictures in ((8, 1), (16, 1), (8, 1), (8, 2)):
        found = job(engine, settings, side=side, pictures=pictures)
        assert equal(found, without(engine, settings, side=side, pictures=pictures))
        assert engine.running.graphs is not None and len(engine.running.graphs._graphs) == 1
    assert capture.captured == 4


def test_there_are_never_many_graphs(engine: Engine) -> None:
    for scale in range(2, 4 + KEPT):
        job(engine, Settings(reference_guidance=float(scale)))
    assert engine.running.graphs is not None and len(engine.running.graphs._graphs) == KEPT


def test_when_nothing_can_be_captured_steps_run_as_they_are(networks: Engine) -> None:
    tried: list[object] = []

    def refuse(run: object, pool: object) -> Any:
        tried.append(run)
        raise RuntimeError("operation not permitted when stream is capturing")

    networks.running.graphs = StepGraphs(refuse)
    settings = Settings()
    found = job(networks, settings)
    assert len(tried) == 1 and "not permitted" in str(networks.running.graphs.problem)
    assert equal(found, without(networks, settings))
    networks.running.graphs = None


class NothingShown:
    """An attachment to no U-Net."""

    def constants(self, rows: int, like: Tensor) -> list[Tensor]:
        return []


@pytest.mark.parametrize("fails", (False, True))
def test_steps_are_captured_on_the_device_that_they_run_on(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """On another device's stream nothing is captured, and a replay leaves the first output as it is."""
    cuda, nothing = FakeCuda(fails), NothingShown()
    for name in ("graph", "Stream", "stream", "device", "current_device", "current_stream", "CUDAGraph",
                 "graph_pool_handle"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    _capture_stream.cache_clear()
    with FakeTensorMode():
        for device in ("cuda:0", "cuda:1", "cuda:1"):
            graphs, x = StepGraphs(), torch.empty(1, device=device)
            for _ in range(2):
                graphs.run("key", lambda x: x + 1, (x,), nothing, 1, x)  # type: ignore[arg-type]
            assert (graphs.problem is not None) == fails
    _capture_stream.cache_clear()
    assert cuda.captures == [(0, 0), (1, 1), (1, 1)]
    assert (cuda.now.device, cuda.now.own) == (0, False)  # and a failed capture leaves no stream of its own
