"""The engine's networks: the released keys, strict loading, silence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from lib_colorize.cli import random_networks
from lib_colorize.engine import networks
from lib_colorize.errors import ColorizeError
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from tests.conftest import HERE
from tests.standalone_models import CONFIG


def test_the_networks_have_the_keys_and_shapes_of_the_released_file() -> None:
    shapes = json.loads((HERE / "golden" / "fullsize" / "v1_keys.json").read_text())["shapes"]
    config, _ = random_networks.sizes("released")
    assert config.vae and config.sketch
    vae = config.vae
    made = {
        "model.diffusion_model.": networks.without_weights(lambda: UNet(config.unet)),
        "first_stage_model.": networks.without_weights(lambda: networks.AutoencoderKL(vae)),
        "control_encoder.": networks.without_weights(lambda: SketchEncoder(320)),
    }
    for prefix, module in made.items():
        wanted = {key: tuple(shape) for key, shape in shapes.items() if key.startswith(prefix)}
        assert {prefix + key: tuple(value.shape) for key, value in module.state_dict().items()} == wanted


def test_mixed_dtypes_are_loaded_as_the_one_that_is_asked_for() -> None:
    state = random_networks.random_state("vae", CONFIG, torch.float16)
    assert CONFIG.vae
    vae = CONFIG.vae
    module = networks.load_network(lambda: networks.AutoencoderKL(vae), state, "VAE")
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in module.parameters()) and not module.training


def test_weights_that_do_not_fit_are_listed() -> None:
    state = random_networks.random_state("unet", CONFIG)
    state["stray"] = state.pop("out.2.bias")
    state["out.2.weight"] = torch.zeros(3, 3)
    with pytest.raises(ColorizeError, match=r"1 missing: out.2.bias; 1 unexpected: stray; 1 of a wrong shape"):
        networks.load_network(lambda: UNet(CONFIG.unet), state, "U-Net")


def test_importing_is_silent_too_and_ldm_is_whole_afterwards() -> None:
    code = ("from lib_colorize.engine.ldm_vae import encoder_and_decoder as of; made = of(); "
            "from ldm.modules.diffusionmodules.model import Encoder, Decoder; assert made == (Encoder, Decoder)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_building_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert CONFIG.vae
    vae = CONFIG.vae
    networks.without_weights(lambda: networks.AutoencoderKL(vae))
    assert capsys.readouterr().out == ""
