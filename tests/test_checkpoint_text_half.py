"""The text half in each layout and place in which people have it, told by keys and shapes."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from lib_colorize.checkpoint.text_half import find_text_half, infer_text, read_text_half, text_shapes, text_sources
from lib_colorize.cli.random_networks import random_tensors
from lib_colorize.errors import ColorizeError
from lib_colorize.method.text.tower import TextConfig, TextTower

CONFIG = TextConfig(77, 60, 32, 2, 2, 4.0, 24)


@pytest.fixture(scope="module")
def weights():
    return random_tensors(text_shapes(CONFIG))


def hugging_face(state):
    """The names that `transformers` gives a CLIPModel's text half."""
    found = {"text_projection.weight": state["text_projection"].t(),
             "text_model.embeddings.position_ids": torch.arange(77)[None]}
    for key, value in state.items():
        if ".in_proj_" in key:
            kind, block = key.rpartition("_")[2], key.split(".")[2]
            for part, name in zip(value.chunk(3), "qkv"):
                found[f"text_model.encoder.layers.{block}.self_attn.{name}_proj.{kind}"] = part
        elif key != "text_projection":
            for ours, theirs in (
                    ("transformer.resblocks.", "encoder.layers."), ("attn.out_proj", "self_attn.out_proj"),
                    ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"),
                    ("mlp.c_proj", "mlp.fc2"), ("ln_final", "final_layer_norm"),
                    ("token_embedding", "embeddings.token_embedding"),
                    ("positional_embedding", "embeddings.position_embedding.weight")):
                key = key.replace(ours, theirs)
            found[f"text_model.{key}"] = value
    return found


def places(state):
    vision = {"visual.proj": torch.zeros(4, 4), "visual.transformer.resblocks.0.ln_1.weight": torch.zeros(4)}
    return {
        "a full open_clip": {**state, **vision, "logit_scale": torch.tensor(1.0)},
        "the authors' file": {f"cond_stage_model.transformer.model.{key}": value for key, value in state.items()},
        "Stable Diffusion 2": {**{f"cond_stage_model.model.{key}": value for key, value in state.items()},
                               "model.diffusion_model.out.2.weight": torch.zeros(4)},
        "a full CLIPModel": {**hugging_face(state), "vision_model.embeddings.class_embedding": torch.zeros(4)},
    }


@pytest.mark.parametrize("name", ["a full open_clip", "the authors' file", "Stable Diffusion 2", "a full CLIPModel"])
def test_every_place_gives_the_same_tower_without_its_last_block(weights, tmp_path, name):
    path = tmp_path / "x.safetensors"
    save_file({key: value.contiguous() for key, value in places(weights)[name].items()}, path)
    state, config = read_text_half(path, head_width=16)
    assert config == CONFIG
    tower = TextTower(config)
    tower.load_state_dict(state, strict=True)
    assert all(torch.equal(value, weights[key]) for key, value in state.items())
    assert not any("resblocks.2" in key for key in state)


def test_the_full_size_is_open_clips_own_vit_h():
    import open_clip

    with torch.device("meta"):
        model = open_clip.CLIP(**open_clip.get_model_config("ViT-H-14"))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    layout = find_text_half(shapes)
    own = {name: shapes[keys[0]] for name, keys in text_sources(shapes, layout).items()}
    config = infer_text(own, 64, "it")
    assert config == TextConfig(77, 49408, 1024, 23, 16, 4.0, 1024)
    with torch.device("meta"):
        tower = TextTower(config)
    assert {key: tuple(value.shape) for key, value in tower.state_dict().items()} == {
        key: shape for key, shape in own.items() if "resblocks.23." not in key}
    assert model.transformer.resblocks[0].attn.num_heads == config.heads


@pytest.mark.parametrize(("damage", "says"), [
    ({"token_embedding.weight": None}, "no text half"), ({"text_projection": None}, "no text half"),
    ({"ln_final.bias": None}, "1 missing: ln_final.bias"),
    ({"transformer.resblocks.1.attn.out_proj.bias": torch.zeros(5)}, "wrong shape"),
    ({"transformer.resblocks.1.extra": torch.zeros(5)}, "unexpected"),
    ({"text_projection": torch.zeros(32)}, "not that of an OpenCLIP"),
])
def test_a_damaged_text_half_is_one_sentence(weights, tmp_path, damage, says):
    path = tmp_path / "x.safetensors"
    save_file({key: value for key, value in {**weights, **damage}.items() if value is not None}, path)
    with pytest.raises(ColorizeError, match=says) as caught:
        read_text_half(path, head_width=16)
    assert "\n" not in str(caught.value)


def test_heads_of_another_width_are_refused(weights, tmp_path):
    save_file(weights, tmp_path / "x.safetensors")
    with pytest.raises(ColorizeError, match="width 32"):
        read_text_half(tmp_path / "x.safetensors")
