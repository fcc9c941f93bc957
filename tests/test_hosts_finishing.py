"""Layers and touching up as a program's server is asked for them: without a model, any bad request one sentence."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.layers import Layer
from lib_colorize.hosts.finishing_requests import CHANGES, layers_answer, touch_up_answer
from lib_colorize.hosts.settings import LayerFile
from lib_colorize.hosts.webui.shared import layer_saving
from lib_colorize.hosts.webui.shared.layer_saving import add_layers, end_layers, start_layers
from tests.webui.reply import decode, encode

HOST = SimpleNamespace(picture_folders=lambda: (), fetch_picture=lambda: None)
SIZE, SMALL = (120, 80), (60, 40)
LEFT, RIGHT = (200, 60, 40), (40, 90, 200)


def sketch() -> Image.Image:
    """Two rooms side by side."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((4, 4, 115, 75), outline="black", width=2)
    draw.line((60, 4, 60, 75), "black", 2)
    return picture


def coloured(size=SMALL) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((4, 4, 60, 75), fill=LEFT)
    draw.rectangle((60, 4, 115, 75), fill=RIGHT)
    return picture.resize(size, Image.Resampling.BOX)


def asked(**more):
    return {"sketch": encode(sketch()), "coloured": encode(coloured()), **more}


def strokes(colour, at) -> Image.Image:
    picture = Image.new("RGBA", SIZE)
    ImageDraw.Draw(picture).line((*at, at[0] + 12, at[1]), (*colour, 255), 4)
    return picture


def near(picture, at, colour) -> bool:
    return max(abs(a - b) for a, b in zip(picture.convert("RGB").getpixel(at), colour)) <= 8


def test_layers_come_as_one_file_of_the_kind_that_is_asked_for():
    heads = {"psd": b"8BPS", "ora": b"PK", "png": b"PK"}
    for kind, head in heads.items():
        answer = layers_answer(HOST, asked(format=kind))
        content = base64.b64decode(answer["file"])
        assert content.startswith(head) and (answer["width"], answer["height"]) == SIZE
        assert answer["layers"][0] == "lines" and answer["layers"][-1] == "colour"
        if kind == "png":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert {"layers.json", "picture.png"} < set(archive.namelist())
                order = json.loads(archive.read("layers.json"))["from the bottom"]
                assert [each["name"] for each in order] == answer["layers"][::-1]
                whole = Image.open(io.BytesIO(archive.read("picture.png")))
                assert near(whole, (30, 40), LEFT) and near(whole, (90, 40), RIGHT)


def test_layers_have_the_names_that_are_given():
    names = ["線画", "光", "影", "下塗り", "色"]
    assert layers_answer(HOST, asked(names=names))["layers"][0] == "線画"


def test_a_hint_a_palette_and_an_area_by_its_number_change_what_they_are_about_alone():
    hint = touch_up_answer(HOST, asked(hints=encode(strokes((20, 160, 60), (20, 40)))))
    picture = decode(hint["image"])
    assert picture.size == SIZE and hint["changed"] == 1
    assert near(picture, (30, 20), (20, 160, 60)) and near(picture, (90, 40), RIGHT)
    palette = touch_up_answer(HOST, asked(palette=["#ffffff", "#d04030", "#0000ff"], settings={"palette_limit": 8}))
    assert near(decode(palette["image"]), (30, 20), (208, 64, 48))
    assert near(decode(palette["image"]), (90, 40), RIGHT)  # farther than the limit
    by_text = touch_up_answer(HOST, asked(palette="#ffffff, #d04030, #0000ff", settings={"palette_limit": 8}))
    assert by_text == palette
    found = set()
    for number in range(1, hint["areas"] + 1):
        changed = decode(touch_up_answer(HOST, asked(areas={str(number): "#808080"}))["image"])
        found |= {at for at in ((30, 40), (90, 40)) if near(changed, at, (128, 128, 128))}
    assert found == {(30, 40), (90, 40)}


