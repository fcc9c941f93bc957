"""Networks over `ldm`: the released keys, strict loading, fused attention."""

from __future__ import annotations

import json

import pytest
import torch

from lib_colorize.cli import random_networks
from lib_colorize.engine import networks
from lib_colorize.errors import ColorizeError
from lib_colorize.method.sketch_encoder import SketchEncoder
from tests.conftest import HERE
from tests.standalone_models import CONFIG


def test_the_networks_have_the_keys_and_shapes_of_the_released_file() -> None:
    shapes = json.loads((HERE / "golden" / "fullsize" / "v1_keys.json").read_text())["shapes"]
    config, _ = random_networks.sizes("released")
    assert config.vae and config.sketch
    vae = config.vae
    made = {
        "model.diffusion_model.": networks.without_weights(lambda: networks.make_unet(config.unet)),
        "first_stage_model.": networks.without_weights(lambda: networks.AutoencoderKL(vae)),
        "control_encoder.": networks.without_weights(lambda: SketchEncoder(320)),
    }
    for prefix, module in made.items():
        wanted = {key: tuple(shape) for key, shape in shapes.items() if key.startswith(prefix)}
        assert {prefix + key: tuple(value.shape) for key, value in module.state_dict().items()} == wanted


def test_mixed_dtypes_are_loaded_as_the_one_that_is_asked_for() -> None:
    state = random_networks.random_state("vae", CONFIG, half=True)
    assert CONFIG.vae
    vae = CONFIG.vae
    module = networks.load(lambda: networks.AutoencoderKL(vae), state, "VAE")
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in module.parameters()) and not module.training


def test_weights_that_do_not_fit_are_listed() -> None:
    state = random_networks.random_state("unet", CONFIG)
    state["stray"] = state.pop("out.2.bias")
    state["out.2.weight"] = torch.zeros(3, 3)
    with pytest.raises(ColorizeError, match=r"1 missing \(out.2.bias\).*1 unexpected \(stray\).*1 of wrong shape"):
        networks.load(lambda: networks.make_unet(CONFIG.unet), state, "U-Net")


@pytest.mark.parametrize("context", (None, 5))
def test_fused_attention_equals_the_formula(context: int | None) -> None:
    from ldm.modules.attention import CrossAttention

    torch.manual_seed(0)
    plain = CrossAttention(query_dim=24, context_dim=None if context is None else 10, heads=3, dim_head=8)
    x = torch.randn(2, 6, 24)
    tokens = None if context is None else torch.randn(2, context, 10)
    torch.testing.assert_close(networks.FusedAttention(plain)(x, tokens), plain(x, tokens), rtol=1e-5, atol=1e-6)


def test_building_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    networks.without_weights(lambda: networks.make_unet(CONFIG.unet))
    assert capsys.readouterr().out == ""
