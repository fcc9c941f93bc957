"""Layers of a WebUI's results: beside what it saves, in the JSON of its results, and no picture lost for them."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.layers import Layer
from lib_colorize.hosts.settings import LayerFile
from lib_colorize.hosts.webui.shared import layer_saving
from lib_colorize.hosts.webui.shared.finished_pictures import NOT_FINISHED, finished_picture
from lib_colorize.hosts.webui.shared.layer_saving import (
    add_layers,
    end_layers,
    layer_files,
    start_layers,
    write_beside,
)
from lib_colorize.hosts.webui.shared.tiles import RUNNING, ScriptRun

LAYERS = [Layer("colour", np.full((9, 12, 3), 200, np.uint8)), Layer("lines", np.zeros((9, 12, 4), np.uint8))]


class Processing(SimpleNamespace):
    """What hooks are handed for one request."""

    def __init__(self, folder, **more):
        super().__init__(said=[], extra_generation_params={}, outpath_samples=str(folder), **more)

    def comment(self, text):
        self.said.append(text)


def begun(folder, kind=LayerFile.PSD, **more):
    p = Processing(folder, **more)
    start_layers(p, kind, lambda name, default: default)
    return p


def save(p, path, picture):
    """As hosts do: they write the picture, and tell what they wrote."""
    path.write_bytes(b"picture")
    write_beside(SimpleNamespace(p=p, filename=str(path), image=picture))


def told(p):
    """What the JSON of the results says of layers."""
    processed = SimpleNamespace(js=lambda: json.dumps({"seed": 1}))
    end_layers(p, processed)
    found = json.loads(processed.js())
    assert found["seed"] == 1
    return found.get("colorize_layers", [])


@pytest.mark.parametrize(("kind", "written"), [
    (LayerFile.PSD, "00001-7.psd"), (LayerFile.ORA, "00001-7.ora"), (LayerFile.PNG, "00001-7/layers.json")])
def test_layers_lie_beside_the_picture_under_its_name(tmp_path, kind, written):
    p, picture = begun(tmp_path, kind), Image.new("RGB", (12, 9))
    assert add_layers(p, picture, lambda: LAYERS) == ""
    save(p, tmp_path / "00001-7-mask.png", Image.new("L", (12, 9)))  # another picture of the same request
    assert len(list(tmp_path.iterdir())) == 1
    save(p, tmp_path / "00001-7.png", picture)
    assert (tmp_path / written).is_file()
    (entry,) = told(p)
    assert entry == {"picture": 0, "path": str(tmp_path / written.split("/")[0])} and p.said == []
    files = layer_files(json.dumps({"colorize_layers": [entry]}))
    assert str(tmp_path / written) in files and vars(p).get(layer_saving.RUN) is None


def test_a_page_is_given_no_other_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    asked = {"path": str(secret)}
    for sent in ({"colorize_layers": [asked]}, {"colorize_layers": 5}, [], "x", {"colorize_layers": [1]}):
        assert layer_files(json.dumps(sent)) == []
    assert layer_files("") == layer_files("{") == []


def test_where_the_host_saves_no_pictures_a_page_has_the_layers_alone_and_the_api_none_on_the_disk(tmp_path):
    p = begun(tmp_path / "outputs")
    for _ in range(2):
        add_layers(p, object(), lambda: LAYERS)
    found = told(p)
    assert [entry["picture"] for entry in found] == [0, 1]
    assert len(set((tmp_path / "outputs").iterdir())) == 2 == len({entry["path"] for entry in found})
    called = begun(tmp_path / "api", is_api=True, do_not_save_samples=True)
    add_layers(called, object(), lambda: LAYERS)
    (entry,) = told(called)
    assert base64.b64decode(entry["file"]).startswith(b"8BPS") and "path" not in entry
    assert not (tmp_path / "api").exists()


def test_what_goes_wrong_is_told_and_the_next_picture_has_its_layers(tmp_path):
    def broken():
        raise ColorizeError("the sketch has no lines")

    p, picture = begun(tmp_path), Image.new("RGB", (12, 9))
    assert add_layers(p, picture, broken) == "the sketch has no lines"
    save(p, tmp_path / "a.png", picture)
    add_layers(p, picture, lambda: LAYERS)
    (tmp_path / "b.psd").mkdir()  # in the way
    save(p, tmp_path / "b.png", picture)
    add_layers(p, picture, lambda: LAYERS)
    save(p, tmp_path / "c.png", picture)
    first, second, third = told(p)
    assert first["problem"] == "the sketch has no lines" and second["problem"] and "problem" not in third
    assert p.said == [f"The layers were not written: {second['problem']}"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png", "b.psd", "c.png", "c.psd"}


def test_an_answer_that_a_script_puts_together_cannot_hold_them(tmp_path):
    token = RUNNING.set(ScriptRun("Loopback", None))
    try:
        with pytest.raises(ColorizeError, match="the answer to a call with the script Loopback cannot hold them"):
            begun(tmp_path, is_api=True, do_not_save_samples=True)
        assert begun(tmp_path, is_api=True, do_not_save_samples=False).colorize_layers
        assert begun(tmp_path).colorize_layers
    finally:
        RUNNING.reset(token)


def test_nothing_is_kept_where_no_layers_are_asked_for(tmp_path):
    p = begun(tmp_path, LayerFile.NONE)
    add_layers(p, object(), lambda: pytest.fail("never made"))
    processed = SimpleNamespace(js=lambda: "{}")
    end_layers(p, processed)
    assert processed.js() == "{}" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ColorizeError("the hints hold no stroke"), MemoryError()])
def test_a_picture_that_cannot_be_finished_is_as_the_model_made_it_and_says_why(tmp_path, error):
    def failing(image, index):
        raise error

    made = Image.new("RGB", (8, 8), "red")
    p = begun(tmp_path, batch_index=1)
    job = SimpleNamespace(finished=failing, plain=lambda image, index: (image, index))
    assert finished_picture(p, job, made, Processing.comment) == (made, 1)
    why = str(error) or "MemoryError"
    assert p.extra_generation_params == {NOT_FINISHED: why}
    assert p.said == [f"This picture could not be finished, and is as the model made it: {why}"]
    job.finished = lambda image, index: SimpleNamespace(image=image, finished=SimpleNamespace(layers=lambda: LAYERS))
    assert finished_picture(p, job, made, Processing.comment) is made
    assert p.extra_generation_params == {}  # the next one's text does not say so
    assert [entry["picture"] for entry in told(p)] == [0]
