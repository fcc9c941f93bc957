"""Our routes on the host's server: its own guard in every way of starting it, one sentence for whatever is sent."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.webui.routes import ROOT, add_routes, read_object, sketch_preview

HOST = SimpleNamespace(name="fake 1.0", picture_folders=lambda: ("/nowhere",), fetch_picture=lambda: None,
                       chosen_path=lambda: "")


def drawing() -> str:
    picture = Image.new("RGB", (48, 32), "white")
    ImageDraw.Draw(picture).line((4, 4, 40, 28), "black", 2)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def shown(answer):
    return Image.open(io.BytesIO(base64.b64decode(answer["image"]))).size


# What is sent


def test_a_preview_has_the_size_that_is_asked_for():
    assert shown(sketch_preview(HOST, {"image": drawing()})) == (48, 32)
    assert shown(sketch_preview(HOST, {"image": drawing(), "size": [96.0, 64], "settings": None})) == (96, 64)


SIZES = [["a", 1], [None, 1], [1, None], [float("inf"), 64], [float("nan"), 64], [True, 64], [-5, 64], [0, 64], [64],
         [64, 64, 64], [64.5, 64], [10**400, 64], [[], {}], "64x64", 64, {}, [], {"0": 64, "1": 64}, True, "x" * 10**5]


@pytest.mark.parametrize("size", SIZES, ids=range(len(SIZES)))
def test_a_wrong_size_is_one_sentence(size):
    with pytest.raises(ColorizeError, match=r"^size: found .*, expected \[width, height\]") as caught:
        sketch_preview(HOST, {"image": drawing(), "size": size})
    assert len(str(caught.value)) < 200


VALUES = [None, True, 0, -1, 1.5, float("inf"), float("nan"), 10**400, "", "x", "a.\0b", "\ud800", "~root/a.png", [],
          [1], [None] * 16, ["1"] * 16, [[]] * 16, [float("nan")] * 16, {}, {"a": 1}, {"image": 5},
          {"image": {"image": 1}}]
PLACES = {"image": lambda value: {"image": value}, "settings": lambda value: {"settings": value},
          **{name: lambda value, name=name: {"settings": {name: value}} for name in (
              "reference_guidance", "block_strengths", "polarity", "extractor", "start", "size_from_sketch", "nonsense",
              "steps", "line_overlay")}}


@pytest.mark.parametrize("place", PLACES)
def test_any_value_in_any_place_is_taken_or_one_sentence(place):
    for value in VALUES:
        try:
            sketch_preview(HOST, {"image": drawing(), **PLACES[place](value)})
        except ColorizeError as error:
            assert "\n" not in str(error) and len(str(error)) < 1200, value


@pytest.mark.parametrize("body", [b"[]", b"5", b'"text"', b"null", b"true", b"{", b"\xff\xfe", b"[" * 10**5, b"{'a'}"])
def test_a_body_that_is_no_object_is_one_sentence(body):
    with pytest.raises(ColorizeError, match="the request"):
        read_object(body)


def test_an_empty_body_is_an_empty_object():
    assert read_object(b"") == {} and read_object(b'{"size": [1, 2]}') == {"size": [1, 2]}


# The guard, on the very server of gradio that the hosts have


LOGIN = ("ann", "secret")


@pytest.fixture
def server():
    """A page as the host starts it; returns (client, a way to add the host's API)."""
    gradio = pytest.importorskip("gradio", reason="run by test.sh in .venv-gradio3 and .venv-gradio4")
    from fastapi import Depends, HTTPException
    from fastapi.security import HTTPBasic
    from fastapi.testclient import TestClient

    def made(page_login=False, api=False, api_login=False, page=True):
        from fastapi import FastAPI

        if page:
            with gradio.Blocks() as demo:
                gradio.Textbox()
            app = gradio.routes.App.create_app(demo)
            app.auth = dict([LOGIN]) if page_login else None
        else:
            app = FastAPI()

        def check(credentials=Depends(HTTPBasic())):  # noqa: B008 - how FastAPI declares it
            if (credentials.username, credentials.password) != LOGIN:
                raise HTTPException(401, "Incorrect username or password")

        if api:
            app.add_api_route("/sdapi/v1/options", lambda: {}, dependencies=[Depends(check)] if api_login else None)
        add_routes(app, HOST)
        return TestClient(app)

    return made


def answers(client, **given):
    """Status of one reading and one writing route."""
    return (client.get(f"{ROOT}/version", **given).status_code,
            client.post(f"{ROOT}/sketch-preview", data=json.dumps({"image": drawing()}), **given).status_code)


def enter(client):
    """As the page's own form does."""
    assert client.post("/login", data=dict(zip(("username", "password"), LOGIN))).status_code == 200


@pytest.mark.parametrize("api", [False, True])
def test_without_any_password_the_routes_are_open(server, api):
    assert answers(server(api=api)) == (200, 200)
    assert answers(server(api=api, page=False)) == (200, 200)


@pytest.mark.parametrize("api", [False, True])
def test_the_login_of_the_page_is_asked_for(server, api):
    client = server(page_login=True, api=api)
    assert answers(client) == (401, 401)
    assert answers(client, auth=LOGIN) == (401, 401)
    enter(client)
    assert answers(client) == (200, 200)


@pytest.mark.parametrize("page", [{"page": False}, {}, {"page_login": True}])
def test_the_password_of_the_api_is_asked_for(server, page):
    client = server(api=True, api_login=True, **page)
    assert answers(client) == (401, 401)
    assert answers(client, auth=("ann", "wrong")) == (401, 401)
    assert answers(client, auth=LOGIN) == (200, 200)


def test_what_is_wrong_is_a_422_in_one_sentence(server):
    client = server()
    for body in (b"[]", b"{", json.dumps({"image": drawing(), "size": [1, float("inf")]}).encode()):
        reply = client.post(f"{ROOT}/sketch-preview", data=body)
        assert reply.status_code == 422 and " expected " in reply.json()["detail"]


def test_what_has_no_utf_8_is_answered_too(server, monkeypatch):
    half = "\ud800"  # in JSON that was sent; Python has the like for a byte of a file's name
    reply = server().post(f"{ROOT}/sketch-preview", data=json.dumps({"image": drawing(), "settings": {half: 1}}))
    assert reply.status_code == 422 and "unknown setting" in reply.json()["detail"]
    monkeypatch.setattr(HOST, "name", f"fake{half}")
    assert server().get(f"{ROOT}/version").json()["host"] == f"fake{half}"
