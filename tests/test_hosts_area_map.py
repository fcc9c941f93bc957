"""POST areas: what the page's canvas is told, and one sentence for whatever else is sent."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.area_map import areas_answer
from tests.test_area_map import painted, rooms

HOST = SimpleNamespace(name="fake 1.0", picture_folders=lambda: ("/nowhere",), fetch_picture=lambda: None,
                       chosen_path=lambda: "")


def sent(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture(scope="module")
def body():
    return {"sketch": sent(Image.fromarray(rooms())), "coloured": sent(painted())}


def test_the_answer_names_the_area_of_every_pixel_and_its_colour(body):
    answer = json.loads(json.dumps(areas_answer(HOST, {**body, "view": 144})))
    assert (answer["width"], answer["height"], answer["view"]) == (288, 192, [144, 96])
    runs = np.frombuffer(base64.b64decode(answer["runs"]), "<u4").reshape(-1, 2)
    labels = np.repeat(runs[:, 0], runs[:, 1]).reshape(96, 144)
    assert answer["areas"] == len(answer["colours"]) == len(answer["groups"]) == labels.max()
    for x, colour in ((40, "#c03020"), (104, "#2040c0")):
        found = answer["colours"][labels[48, x] - 1]
        one, other = (np.frombuffer(bytes.fromhex(each[1:]), np.uint8).astype(int) for each in (found, colour))
        assert np.abs(one - other).max() <= 6
    sizes = {Image.open(io.BytesIO(base64.b64decode(answer[name]))).size for name in ("below", "lines", "drawing")}
    assert sizes == {(144, 96)} and answer["palette"] == []


def test_the_colours_of_a_palette_come_with_it(body):
    palette = base64.b64encode(b"GIMP Palette\nName: two\n#\n250 240 10 sun\n10 20 30 night\n").decode()
    assert set(areas_answer(HOST, {**body, "palette": palette})["palette"]) == {"#faf00a", "#0a141e"}
    assert areas_answer(HOST, {**body, "palette": ["#FF0000"]})["palette"] == ["#ff0000"]


VALUES = [True, 0, -1, 63, 4097, 1.5, float("inf"), float("nan"), 10**400, "", "x", [], [128], {}, {"view": 128}]


@pytest.mark.parametrize("view", VALUES, ids=range(len(VALUES)))
def test_a_wrong_view_is_one_sentence(body, view):
    with pytest.raises(ColorizeError, match=r"^view: found .*, expected a whole number of pixels") as caught:
        areas_answer(HOST, {**body, "view": view})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize(("change", "said"), [
    ({"sketch": None}, "no sketch picture"), ({"coloured": ""}, "no coloured picture"), ({"nonsense": 1}, "nonsense"),
    ({"palette": "%%%"}, "palette"), ({"settings": {"gap": 99}}, "99"), ({"settings": []}, "settings"),
    ({"coloured": sent(Image.new("RGB", (100, 100), "red"))}, "expected the same shape"),
    ({"sketch": sent(Image.new("RGB", (288, 192), "white"))}, "no lines")])
def test_what_is_wrong_is_one_sentence(body, change, said):
    with pytest.raises(ColorizeError, match=said) as caught:
        areas_answer(HOST, {**body, **change})
    assert "\n" not in str(caught.value)
