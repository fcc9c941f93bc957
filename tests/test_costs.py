"""What a step of the released size costs with several references and with injection: counted, nothing is computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lib_colorize.cli.random_networks import sizes
from lib_colorize.cli.random_variants import variant_shapes
from lib_colorize.engine.networks import without_weights
from lib_colorize.engine.shared_rows import share_rows
from lib_colorize.method.attach import Attachment
from lib_colorize.method.conditioning import Branch, Conditioning
from lib_colorize.method.injected_picture import InjectedPicture
from lib_colorize.method.masking import BackgroundMaps, FigureMask, MaskedTokens
from lib_colorize.method.schedule import alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.token_bias import areas_of, bias_between
from lib_colorize.method.unet import UNet
from lib_colorize.method.variants.lora import AttentionLoras
from lib_colorize.method.variants.parts import BUILDERS
from lib_colorize.method.variants.variant import V1, Variant
from lib_colorize.method.variants.widths import output_widths, skip_widths

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


def flops(unet: UNet, conditioning: Conditioning, settings: Settings, branches: tuple[Branch, ...] = GUIDED,
          variant: Variant = V1) -> int:
    """Of one step with guidance, after the first, which makes keys and values."""
    attachment = Attachment(unet, conditioning, settings, variant)
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


def released_variant(name: str, unet: UNet) -> Variant:
    """What acts in each step, in the released size and without numbers."""
    prefix = "model.diffusion_model."
    state = {key.removeprefix(prefix): torch.empty(shape, device="meta")
             for key, shape in variant_shapes(name, unet.config).items() if key.startswith(prefix)}
    figure, background = (AttentionLoras.of_state(state, role) for role in ("figure", "background"))
    own = {part: without_weights(lambda part=part: BUILDERS[part]({}, unet.config).eval())
           for part in ("warps", "styles") if name == "v2"}
    return Variant(name, figure, background, **own)  # type: ignore[arg-type]


def masked(figure_lora: bool) -> MaskedTokens:
    tokens = torch.empty(1, 256, 1024, device="meta")
    return MaskedTokens(tokens, tokens, figure_mask(), figure_lora=figure_lora, background_lora=True)


def figure_mask() -> FigureMask:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., :30] = 1
    return FigureMask(mask, 0.05)


def test_figure_and_background_of_v1_5_cost_a_tenth_more_at_most(unet: UNet) -> None:
    apart = flops(unet, shown(256, masked=masked(True)), Settings(), variant=released_variant("v1.5", unet))
    assert 1 < apart / flops(unet, shown(256), Settings()) <= 1.1


def test_all_of_v2_costs_half_more_at_most(unet: UNet) -> None:
    sides = [SIDE // 8] * 3 + [SIDE // 4] * 3 + [SIDE // 2] * 3 + [SIDE] * 3  # of the skips, in the decoder's order
    maps = tuple(torch.empty(1, side**2, width, device="meta") for side, width in zip(sides, skip_widths(unet.config)))
    style = tuple(torch.empty(1, 2 * width, device="meta") for width in output_widths(unet.config))
    conditioning = shown(256, masked=masked(True), style=style, background=BackgroundMaps(maps, figure_mask()))
    everything = flops(unet, conditioning, Settings(), variant=released_variant("v2", unet))
    assert 1 < everything / flops(unet, shown(256), Settings()) <= 1.5


@pytest.mark.parametrize(("name", "listed"), [("v1.5", "switch"), ("v2", "v2")])
def test_random_files_have_the_keys_and_shapes_of_the_released_ones(name: str, listed: str) -> None:
    path = Path(__file__).parent / "golden" / "fullsize" / f"{listed}_keys.json"
    shapes = json.loads(path.read_text(encoding="utf-8"))["shapes"]
    config, _ = sizes("released")
    found = variant_shapes(name, config.unet)
    marks = ("lora_", "warp_modules.", "style_modules.")
    tops = ("thresh_embedder.", "transformer.", "bg_encoder.", "style_encoder.")
    assert found == {key: tuple(shape) for key, shape in shapes.items()
                     if key.startswith(tops) or (not key.startswith("cond_stage") and any(m in key for m in marks))}
