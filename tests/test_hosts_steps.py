"""A coloured step in a host: fewer operators than the host's own step of the same rows, and nobody waits for a card."""

from __future__ import annotations

import contextlib
import functools
import importlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.hosts.sampler_run import SamplerRun
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.webui.forge.timesteps import Times
from lib_colorize.method.conditioning import Conditioning
from lib_colorize.method.network_config import UNetConfig
from tests import a1111_fakes, forge_fakes
from tests.core_models import ldm_unet
from tests.dispatched import Dispatched

SIZES = UNetConfig(4, 4, 32, (1, 2, 4, 4), 2, (4, 2, 1), 16, 32, 1, False)
HINTS = ((32, 8), (32, 4), (64, 2), (128, 1), (128, 1))  # channels and side after their input blocks, of 8x8 latents
TOKENS, TIME = 17, 500.0
CASES = {  # settings; conditions for each picture that the host has for them in A1111, unconditionals in Forge
    "guided": ({"reference_guidance": 5.0}, 1, 1), "one row": ({"reference_guidance": 1.0}, 1, 0),
    "three rows": ({"reference_guidance": 5.0, "sketch_guidance": 2.0}, 2, 2),
}
CARD = FakeTensorMode()  # that is not there: its tensors have no numbers


@functools.cache
def unet_on(device):
    """On the card with half as many blocks: tensors without numbers take their time."""
    with torch.device(device):
        return ldm_unet(SIZES if device == "cpu" else replace(SIZES, num_res_blocks=1))


def make_run(unet, values, device):
    settings = JobSettings.from_values(values)
    tokens = torch.randn(1, TOKENS, SIZES.context_dim)
    hints = tuple(torch.randn(1, channels, side, side, device=device) for channels, side in HINTS)
    return SamplerRun(unet, Conditioning(tokens.to(device), hints, hints), settings, tokens, 1000)


class InA1111:
    """One run of its sampler; `step` is one step of it."""

    def __init__(self, monkeypatch, device, values, conditions):
        self.unet = unet_on(device.type)
        self.model = SimpleNamespace(model=a1111_fakes.Wrapper(self.unet))
        modules = a1111_fakes.install(monkeypatch, self.model)
        modules["devices"].device = device
        adapter = importlib.import_module("lib_colorize.hosts.webui.a1111.adapter")
        self.host = adapter.A1111()
        self.host.install()
        self.run = make_run(self.unet, values, device)
        context = self.run.context
        self.job = SimpleNamespace(settings=self.run.settings, tokens=context, context=lambda: context,
                                   has_reference=self.run.has_reference)
        self.row_conditions, self.conditions, self.device = adapter._row_conditions, conditions, device

    def coloured(self, pictures):
        p, step = self._sampler(*self.row_conditions(self.job, pictures), pictures)
        return self.host.show(p, self.run), step

    def plain(self, pictures):
        def scheduled():
            return a1111_fakes.ScheduledPromptConditioning(9, torch.randn(77, SIZES.context_dim, device=self.device))

        conds = [[a1111_fakes.ComposableScheduledPromptConditioning([scheduled()]) for _ in range(self.conditions)]
                 for _ in range(pictures)]
        cond = a1111_fakes.MulticondLearnedConditioning((pictures,), conds)
        return contextlib.nullcontext(), self._sampler(cond, [[scheduled()] for _ in range(pictures)], pictures)[1]

    def _sampler(self, cond, uncond, pictures):
        p, x = a1111_fakes.Processing(self.model, pictures), torch.randn(pictures, 4, 8, 8, device=self.device)
        p.init()
        return p, lambda: p.sampler.sample(p, x, cond, uncond)


