"""The keys and shapes that sizes imply are exactly those of the released and the golden models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib_colorize.checkpoint.config import PARTS, infer_network
from lib_colorize.checkpoint.layout import canonical_shape, expected_shapes
from lib_colorize.checkpoint.vae_keys import vae_shapes
from lib_colorize.method.network_config import NetworkConfig, VAEConfig
from tests.golden.reader import Golden
from tests.test_checkpoint_config import fullsize, golden_shapes, head_widths, shapes_by_part, tiny


@pytest.mark.parametrize("part", PARTS)
def test_released_v1_has_exactly_the_expected_keys(part: str) -> None:
    shapes = fullsize("v1")
    assert expected_shapes(part, infer_network(shapes)) == shapes[part]


@pytest.mark.parametrize("name", ["switch", "v2"])
def test_other_variants_have_the_same_vae_and_encoders(name: str) -> None:
    shapes = fullsize(name)
    config = infer_network(shapes)
    for part in ("vae", "sketch_encoder", "reference_encoder"):
        assert expected_shapes(part, config) == shapes[part]
    assert not set(expected_shapes("unet", config)) - set(shapes["unet"])


@pytest.mark.parametrize("part", PARTS)
def test_golden_v1_has_exactly_the_expected_keys(part: str, golden: Golden) -> None:
    shapes = shapes_by_part(golden_shapes(golden))
    assert expected_shapes(part, tiny(golden)) == shapes[part]


def small_unet(golden: Golden) -> NetworkConfig:
    config = tiny(golden)
    unet = replace(config.unet, channel_mult=(1, 2), attention_resolutions=(2,), num_res_blocks=1, transformer_depth=2)
    return replace(config, unet=unet)


def test_another_depth_is_told_from_its_own_keys(golden: Golden) -> None:
    config = small_unet(golden)
    shapes = {part: expected_shapes(part, config) for part in PARTS}
    assert infer_network(shapes, head_widths(golden)) == config


def test_vae_attention_levels_are_told() -> None:
    config = VAEConfig(32, (1, 1, 2), 1, 4, 4, (64,))
    shapes = {"unet": fullsize("v1")["unet"], "vae": vae_shapes(config)}
    assert infer_network(shapes).vae == config


def test_flat_projections_equal_their_convolutions() -> None:
    assert canonical_shape("input_blocks.1.1.proj_in.weight", (8, 8)) == (8, 8, 1, 1)
    assert canonical_shape("input_blocks.1.1.proj_in.weight", (8, 8, 1, 1)) == (8, 8, 1, 1)
    assert canonical_shape("time_embed.0.weight", (8, 8)) == (8, 8)
