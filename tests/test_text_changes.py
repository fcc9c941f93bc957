"""Changes by text, from the settings to the picture: where the text half is found, what the engine does, heat maps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from lib_colorize.checkpoint.text_half import text_shapes
from lib_colorize.cli import commands as cli
from lib_colorize.cli.random_networks import random_tensors, vision_state
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.heat_map import heat_map as engine_heat_map
from lib_colorize.engine.weights import Files
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.hosts.job import start
from lib_colorize.hosts.reference_heat_map import heat_map_of
from lib_colorize.hosts.request import parse
from lib_colorize.hosts.tokens import TokenStore
from lib_colorize.method.settings import Settings
from lib_colorize.method.text.change import Change
from lib_colorize.method.text.manipulation import changed_tokens
from lib_colorize.method.text.tower import TextConfig, TextTower
from lib_colorize.pictures.extras import NO_EXTRAS, Extras, FurtherReference
from tests.standalone_models import VISION, draw_reference, write_checkpoint
from tests.test_hosts_hooks import FakeHost

TEXT = TextConfig(77, 49408, 64, 1, 1, 2.0, VISION.output_dim)
VISION_80 = replace(VISION, width=1280, head_width=80, layers=1)  # of a width whose heads are known
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
    width = VISION.output_dim
    full = {**vision, **{key: torch.zeros(2, width) for key in ("token_embedding.weight", "positional_embedding",
                                                                "text_projection")}}
    save_file(vision, tmp_path / "vision.safetensors")
    files = Files(tmp_path / "model.safetensors", tmp_path / "vision.safetensors", width=width)
    assert files.text_encoder is None
    shutil.copy(texts, tmp_path / "a-text.safetensors")
    (tmp_path / "b.safetensors").write_text("no checkpoint", encoding="utf-8")
    assert files.text_encoder == tmp_path / "a-text.safetensors"
    assert replace(files, width=width + 1).text_encoder is None
    assert Files(tmp_path / "vision.safetensors", None, None, width).text_encoder is None  # others' lie there
    save_file(full, tmp_path / "vision.safetensors")
    assert files.text_encoder == tmp_path / "vision.safetensors"
    assert Files(files.checkpoint, files.reference_encoder, texts).text_encoder == texts


def refused(engine, pictures, **settings):
    calls = []
    tokens = engine.preparing.reference_tokens
    load, tokens.load = tokens.load, lambda: calls.append(1)
    try:
        with pytest.raises(ColorizeError) as caught:
            engine.colorize(*pictures[:2], Settings(**FAST, **settings))
    finally:
        tokens.load = load
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
               "--device", "cpu", "--trim-reference", "false"]
    assert cli.main([*command, "-o", str(tmp_path / "a.png")]) == 0
    assert cli.main([*command, "-o", str(tmp_path / "b.png"), "--text-threshold-0", "0"]) == 0
    assert cli.main([*command, "-o", str(tmp_path / "c.png"), "--text-target", "sky", "--text-control", "sea"]) == 0
    a, b, c = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "abc")
    assert a.shape == (70, 50, 3) and not np.array_equal(a, b) and not np.array_equal(a, c)
    for words in (["heatmap", str(reference), " ", *command[3:], "-o", str(tmp_path / "d.png")],
                  [*command, "-o", str(reference)], [*command, "-o", str(tmp_path / "d.jpg")]):
        assert cli.main(words) == 2
    assert not (tmp_path / "d.png").exists() and capsys.readouterr().err.count("error: ") == 3


class Program(FakeHost):
    """A host with a full CLIP in its own folder."""

    def __init__(self, checkpoint: Path, texts: Path, folder: Path) -> None:
        super().__init__(colorize_file(checkpoint), folder)
        visual = {f"visual.{key}": value for key, value in vision_state(VISION_80).items()}
        folder.mkdir()
        save_file({**visual, **load_file(texts)}, folder / "clip.safetensors")


@pytest.fixture
def program(tmp_path, tiny_checkpoint, texts, monkeypatch):
    monkeypatch.setattr("lib_colorize.hosts.shown_reference.TOKENS", TokenStore())
    monkeypatch.setattr("lib_colorize.hosts.reference_heat_map.TOKENS", TokenStore())
    return Program(tiny_checkpoint, texts, tmp_path / "own")


def request_of(pictures, **settings):
    return parse([{"reference": pictures[1], "sketch": pictures[0], **settings}])


def test_a_host_shows_what_the_engine_shows(engine, pictures, program):
    job = start(program, request_of(pictures, **CHANGE, trim_reference=False))
    shown = engine.preparing.prepare(*pictures[:2], Settings(**CHANGE), NO_EXTRAS).conditioning.tokens
    torch.testing.assert_close(job.tokens, shown, rtol=1e-4, atol=1e-5)
    assert "room for TextTower" in program.order
    program.order.clear()
    start(program, request_of(pictures, **CHANGE, text_changes="[target] hair"))
    assert "room for TextTower" not in program.order  # each text is read once
    assert job.infotext()["Colorize text target"] == "blue hair"


def test_a_host_draws_the_heat_map_that_the_command_draws(pictures, program, engine, texts):
    drawn = heat_map_of(program, pictures[1], "hair", Settings())
    files = Files(program.loaded_file().path, None, texts)
    want = engine_heat_map(files, pictures[1], "hair", Settings(), torch.device("cpu"), torch.float32)
    assert np.abs(np.asarray(drawn).astype(int) - np.asarray(want)).max() <= 1


def test_a_host_says_what_is_missing_before_anything_is_computed(tiny_checkpoint, pictures, tmp_path):
    host = FakeHost(colorize_file(tiny_checkpoint), tmp_path)
    with pytest.raises(ColorizeError, match="knows no texts"):
        start(host, request_of(pictures, **CHANGE))
    assert not [entry for entry in host.order if entry.startswith("room")]
    with pytest.raises(ColorizeError, match="no reference to change"):
        start(host, request_of(pictures, **CHANGE, reference_strength=0))


def test_further_references_are_not_changed(engine, pictures):
    extras = Extras(further=(FurtherReference(pictures[2].convert("RGB")),))
    shown = engine.preparing.prepare(*pictures[:2], Settings(**CHANGE), extras).conditioning.tokens
    plain = engine.preparing.prepare(*pictures[:2], Settings(), extras).conditioning.tokens
    same = (shown == plain).all(dim=-1)[0]
    assert not same[:len(same) // 2].any() and same[len(same) // 2:].all()
    with pytest.raises(ColorizeError, match="no reference to change"):
        engine.colorize(*pictures[:2], Settings(**FAST, **CHANGE), extras=replace(extras, reference_weight=0.0))