class InForge:
    """The same for Forge."""

    def __init__(self, monkeypatch, device, values, unconditionals):
        self.unet = unet_on(device.type)
        self.patcher = forge_fakes.Patcher(forge_fakes.KModel(self.unet))
        self.model = SimpleNamespace(forge_objects=SimpleNamespace(unet=self.patcher))
        forge_fakes.install(monkeypatch, self.model)
        self.host = importlib.import_module("lib_colorize.hosts.webui.forge.adapter").Forge()
        self.run, self.unconditionals, self.device = make_run(self.unet, values, device), unconditionals, device

    def coloured(self, pictures):
        self.model.forge_objects.unet = self.patcher
        p = a1111_fakes.Processing(self.model, pictures)
        return self.host.show(p, self.run), self._step(self.model.forge_objects.unet, pictures)

    def plain(self, pictures):
        def modify(model, x, sigma, uncond, *rest):
            return model, x, sigma, uncond * self.unconditionals, *rest

        patcher = self.patcher.clone()
        patcher.add_conditioning_modifier(modify)
        return contextlib.nullcontext(), self._step(patcher, pictures)

    def _step(self, patcher, pictures):
        x = torch.randn(pictures, 4, 8, 8, device=self.device)
        sigma, cond = x.new_full((pictures,), TIME + 1), x.new_zeros(pictures, 77, SIZES.context_dim)

        def step():
            with torch.no_grad():
                return forge_fakes.step(patcher, x, sigma, cond, 7.0, 3)

        return step


def world(kind, name, monkeypatch, device, **more):
    values, conditions, unconditionals = CASES[name]
    if kind == "a1111":
        return InA1111(monkeypatch, device, values | more, conditions)
    return InForge(monkeypatch, device, values | more, unconditionals)


def second_step(around, step):
    """Operators and waits of the second step of a run; in the first constants are made."""
    with Dispatched() as seen, around:
        step()
        seen.forget()
        step()
        return seen.names, list(seen.waits)


@pytest.mark.parametrize("pictures", [1, 2])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["a1111", "forge"])
def test_a_coloured_step_is_fewer_operators_than_the_hosts_own(kind, name, pictures, monkeypatch):
    there = world(kind, name, monkeypatch, torch.device("cpu"))
    plain, ours = second_step(*there.plain(pictures))[0], second_step(*there.coloured(pictures))[0]
    assert ours.total() < plain.total(), (ours - plain, plain - ours)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["a1111", "forge"])
def test_nobody_waits_for_the_card_in_a_step(kind, name, monkeypatch):
    assert waits(kind, name, monkeypatch, pictures=2) == []


@pytest.mark.parametrize("kind", ["a1111", "forge"])
def test_a_window_costs_one_look_at_the_time_of_a_step(kind, monkeypatch):
    """Outside of it there is a row less to compute."""
    assert waits(kind, "guided", monkeypatch, guidance_end=0.8) == ["aten::_local_scalar_dense"]


def waits(kind, name, monkeypatch, pictures=1, **more):
    """Of a step on a card, beyond what the host's own has (`ldm` makes a table on the CPU at every step)."""
    with CARD:
        there = world(kind, name, monkeypatch, torch.device("cuda"), **more)
        own = second_step(*there.plain(pictures))[1]
        return [wait for wait in second_step(*there.coloured(pictures))[1] if wait not in own]


def test_a_run_in_a1111_asks_twice_whether_its_conditions_are_ours(monkeypatch):
    """After the first call, so that nobody waits for a picture that is refused, and at the end for the others."""
    with CARD:
        there = world("a1111", "guided", monkeypatch, torch.device("cuda"))
        around, step = there.coloured(1)
        with Dispatched() as seen, around:
            for _ in range(4):
                step()
    assert seen.waits.count("aten::_local_scalar_dense") == 2


def test_forges_time_of_a_level_is_worked_out_on_the_card():
    """At every step; four or five operators are what the host's own, rounded time takes."""
    with CARD, Dispatched() as seen:
        sigma = torch.full((2,), 3.0, device="cuda")
        times = Times(torch.linspace(-3.5, 2.7, 1000), sigma.device)
        seen.forget()
        t = times.of(sigma)
        assert t.device.type == "cuda" and seen.waits == [] and seen.names.total() <= 5
