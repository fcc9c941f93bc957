"""The contract of the API: arguments, errors, routes, infotext there and back, X/Y/Z axes, checkpoints."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from lib_colorize.method.settings import Settings
from tests.webui.reply import decode, difference, encode, spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.webui.host import Host

JOB = Settings(steps=2, sampler="Euler", scheduler="Automatic", width=64, height=64, seed=9, reference_guidance=3.0,
               sketch_guidance=2.0)
PREFIX = "Colorize "


def schema(host: Host) -> Any:
    return host.get("/colorize-diffusion/settings").body


def names(entry: Any) -> list[str]:
    """The settings of the schema in their order, whether it is a list or lies under a key."""
    if isinstance(entry, dict):
        entry = entry.get("settings", entry)
    return list(entry) if isinstance(entry, dict) else [each["name"] for each in entry]


def test_a_list_in_the_order_of_the_schema_is_the_same_as_a_dictionary(host: Host) -> None:
    from tests.webui.jobs import body, colour, reference, script

    expected = colour(host, JOB).md5
    values = {"reference_guidance": 3.0, "sketch_guidance": 2.0}
    order = [name for name in names(schema(host)) if name not in ("enabled", "reference", "sketch")]
    last = max(order.index(name) for name in values)
    usual = vars(Settings())
    arguments = [True, encode(reference()), None, *(values.get(name, usual[name]) for name in order[: last + 1])]
    assert host.img2img(**(body(JOB) | script(arguments))).md5 == expected


@pytest.mark.parametrize("form", ["raw", "data url", "path"])
def test_a_reference_comes_as_base64_data_url_or_path(host: Host, form: str, tmp_path: Path) -> None:
    from tests.webui.jobs import colour, reference

    text = encode(reference())
    if form == "data url":
        text = "data:image/png;base64," + text
    if form == "path":
        place = host.folder / "outputs"
        place.mkdir(exist_ok=True)
        reference().save(place / "reference.png")
        text = str(place / "reference.png")
    reply = colour(host, JOB, arguments={"reference": text})
    if form == "path" and reply.status == 422:
        assert "path" in reply.message or "folder" in reply.message
        return
    assert reply.md5 == colour(host, JOB).md5


BAD: dict[str, tuple[dict[str, Any], str]] = {  # arguments, and a word that the message must hold
    "no reference": ({"reference": None}, "eference"),
    "empty reference": ({"reference": ""}, "eference"),
    "unknown key": ({"referense_guidance": 2}, "referense_guidance"),
    "two unknown keys": ({"a": 1, "b": 2}, "a"),
    "broken base64": ({"reference": "%%% no base64 %%%"}, "eference"),
    "not a picture": ({"reference": base64.b64encode(b"hello" * 40).decode()}, "eference"),
    "half a picture": ({"reference": "half"}, "eference"),
    "broken sketch": ({"sketch": "%%%"}, "ketch"),
    "a number for a picture": ({"reference": 5}, "eference"),
    "a text for a number": ({"reference_guidance": "much"}, "guidance"),
    "out of range": ({"sketch_strength": 7}, "trength"),
    "infinity": ({"reference_guidance": 1e999}, "guidance"),
    "15 blocks": ({"block_strengths": [1.0] * 15}, "16"),
    "windows crossed": ({"guidance_start": 0.8, "guidance_end": 0.2}, "0.8"),
    "unknown polarity": ({"polarity": "sideways"}, "sideways"),
    "unknown extractor": ({"extractor": "magic"}, "magic"),
    "unknown start": ({"start": "somewhere"}, "somewhere"),
    "the host's own setting": ({"steps": 5}, "steps"),
    "enabled is a text": ({"enabled": "perhaps"}, "nabled"),
    "a path that may not be read": ({"reference": "/etc/passwd"}, "eference"),
    "blank sketch": ({"sketch": "blank"}, "lines"),
}


@pytest.mark.parametrize("tab", ["img2img", "txt2img"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_422_that_says_what_is_wrong(host: Host, name: str, tab: str) -> None:
    from PIL import Image

    from tests.webui.jobs import colour, reference

    arguments, word = BAD[name]
    arguments = dict(arguments)
    if arguments.get("reference") == "half":
        arguments["reference"] = encode(reference())[:2000]
    if arguments.get("sketch") == "blank":
        arguments["sketch"] = encode(Image.new("RGB", (64, 64), "white"))
    reply = colour(host, JOB, tab, arguments=arguments)
    assert reply.status == 422 and word in reply.message, (reply.status, reply.message)
    assert "Traceback" not in reply.message and len(reply.message) < 1000


@pytest.mark.parametrize("arguments", [
    [True], [True, None, None], ["yes"], [True, "%%%"], [True] + [None] * 60, [[]], [5]])
def test_a_bad_list_is_a_422(host: Host, arguments: list[Any]) -> None:
    from tests.webui.jobs import body, script

    reply = host.img2img(**(body(JOB) | script(arguments)))
    assert reply.status == 422 and reply.message, (reply.status, reply.message)


@pytest.mark.parametrize("named", [{"args": []}, {}], ids=["empty", "none"])
def test_a_call_that_names_us_without_arguments_is_a_422(host: Host, named: dict[str, Any]) -> None:
    """It was answered with a picture at random. With another kind of checkpoint it is a plain job."""
    from tests.webui.jobs import TITLE, body, plain

    scripts = {"alwayson_scripts": {TITLE: named}}
    reply = host.img2img(**(body(JOB) | scripts))
    assert reply.status == 422 and "no arguments" in reply.message, (reply.status, reply.message)
    assert plain(host, "plain", **scripts).md5 == plain(host, "plain").md5


@pytest.mark.parametrize(("arguments", "word"), [
    ([True] + [None] * 600, "expected at most"), ({"reference": "x"}, "expected a list"), (None, "expected a list")])
def test_arguments_of_the_wrong_length_or_kind_are_a_422(host: Host, arguments: Any, word: str) -> None:
    from tests.webui.jobs import TITLE, body

    reply = host.img2img(**(body(JOB) | {"alwayson_scripts": {TITLE: {"args": arguments}}}))
    assert reply.status == 422 and word in reply.message, (reply.status, reply.message)


def test_txt2img_without_a_sketch_is_a_422(host: Host) -> None:
    from tests.webui.jobs import colour

    reply = colour(host, JOB, "txt2img", arguments={"sketch": None})
    assert reply.status == 422 and "ketch" in reply.message


@pytest.mark.usefixtures("faults_are_meant")
def test_another_kind_of_checkpoint_is_told(host: Host) -> None:
    from tests.webui.jobs import colour

    reply = colour(host, JOB, model="plain")
    assert reply.status in (422, 500) and "plain" in reply.message, (reply.status, reply.message)
    assert colour(host, JOB).status == 200


@pytest.mark.parametrize("title", ["ColorizeDiffusion", "colorizediffusion"])
def test_script_info_lists_the_script_in_both_tabs(host: Host, title: str) -> None:
    found = [entry for entry in host.script_info().body if entry["name"].lower() == title.lower()]
    assert {entry["is_img2img"] for entry in found} == {True, False} and all(e["is_alwayson"] for e in found)


def test_the_routes_answer(host: Host) -> None:
    import lib_colorize

    assert lib_colorize.__version__ in str(host.get("/colorize-diffusion/version").body)
    assert "colorize-small" in str(host.get("/colorize-diffusion/models").body)
    found = names(schema(host))
    for name in ("reference_guidance", "block_strengths", "polarity", "start", "size_from_sketch"):
        assert name in found, found
    assert "steps" not in found and "seed" not in found


def test_the_sketch_preview_shows_lines(host: Host) -> None:
    from tests.webui.jobs import sketch

    route = "/colorize-diffusion/sketch-preview"
    answer = host.post(route, {"image": encode(sketch(128, 128)), "settings": {}})
    assert answer.status == 200, answer.message
    assert spread(decode(answer.body["image"])) > 5
    for wrong in ({"image": "%%%"}, {"settings": {}}, {"image": encode(sketch()), "settings": {"extractor": "magic"}},
                  {"image": encode(sketch()), "settings": {"nonsense": 1}},
                  *({"image": encode(sketch()), "size": size} for size in (
                      ["a", 1], [None, 1], [float("inf"), 64], [True, 64], [-5, 64], "64", {"0": 1}))):
        reply = host.post(route, wrong)
        assert reply.status == 422 and reply.message, (wrong.get("settings"), reply.status, reply.message)


def test_the_infotext_gives_the_same_picture_again(host: Host) -> None:
    from tests.webui.jobs import body, colour, reference, script

    blocks = tuple(round(0.2 + i / 20, 2) for i in range(16))
    settings = JOB.with_(block_strengths=blocks, guidance_end=0.7, sketch_strength=0.9)
    reply = colour(host, settings)
    text = host.png_info(reply.encoded[0]).body["info"]
    assert text == reply.infotext and text.count(PREFIX) >= 4, text
    own = [part.split(":")[0].strip() for part in text.splitlines()[-1].split(", ") if "olorize" in part]
    assert all(key.startswith(PREFIX) or key in ("Model",) for key in own), own
    pasted = body(Settings(steps=1, width=64, height=64)) | {"infotext": text}
    pasted |= script({"reference": encode(reference())})
    for name in ("steps", "seed", "sampler_name", "scheduler", "batch_size"):
        pasted.pop(name, None)
    again = host.img2img(**pasted)
    assert again.status == 200, again.message
    assert again.infotext == text
    assert difference(again.image, reply.image) == 0


def test_a_plain_picture_has_no_word_of_ours(host: Host) -> None:
    from tests.webui.jobs import plain

    assert PREFIX not in plain(host, "plain").infotext


def test_the_xyz_axes_set_our_settings(host: Host) -> None:
    """X/Y/Z plot over two reference guidances: its pictures are those of two jobs."""
    from tests.webui.jobs import body, colour

    labels = host.get("/probe/axes").body
    ours = [label for label in labels if "olorize" in label]
    assert len(ours) >= 4 and len(set(ours)) == len(ours), ours
    label = next(label for label in ours if "eference guidance" in label)
    request = body(JOB) | {"script_name": "x/y/z plot", "script_args": host.get(
        "/probe/xyz-arguments", label=label, values="2, 6").body}
    reply = host.img2img(**request)
    assert reply.status == 200, reply.message
    for guidance in (2.0, 6.0):
        alone = colour(host, JOB.with_(reference_guidance=guidance)).image
        near = min(difference(picture, alone) for picture in reply.images if picture.size == alone.size)
        assert near <= 1, guidance
