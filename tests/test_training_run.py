"""The small model: its pictures, its auto-encoder's first weights, the scale of its tokens."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib_colorize.engine.networks import AutoencoderKL
from tests.training_runs import make_pictures, tiny
from training.small import build_data, rasterize, recolour, svg_sources, train_vae, vae_init, vae_losses
from training.trainer.networks import Model

SVG = ('<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg"><path fill="#EA5A47" d="M0 0h36v72H0z"/>'
       '<path fill="#fff" d="M36 0h36v72H36z"/>'
       '<path fill="none" stroke="#000" stroke-width="2" d="M36 0v72"/></svg>')


def test_recolouring_changes_every_colour_but_the_lines() -> None:
    found = recolour.fills(SVG)
    assert found == ["#ea5a47", "#ffffff"]
    changed = recolour.recolour(SVG, dict(zip(found, recolour.palette(random.Random(0), 2))))
    assert 'stroke="#000"' in changed and "EA5A47" not in changed and "#fff" not in changed


def test_line_art_of_a_drawing_has_its_lines_and_white() -> None:
    picture = rasterize.render(recolour.line_art(SVG), 72, "#ffffff")
    assert (picture[:, 34:38] < 128).any(axis=(1, 2)).all()
    assert (picture[:, :30] == 255).all() and (picture[:, 42:] == 255).all()


def test_reframing_moves_sketch_and_colour_alike() -> None:
    moved = [rasterize.render(recolour.reframe(svg, 0.8, 0.1, -0.05), 96, "#ffffff") for svg in
             (SVG, recolour.line_art(SVG))]
    dark = [(picture.max(axis=2) < 90) for picture in moved]
    assert dark[0].any() and np.array_equal(dark[0], dark[1])


def test_a_pair_is_a_pure_function_of_its_name_and_variant() -> None:
    pytest.importorskip("resvg_py")
    item = ("openmoji/1F600", SVG, recolour.line_art(SVG))
    first, again, other = (build_data.draw_variant(item, variant, 64) for variant in (0, 0, 1))
    assert first and again and other
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])


def test_held_out_glyphs_are_never_drawn_for_training(tmp_path: Path) -> None:
    codes = [f"1F{i:03X}" for i in range(0x400, 0x480)]
    entries = [{"hexcode": code, "group": "objects"} for code in codes]
    for part in ("data", "color/svg", "black/svg"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "data" / "openmoji.json").write_text(json.dumps(entries))
    for code in codes:
        (tmp_path / "color" / "svg" / f"{code}.svg").write_text(SVG)
        (tmp_path / "black" / "svg" / f"{code}.svg").write_text(f"<!-- {code} -->{SVG}")
    names = {test: {name for name, *_ in svg_sources.openmoji(tmp_path, test)} for test in (False, True)}
    assert "openmoji/1F436" in names[True]  # md5("1F436") ends a multiple of ten
    assert not names[True] & names[False] and len(names[True] | names[False]) == len(codes)


@pytest.mark.parametrize("passing", [True, False])
def test_the_first_weights_pass_colour_and_default_ones_do_not(passing: bool) -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL(train_vae.CONFIG)
    if passing:
        vae_init.pass_colour(vae)
    colours = torch.rand(6, 3, 1, 1) * 1.6 - 0.8
    x = torch.cat([colours.expand(-1, -1, 32, 16), colours.flip(0).expand(-1, -1, 32, 16)], dim=3)
    with torch.no_grad():
        y = vae.decode(vae.encode(x)[0] * vae.scale_factor)
    error = float(F.l1_loss(F.avg_pool2d(y, 8), F.avg_pool2d(x, 8)))
    assert (error < 0.12) == passing, error


def test_rescaling_keeps_the_reconstruction_and_evens_the_latent() -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL(train_vae.CONFIG)
    vae_init.pass_colour(vae)
    x = F.interpolate(torch.rand(8, 3, 8, 8) * 2 - 1, scale_factor=8)
    with torch.no_grad():
        before = vae.decode(vae.encode(x)[0] * vae.scale_factor)
        train_vae.rescale(vae, x)
        mean, _ = vae.encode(x)
        after = vae.decode(mean * vae.scale_factor)
    assert float((after - before).abs().max()) < 1e-3
    latent = mean * vae.scale_factor
    assert latent.std((0, 2, 3)).tolist() == pytest.approx([1.0] * 4, abs=0.02)
    assert latent.mean((0, 2, 3)).tolist() == pytest.approx([0.0] * 4, abs=0.02)


def test_an_error_on_a_line_or_beside_it_weighs_more() -> None:
    sketch = -torch.ones(1, 3, 9, 9)
    sketch[..., 4, 4] = 1
    weight = vae_losses.line_weights(sketch)
    assert weight.shape == (1, 1, 9, 9)
    assert (weight[0, 0, 3:6, 3:6] == 1 + vae_losses.LINES).all()
    assert float(weight.sum()) == 81 + 9 * vae_losses.LINES


@pytest.mark.parametrize("across", [True, False])
def test_a_lost_line_counts_in_a_dark_area_nearly_as_in_a_light_one(across: bool) -> None:
    def losses(area: float) -> tuple[float, float]:
        """Ours, and the plain mean."""
        picture = torch.full((1, 3, 16, 16), area)
        picture[..., 8] = -1
        if across:
            picture = picture.mT
        weight = vae_losses.line_weights((picture == -1).float() * 2 - 1)
        lost = torch.full_like(picture, area)
        return float(vae_losses.edge_loss(lost, picture, weight)), float(F.l1_loss(lost, picture))

    (ours_light, plain_light), (ours_dark, plain_dark) = losses(1.0), losses(-0.7)
    assert plain_light / plain_dark > 6
    assert 1 < ours_light / ours_dark < 2


def test_running_a_finished_auto_encoder_again_changes_nothing(tmp_path: Path) -> None:
    data = make_pictures(tmp_path / "data", size=128)
    whole = train_vae.train_auto_encoder(data, tmp_path / "whole", steps=3, batch_size=2, seed=0, lr=1e-4)
    again = train_vae.train_auto_encoder(data, tmp_path / "whole", steps=3, batch_size=2, seed=0, lr=1e-4)
    stored = torch.load(tmp_path / "whole" / "state.pt", weights_only=True)
    assert stored["step"] == 3
    ours, theirs = whole.state_dict(), again.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_tokens_of_a_trained_reference_encoder_cannot_outgrow_the_noise() -> None:
    torch.manual_seed(0)
    encoder = Model(tiny("pocket")).reference_encoder
    assert encoder is not None
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.mul_(30)  # whatever it learns
        tokens = encoder(torch.rand(4, 3, 64, 64) * 2 - 1)
    assert float(tokens.pow(2).mean()) == pytest.approx(1.0, abs=0.02)
