"""The small trainer: its pictures, its auto-encoder's first weights, its resume."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib_colorize.checkpoint.config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig
from lib_colorize.checkpoint.read import read
from lib_colorize.standalone.networks import AutoencoderKL
from training import build_data, recolour, train, train_vae, vae_init
from training.dataset import to_tensor
from training.objective import TokenNoise
from training.recipes import POCKET, Stage

SVG = ('<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg"><path fill="#EA5A47" d="M0 0h36v72H0z"/>'
       '<path fill="#fff" d="M36 0h36v72H36z"/>'
       '<path fill="none" stroke="#000" stroke-width="2" d="M36 0v72"/></svg>')
TINY = replace(
    POCKET,
    networks=NetworkConfig(
        unet=UNetConfig(
            in_channels=4, out_channels=4, model_channels=32, channel_mult=(1, 1, 1, 1), num_res_blocks=2,
            attention_resolutions=(4, 2, 1), num_head_channels=32, context_dim=32, transformer_depth=1,
            linear_projections=False),
        vae=VAEConfig(ch=32, ch_mult=(1, 1, 1, 1), num_res_blocks=0, z_channels=4, embed_dim=4),
        sketch=SketchConfig(model_channels=32, channel_mult=(1, 1, 1, 1)),
        reference=VisionConfig(
            image_size=64, patch_size=16, width=32, layers=1, head_width=32, mlp_ratio=2.0, output_dim=32)),
    resolution=64, batch_size=2,
    stages=(Stage("noisy", 4, TokenNoise.PAPER, 0.1, 0.0, 1e-3, 1e-4),
            Stage("refinement", 4, TokenNoise.NONE, 0.5, 0.1, 1e-4, 1e-5)))


def test_recolouring_changes_every_colour_but_the_lines() -> None:
    found = recolour.fills(SVG)
    assert found == ["#ea5a47", "#ffffff"]
    changed = recolour.recolour(SVG, dict(zip(found, recolour.palette(random.Random(0), 2))))
    assert 'stroke="#000"' in changed and "EA5A47" not in changed and "#fff" not in changed


def test_line_art_of_a_drawing_has_its_lines_and_white() -> None:
    picture = build_data.render(recolour.line_art(SVG), 72, "#ffffff")
    assert (picture[:, 34:38] < 128).any(axis=(1, 2)).all()
    assert (picture[:, :30] == 255).all() and (picture[:, 42:] == 255).all()


def test_reframing_moves_sketch_and_colour_alike() -> None:
    moved = [build_data.render(recolour.reframe(svg, 0.8, 0.1, -0.05), 96, "#ffffff") for svg in
             (SVG, recolour.line_art(SVG))]
    dark = [(picture.max(axis=2) < 90) for picture in moved]
    assert dark[0].any() and np.array_equal(dark[0], dark[1])


def test_a_pair_is_a_pure_function_of_its_name_and_variant() -> None:
    pytest.importorskip("resvg_py")
    item = ("openmoji/1F600", SVG, recolour.line_art(SVG))
    first, again, other = (build_data.draw_pair(item, variant, 64) for variant in (0, 0, 1))
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
    names = {test: {name for name, *_ in build_data.openmoji(tmp_path, test)} for test in (False, True)}
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
    pictures = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    x = to_tensor(pictures)
    with torch.no_grad():
        before = vae.decode(vae.encode(x)[0] * vae.scale_factor)
        train_vae.rescale(vae, pictures)
        mean, _ = vae.encode(x)
        after = vae.decode(mean * vae.scale_factor)
    assert float((after - before).abs().max()) < 1e-3
    latent = mean * vae.scale_factor
    assert latent.std((0, 2, 3)).tolist() == pytest.approx([1.0] * 4, abs=0.02)
    assert latent.mean((0, 2, 3)).tolist() == pytest.approx([0.0] * 4, abs=0.02)


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of six random pairs, and the weights of a tiny auto-encoder."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    np.save(folder / "color.npy", rng.integers(0, 255, (6, 64, 64, 3), dtype=np.uint8))
    np.save(folder / "sketch.npy", rng.integers(0, 255, (6, 64, 64), dtype=np.uint8))
    (folder / "index.json").write_text(json.dumps({"size": 64, "skipped": 0, "names": list("abcdef")}))
    torch.manual_seed(1)
    torch.save(AutoencoderKL(TINY.networks.vae).state_dict(), tmp_path / "vae.pt")
    return folder, tmp_path / "vae.pt"


def test_a_stopped_run_resumes_to_the_same_bits_and_the_engine_reads_the_result(
    data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = train.train(TINY, *data, tmp_path / "whole", log_every=1, save_every=1)
    update = train.update_ema

    def stop_in_step_3(ema: torch.nn.Module, model: torch.nn.Module, updates: int, decay: float) -> None:
        if updates == 3:
            raise KeyboardInterrupt
        update(ema, model, updates, decay)

    monkeypatch.setattr(train, "update_ema", stop_in_step_3)
    with pytest.raises(KeyboardInterrupt):
        train.train(TINY, *data, tmp_path / "parts", log_every=1, save_every=1)
    monkeypatch.undo()
    resumed = train.train(TINY, *data, tmp_path / "parts", log_every=1, save_every=1)
    a, b = read(whole), read(resumed)
    for part in ("unet", "sketch_encoder", "reference_encoder", "vae"):
        one, other = getattr(a, part), getattr(b, part)
        assert one and all(torch.equal(one[key], other[key]) for key in one), part
    records = [json.loads(line) for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert [r["images"] for r in records] == [2, 4, 6, 8]
    assert {r["stage"] for r in records} == {"noisy", "refinement"}
    assert {"loss", "lr", "images_per_second"} <= set(records[0])
    assert a.card.license == "CC BY-SA 4.0" and a.card.training["stages"][0]["name"] == "noisy"


def test_tokens_of_a_trained_reference_encoder_cannot_outgrow_the_noise() -> None:
    torch.manual_seed(0)
    encoder = train.Model(TINY).reference_encoder
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.mul_(30)  # whatever it learns
        tokens = encoder(torch.rand(4, 3, 64, 64) * 2 - 1)
    assert float(tokens.pow(2).mean()) == pytest.approx(1.0, abs=0.02)
