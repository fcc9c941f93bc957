"""What a step of the released size costs with several references and with injection: counted, nothing is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lib_colorize.cli.random_networks import sizes
from lib_colorize.engine.networks import without_weights
from lib_colorize.engine.shared_rows import share_rows
from lib_colorize.method.attach import Attachment
from lib_colorize.method.conditioning import Branch, Conditioning
from lib_colorize.method.injected_picture import InjectedPicture
from lib_colorize.method.schedule import alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.token_bias import areas_of, bias_between
from lib_colorize.method.unet import UNet

SIDE = 64  # of a latent: 512 px
GUIDED = (Branch.FULL, Branch.NO_REFERENCE)


@pytest.fixture(scope="module")
def unet() -> UNet:
    config, _ = sizes("released")
    return without_weights(lambda: UNet(config.unet)).eval()


def shown(tokens: int, **more: Any) -> Conditioning:
    hints = tuple(torch.empty(1, channels, SIDE // factor, SIDE // factor, device="meta")
                  for channels, factor in ((320, 1), (320, 2), (640, 4), (1280, 8), (1280, 8)))
    return replace(Conditioning(torch.empty(1, tokens, 1024, device="meta"), hints), **more)


def flops(unet: UNet, conditioning: Conditioning, settings: Settings, branches: tuple[Branch, ...] = GUIDED) -> int:
    """Of one step with guidance, after the first, which makes keys and values."""
    attachment = Attachment(unet, conditioning, settings)
    if attachment.injection is not None:
        attachment.injection.start([0])
    x = torch.empty(1, 4, SIDE, SIDE, device="meta").repeat(len(branches), 1, 1, 1)
    t = torch.empty(len(branches), device="meta")
    with torch.no_grad(), attachment.applied() as attached, share_rows(unet, attached):
        attached.branches = branches
        for _ in range(2):
            if attachment.injection is not None:
                attachment.injection.given = attachment.injection.latents_at(500.0, len(branches))
            with FlopCounterMode(display=False) as counter:
                unet(x, t)
    return int(counter.get_total_flops())


def test_two_references_cost_a_twentieth_more_at_most(unet: UNet) -> None:
    plain = flops(unet, shown(256), Settings())
    region = torch.zeros(1, 1, 8 * SIDE, 8 * SIDE)
    region[..., : 4 * SIDE] = 1
    bias = bias_between((256, 256), (1.0, 0.5), areas_of([region, None], (SIDE, SIDE)))
    cost = flops(unet, shown(512, token_bias=bias), Settings()) / plain
    assert 1 < cost <= 1.05


@pytest.mark.parametrize("strength, fidelity, most", [
    (1.0, 0.5, 2.3), (0.5, 0.5, 2.3), (1.0, 0.0, 2.2), (1.0, 1.0, 1.6)])
def test_injection_costs_at_most_two_steps_and_a_third(
    unet: UNet, strength: float, fidelity: float, most: float,
) -> None:
    settings = Settings(injection=strength, injection_fidelity=fidelity)
    latent = torch.empty(1, 4, SIDE, SIDE, device="meta")
    picture = InjectedPicture(latent, latent, None, alphas_cumprod())
    cost = flops(unet, shown(256, injection=picture), settings) / flops(unet, shown(256), settings)
    assert 1.5 < cost <= most
