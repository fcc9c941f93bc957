"""Changes by text, from the settings to the picture: where the text half is found, what the engine does, heat maps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lib_colorize.checkpoint.text_half import text_shapes
from lib_colorize.cli import commands as cli
from lib_colorize.cli.random_networks import random_tensors, vision_state
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.weights import Files
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.method.text.change import Change
from lib_colorize.method.text.manipulation import changed_tokens
from lib_colorize.method.text.tower import TextConfig, TextTower
from lib_colorize.pictures.extras import NO_EXTRAS
from tests.standalone_models import VISION, draw_reference, write_checkpoint

TEXT = TextConfig(77, 49408, 64, 1, 1, 2.0, VISION.output_dim)
FAST = {"steps": 1}
CHANGE = {"text_target": "blue hair", "text_anchor": "red hair", "text_control": "hair", "text_scale": 9.0}


@pytest.fixture(scope="module")
def texts(module_folder: Path) -> Path:
    """A text half in a file of its own."""
    state = random_tensors(text_shapes(TEXT), torch.float16)
    save_file(state, module_folder / "text.safetensors")
    return module_folder / "text.safetensors"


@pytest.fixture(scope="module")
def engine(tiny_checkpoint, texts: Path) -> Engine:
    return Engine.load(tiny_checkpoint, device="cpu", text_encoder=texts)


def pixels(results):
    return np.asarray(results[0].image).astype(int)


def test_a_change_changes_the_picture_and_scale_0_does_not(engine, pictures):
    sketch, reference, _ = pictures
    plain, changed, off = (pixels(engine.colorize(sketch, reference, Settings(**FAST, **more))) for more in (
        {}, CHANGE, {**CHANGE, "text_scale": 0.0}))
    assert np.abs(plain - changed).max() > 0 and np.array_equal(plain, off)


def test_the_engine_shows_the_tokens_that_the_formula_gives(engine, pictures, texts):
    settings = Settings(**CHANGE, text_changes="[target] a red dress; [scale] 3")
    from safetensors.torch import load_file

    tower = TextTower(TEXT).eval()
    tower.load_state_dict({key: value.float() for key, value in load_file(texts).items()
                           if "resblocks.1" not in key}, strict=True)
    changes = (Change("blue hair", "red hair", "hair", 9.0), Change("a red dress", scale=3.0))
    vectors = tower.embed([text for change in changes for text in change.texts])
    want = changed_tokens(engine.tokens(pictures[1]), changes, vectors)
    shown = engine.preparing.prepare(pictures[0], pictures[1], settings, NO_EXTRAS).conditioning.tokens
    torch.testing.assert_close(shown, want[:, 1:])


def test_texts_are_read_once(engine, pictures):
    engine.colorize(*pictures[:2], Settings(**FAST, **CHANGE))
    engine.preparing.texts._load, load = None, engine.preparing.texts._load
    try:
        engine.colorize(*pictures[:2], Settings(**FAST, **{**CHANGE, "text_scale": 3.0}))
    finally:
        engine.preparing.texts._load = load


def test_the_text_half_is_found_inside_the_encoders_file_else_beside_it(tmp_path, texts):
    vision = {f"visual.{key}": value for key, value in vision_state(VISION).items()}
    full = {**vision, **{key: torch.zeros(2, 2) for key in ("token_embedding.weight", "positional_embedding",
                                                            "text_projection")}}
    save_file(vision, tmp_path / "vision.safetensors")
    files = Files(tmp_path / "model.safetensors", tmp_path / "vision.safetensors")
    assert files.text_encoder is None
    shutil.copy(texts, tmp_path / "a-text.safetensors")
    (tmp_path / "b.safetensors").write_text("no checkpoint", encoding="utf-8")
    assert files.text_encoder == tmp_path / "a-text.safetensors"
    save_file(full, tmp_path / "vision.safetensors")
    assert files.text_encoder == tmp_path / "vision.safetensors"
    assert Files(files.checkpoint, files.reference_encoder, texts).text_encoder == texts


def refused(engine, pictures, **settings):
    calls = []
    load, engine.preparing.load_reference_encoder = engine.preparing.load_reference_encoder, lambda: calls.append(1)
    try:
        with pytest.raises(ColorizeError) as caught:
            engine.colorize(*pictures[:2], Settings(**FAST, **settings))
    finally:
        engine.preparing.load_reference_encoder = load
    assert calls == [] and "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_text_half_nothing_is_computed_and_one_sentence_says_where_it_comes_from(tmp_path, pictures):
    alone = Engine.load(write_checkpoint(tmp_path / "model.safetensors"), device="cpu")
    assert "knows no texts" in refused(alone, pictures, **CHANGE)
    from lib_colorize.checkpoint.text_half import CLIP_WIDTH, text_half_needed

    assert "open_clip_pytorch_model.bin" in text_half_needed(CLIP_WIDTH, "name it")


def test_a_text_half_of_another_width_is_one_sentence(tmp_path, tiny_checkpoint, pictures):
    other = TextConfig(77, 49408, 64, 1, 1, 2.0, VISION.output_dim + 8)
    save_file(random_tensors(text_shapes(other), torch.float16), tmp_path / "x.safetensors")
    engine = Engine.load(tiny_checkpoint, device="cpu", text_encoder=tmp_path / "x.safetensors")
    assert f"texts of {VISION.output_dim + 8} numbers" in refused(engine, pictures, **CHANGE)


def test_changes_without_a_reference_are_refused(engine, pictures):
    with pytest.raises(ColorizeError, match="no reference"):
        engine.colorize(pictures[0], None, Settings(**FAST, **CHANGE))


@pytest.mark.parametrize(("values", "says"), [
    ({"text_target": "x", "text_threshold_0": 0.9}, "four rising numbers"), ({"text_changes": "a red dress"}, "target"),
    ({"text_scale": 51.0}, "Strength of the change"),
])
def test_settings_that_cannot_be_are_one_sentence(values, says):
    with pytest.raises(ColorizeError, match=says):
        Settings(**values)


def test_settings_come_back_from_a_text_with_lines_of_changes():
    settings = Settings(**CHANGE, text_changes="[target] a; [scale] 3\n[target] b: c, \"d\"")
    assert Settings.from_infotext(settings.to_infotext()) == settings
    assert [change.target for change in settings.changes()] == ["blue hair", "a", "b: c, \"d\""]


def test_the_heatmap_command_draws_over_the_reference(tmp_path, tiny_checkpoint, texts, capsys):
    reference = draw_reference(tmp_path / "ref.png")
    command = ["heatmap", str(reference), "hair", "--checkpoint", str(tiny_checkpoint), "--text-encoder", str(texts),
               "--device", "cpu"]
    assert cli.main([*command, "-o", str(tmp_path / "a.png")]) == 0
    assert cli.main([*command, "-o", str(tmp_path / "b.png"), "--text-threshold-0", "0"]) == 0
    assert cli.main([*command, "-o", str(tmp_path / "c.png"), "--text-target", "sky", "--text-control", "sea"]) == 0
    a, b, c = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "abc")
    assert a.shape == (70, 50, 3) and not np.array_equal(a, b) and not np.array_equal(a, c)
    for words in (["heatmap", str(reference), " ", *command[3:], "-o", str(tmp_path / "d.png")],
                  [*command, "-o", str(reference)], [*command, "-o", str(tmp_path / "d.jpg")]):
        assert cli.main(words) == 2
    assert not (tmp_path / "d.png").exists() and capsys.readouterr().err.count("error: ") == 3