def test_a_palette_file_is_told_by_its_content():
    gimp = base64.b64encode(b"GIMP Palette\n250 250 250 w\n200 10 10 r\n10 10 200 b\n").decode()
    picture = decode(touch_up_answer(HOST, asked(palette=gimp))["image"])
    assert near(picture, (30, 40), (200, 10, 10)) and near(picture, (90, 40), (10, 10, 200))


VALUES = [None, True, 0, -1, 1.5, float("nan"), "", "x", "a.\0b", "\ud800", [], [1], [None], ["#12345"], {}, {"a": 1},
          {"0": "#ffffff"}, {"1": "red"}, {"99999999999999": "#ffffff"}, {"\u0663": 5}, "#zzzzzz", "AAAA"]


@pytest.mark.parametrize("place", ["sketch", "coloured", "settings", "format", "names", "nonsense", *CHANGES])
def test_any_value_in_any_place_is_taken_or_one_sentence(place):
    for value in VALUES:
        for answer in (layers_answer, touch_up_answer):
            try:
                answer(HOST, asked(**{place: value}))
            except ColorizeError as error:
                assert "\n" not in str(error) and len(str(error)) < 1200, value


@pytest.mark.parametrize(("body", "says"), [
    ({"coloured": "x"}, 'no sketch picture; send "sketch"'), ({"format": "kra"}, "format: found 'kra', expected psd"),
    ({"names": ["a", "a", "b", "c", "d"]}, "expected 5 different names"), ({"colored": "x"}, "unknown entry 'colored'"),
    ({"hints": "small"}, "the hints are 60x40, the sketch 120x80"), ({"palette": "AAAA"}, "neither a palette"),
    ({"coloured": "square"}, "expected the same shape"), ({"settings": {"steps": 3}}, "set by the WebUI itself")])
def test_what_is_wrong_is_said(body, says):
    pictures = {"small": encode(coloured()), "square": encode(coloured((40, 40)))}
    sent = {name: pictures.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    request = {"coloured": sent["coloured"]} if "no sketch" in says else asked(**sent)
    with pytest.raises(ColorizeError, match=says.replace("(", r"\(")):
        layers_answer(HOST, request if "no sketch" not in says else {"coloured": encode(coloured())})


def test_nothing_to_do_is_said():
    with pytest.raises(ColorizeError, match="nothing to do: give \"hints\""):
        touch_up_answer(HOST, asked())


def usual(name, default=None):
    """Of the settings page, as it comes."""
    return default


@pytest.fixture
def of_a_page(tmp_path):
    """Layers of two results that the host does not save."""
    p = SimpleNamespace(outpath_samples=str(tmp_path / "out"), comments=[])
    p.comment = p.comments.append
    start_layers(p, LayerFile.PSD, usual)
    return p


def one_layer():
    return [Layer("colour", np.zeros((4, 4, 3), np.uint8))]


def test_layers_of_results_in_one_second_have_names_of_their_own(of_a_page, tmp_path, monkeypatch):
    monkeypatch.setattr(layer_saving.time, "strftime", lambda form: "now")
    for _ in range(2):  # two runs
        start_layers(of_a_page, LayerFile.PSD, usual)
        assert add_layers(of_a_page, None, one_layer) == ""
        end_layers(of_a_page, SimpleNamespace(js=lambda: "{}"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["now-1-layers-2.psd", "now-1-layers.psd"]


def test_layers_of_an_earlier_result_that_cannot_be_written_are_told(of_a_page, tmp_path):
    assert add_layers(of_a_page, None, one_layer) == ""
    (tmp_path / "out").write_bytes(b"no folder")
    assert "cannot be made" in add_layers(of_a_page, None, one_layer)


@pytest.mark.parametrize("shaded", [False, True])
def test_layers_laid_together_are_the_picture(shaded):
    picture = coloured(SIZE)
    if shaded:  # much lighter than an area's usual colour, and much darker
        picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8))
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(layers_answer(HOST, {
            **asked(format="png"), "coloured": encode(picture)})["file"]))) as archive:
        whole = np.asarray(Image.open(io.BytesIO(archive.read("picture.png"))).convert("RGB")).astype(int)
    assert np.abs(whole - np.asarray(picture).astype(int)).max() <= 1
