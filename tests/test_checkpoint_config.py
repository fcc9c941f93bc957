"""Every size of the networks is told from tensor shapes, and survives JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

import pytest

from lib_colorize.checkpoint import config as c
from lib_colorize.errors import ColorizeError
from tests.golden.reader import Golden

FULLSIZE = Path(__file__).parent / "golden" / "fullsize"


def shapes_by_part(shapes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, tuple[int, ...]]]:
    return {part: {k[len(prefix):]: tuple(s) for k, s in shapes.items() if k.startswith(prefix)}
            for part, prefix in c.PARTS.items()}


def fullsize(name: str) -> dict[str, dict[str, tuple[int, ...]]]:
    return shapes_by_part(json.loads((FULLSIZE / f"{name}_keys.json").read_text())["shapes"])


@lru_cache
def golden_shapes(golden: Golden, name: str = "v1") -> dict[str, tuple[int, ...]]:
    """Key -> shape of a golden model with its CLIP; no weight is computed."""
    weights = json.loads((Path(golden.path) / "weights.json").read_text())["models"][name]["tensors"]
    return {key: tuple(shape) for key, (shape, _, _) in weights.items()}


def head_widths(golden: Golden) -> dict[str, int]:
    """What shapes do not show of the golden models."""
    return {"num_head_channels": golden.index["model_config"]["unet"]["num_head_channels"],
            "head_width": golden.index["config"]["clip"]["vision"]["head_width"]}


def tiny(golden: Golden) -> c.NetworkConfig:
    return c.infer_network(shapes_by_part(golden_shapes(golden)), head_widths(golden))


@pytest.mark.parametrize("name", ["v1", "switch", "v2"])
def test_released_size_is_told_from_shapes_alone(name: str) -> None:
    config = c.infer_network(fullsize(name))
    assert config.unet == c.UNetConfig(4, 4, 320, (1, 2, 4, 4), 2, (4, 2, 1), 64, 1024, 1, False)
    assert config.vae == c.VAEConfig(128, (1, 2, 4, 4), 2, 4, 4)
    assert config.sketch == c.SketchConfig(320, (1, 2, 4, 4), 3)
    assert config.reference == c.VisionConfig(224, 14, 1280, 32, 80, 4.0, 1024)


def test_golden_sizes_are_told_from_shapes(golden: Golden) -> None:
    config, want = tiny(golden), golden.index["model_config"]
    for part, wanted in ((config.unet, want["unet"]), (config.vae, want["vae"]),
                         (config.reference, golden.index["config"]["clip"]["vision"])):
        got = {k: sorted(v) if isinstance(v, tuple) else v for k, v in asdict(part).items()}
        for key in set(wanted) & set(got):
            assert got[key] == (sorted(wanted[key]) if isinstance(wanted[key], list) else wanted[key]), key
    assert config.reference.output_dim == golden.index["config"]["clip"]["embed_dim"]
    assert list(config.sketch.channel_mult) == want["control_encoder"]["ch_mults"]
    assert config.sketch.model_channels == want["control_encoder"]["model_channels"]


def test_head_width_is_never_guessed_at_an_unknown_size(golden: Golden) -> None:
    parts = shapes_by_part(golden_shapes(golden))
    with pytest.raises(ColorizeError, match="num_head_channels"):
        c.infer_unet(parts["unet"])
    with pytest.raises(ColorizeError, match="head_width"):
        c.infer_vision(parts["reference_encoder"])


def test_json_is_the_inverse(golden: Golden) -> None:
    for config in (tiny(golden), c.infer_network(fullsize("v1")), replace(tiny(golden), vae=None, reference=None)):
        assert c.NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("broken", [
    None, {}, {"unet": 3}, {"unet": {"in_channels": 4}},
    {"unet": {**asdict(c.infer_network(fullsize("v1")).unet), "model_channels": "320"}},
    {"unet": {**asdict(c.infer_network(fullsize("v1")).unet), "model_channels": -1}},
    {"unet": {**asdict(c.infer_network(fullsize("v1")).unet), "surprise": 1}},
])
def test_broken_json_is_a_clear_error(broken: object) -> None:
    with pytest.raises(ColorizeError):
        c.NetworkConfig.from_dict(broken)  # type: ignore[arg-type]


def test_linear_projections_are_told(golden: Golden) -> None:
    unet = {k: s[:2] if k.endswith(("proj_in.weight", "proj_out.weight")) else s
            for k, s in fullsize("v1")["unet"].items()}
    assert c.infer_unet(unet).linear_projections


def test_a_missing_or_malformed_weight_is_a_clear_error() -> None:
    unet = fullsize("v1")["unet"]
    with pytest.raises(ColorizeError, match="input_blocks.0.0.weight"):
        c.infer_unet({k: s for k, s in unet.items() if k != "input_blocks.0.0.weight"})
    with pytest.raises(ColorizeError, match="out.2.weight"):
        c.infer_unet({**unet, "out.2.weight": (4,)})
    with pytest.raises(ColorizeError):
        c.infer_unet({})
