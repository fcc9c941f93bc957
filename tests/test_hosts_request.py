"""What hosts and the API hand over: arguments, pictures, marks on conditions, infotext."""

from __future__ import annotations

import base64
import io
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.extra_pictures import extra_hashes, requested_extras
from lib_colorize.hosts.pictures import decode_picture, picture_hash
from lib_colorize.hosts.request import ARGUMENTS, Sent, asks, parse
from lib_colorize.hosts.settings import HOST_OWNED, PREFIX, JobSettings, StartFrom, infotext_key, job_fields
from lib_colorize.hosts.webui.a1111.marks import read_marks, write_marks
from lib_colorize.method.conditioning import Branch
from lib_colorize.method.settings import Polarity
from lib_colorize.pictures.extras import NO_EXTRAS


def as_the_page_sends(**changes):
    """The ordered list with the widgets' values: enumerations as their text."""
    usual = {f.name: getattr(f.default, "value", f.default) for f in job_fields()}
    values = {"enabled": True, "reference": "reference", "sketch_hash": "", **usual, **changes}
    return [values.get(name) for name in ARGUMENTS]


def test_the_order_of_arguments_is_a_contract():
    """New arguments may only be appended: programs that call the API count on the order."""
    assert ARGUMENTS[:20] == (
        "enabled", "reference", "sketch", "reference_guidance", "sketch_guidance", "reference_strength",
        "sketch_strength", "semantics_strength", "colour_strength", "encoder_strength", "block_strengths",
        "guidance_start", "guidance_end", "no_guidance_start", "no_guidance_end", "polarity", "extractor",
        "line_overlay", "start", "size_from_sketch")
    assert ARGUMENTS[20] == "sketch_hash"


def test_list_and_dictionary_ask_for_the_same():
    changes = {"reference_guidance": 7.5, "polarity": "light on dark", "start": "keep base", "size_from_sketch": True}
    listed = parse(as_the_page_sends(**changes))
    named = parse([{"reference": "reference", **changes}])
    assert listed == named
    assert listed.settings == JobSettings(
        reference_guidance=7.5, polarity=Polarity.LIGHT_ON_DARK, start=StartFrom.BASE, size_from_sketch=True)


def test_shorter_lists_take_defaults():
    assert parse([True, "r"]).settings == JobSettings()
    assert parse([{"reference": "r"}]).settings == JobSettings()


def test_a_dictionary_goes_before_what_the_host_fills_in_after_it():
    filled = as_the_page_sends(reference_guidance=7.5, line_overlay=0.5)
    found = parse([{"reference": "theirs", "line_overlay": 1.0}, *filled[1:]])
    assert found == parse([{"reference": "theirs", "reference_guidance": 7.5, "line_overlay": 1.0}])


@pytest.mark.parametrize("args", [(), [False], [False, "r", None, "nonsense"], [{"enabled": False}], ()])
def test_nothing_is_asked_for_when_it_is_off(args):
    assert parse(args) is None


@pytest.mark.parametrize("args, on", [
    ((), False), ([False, "r"], False), ([True], True), ([{}], True), ([{"enabled": False}], False), ([None], False),
    ([Sent((True, "r"))], True), ([Sent(())], False), (["yes"], False), ([np.zeros(3)], False),
    ([1], True), ([0], False), ([Sent((1, "r"))], True),
])
def test_whether_it_is_switched_on_is_told_without_the_rest(args, on):
    assert asks(args) is on


@pytest.mark.parametrize("args, named", [
    ([{"nonsense": 1}], "nonsense"), ([{"steps": 5}], "steps"), ([{"width": 64, "height": 64}], "width"),
    ([{"reference_guidance": "many"}], "Reference guidance"), ([{"reference_guidance": 99}], "99"),
    ([{"size_from_sketch": "perhaps"}], "true or false"), ([{"start": "middle"}], "keep base"), (["yes"], "enabled"),
    ([{"enabled": 2}], "enabled"), ([*as_the_page_sends(), 1], "at most"),
    ([{"sketch_hash": 5}], "sketch_hash"), ([{"block_strengths": [1, 2]}], "16"),
])
def test_a_wrong_argument_is_one_line_that_names_it(args, named):
    with pytest.raises(ColorizeError, match=named) as caught:
        parse(args)
    assert "\n" not in str(caught.value)


# Infotext


def test_infotext_holds_what_differs_and_comes_back_exactly():
    settings = JobSettings(
        reference_guidance=0.1 + 3, block_strengths=tuple(i / 15 for i in range(16)), start=StartFrom.BASE,
        polarity=Polarity.LIGHT_ON_DARK, size_from_sketch=True, guidance_end=0.7)
    text, always = settings.job_infotext(), {infotext_key(f) for f in job_fields() if f.metadata["before"] is not None}
    assert len(set(text) - always) == 6 and all(key.startswith(PREFIX) for key in text)
    assert JobSettings.from_job_infotext({**text, "Steps": "20", "Model": "x"}) == settings
    usual = JobSettings().job_infotext()
    assert set(usual) == always and JobSettings.from_job_infotext(usual) == JobSettings()


def test_every_setting_has_its_own_key_and_none_is_the_hosts():
    keys = [infotext_key(f) for f in job_fields()]
    assert len(set(keys)) == len(keys)
    assert {f.name for f in fields(JobSettings)} - {f.name for f in job_fields()} == HOST_OWNED


# Pictures


def png(size=(20, 12), colour="red", **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG", **options)
    return out.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("value", [
    Image.new("RGB", (20, 12), "red"), np.full((12, 20, 3), (255, 0, 0), np.uint8), text(png()),
    "data:image/png;base64," + text(png()), {"image": Image.new("RGB", (20, 12), "red"), "mask": None},
    {"background": text(png()), "layers": [], "composite": None},
    "\n".join(text(png())[i:i + 60] for i in range(0, len(text(png())), 60)),
], ids=["pil", "array", "base64", "data url", "gradio 3", "gradio 4", "wrapped base64"])
def test_every_form_of_a_picture_is_read(value):
    image = decode_picture(value, "the reference")
    assert image.size == (20, 12) and image.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("value", [None, "", "  ", {"image": None}, {}])
def test_no_picture_is_none(value):
    assert decode_picture(value, "the reference") is None


@pytest.mark.parametrize("value", [
    "not base64 at all!", text(b"plain words, no picture in here"), text(png()[:50]), text(png((300, 300)))[:117], 7,
    np.zeros((3, 3, 3, 3)), "data:image/png;base64,????", text(b"x"), "http://127.0.0.1/a.png",
])
def test_what_is_no_picture_is_one_line_that_names_it(value):
    with pytest.raises(ColorizeError, match="the reference") as caught:
        decode_picture(value, "the reference")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("address", ["http://a.org/b.png", "HTTP://a.org/b.png", "HttpS://A.org/b.png"])
def test_a_web_address_is_one_in_any_letters(address):
    """The host is asked for it in small ones, the only ones it knows."""
    asked = []
    decode_picture(address, "the sketch", fetch=lambda found: asked.append(found) or Image.new("RGB", (8, 8)))
    scheme, _, rest = address.partition(":")
    assert asked == [f"{scheme.lower()}:{rest}"]
    with pytest.raises(ColorizeError, match="this server fetches none"):
        decode_picture(address, "the sketch")


def test_a_data_url_may_be_in_capitals():
    assert decode_picture("DATA:image/PNG;Base64," + text(png()), "the sketch").size == (20, 12)


def test_a_path_with_a_zero_byte_is_no_path(tmp_path):
    with pytest.raises(ColorizeError, match="is no path"):
        decode_picture("a.\0b", "the sketch", [str(tmp_path)])


def test_paths_are_read_from_allowed_folders_alone(tmp_path):
    inside, outside = tmp_path / "in" / "a.png", tmp_path / "out.png"
    inside.parent.mkdir()
    inside.write_bytes(png())
    outside.write_bytes(png())
    (tmp_path / "in" / "link.png").symlink_to(outside)
    allowed = [str(tmp_path / "in")]
    assert decode_picture(str(inside), "the sketch", allowed).size == (20, 12)
    for path in (outside, tmp_path / "in" / "link.png", tmp_path / "in" / ".." / "out.png"):
        with pytest.raises(ColorizeError, match="allowed folders"):
            decode_picture(str(path), "the sketch", allowed)
    with pytest.raises(ColorizeError, match="no such file"):
        decode_picture(str(tmp_path / "in" / "b.png"), "the sketch", allowed)


def test_a_hash_follows_what_is_shown_not_the_file():
    a, b = (Image.open(io.BytesIO(png(compress_level=level))) for level in (0, 9))
    assert picture_hash(a) == picture_hash(b) == picture_hash(a.convert("RGBA"))
    assert len({picture_hash(a), picture_hash(a.resize((12, 20))), picture_hash(Image.new("RGB", (20, 12)))}) == 3


# Marks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_marks_survive_half_precision_and_any_order(dtype):
    rows = [(branch, picture) for picture in range(64) for branch in Branch]
    marked = write_marks(torch.zeros(len(rows), 5, 1, 1, dtype=dtype), rows)
    assert read_marks([marked.flip(0)[::2]]) == tuple(rows[::-1][::2])


@pytest.mark.parametrize("given", [None, [], [torch.zeros(2, 5, 1, 1)], [torch.full((2, 1, 1, 1), 240.0)]])
def test_rows_without_marks_are_none(given):
    assert read_marks(given) is None


# Further pictures


def test_further_pictures_are_decoded_with_their_weights_and_hashed():
    host = SimpleNamespace(picture_folders=lambda: (), fetch_picture=lambda: None)
    second, region = Image.new("RGB", (9, 8), "red"), Image.new("L", (16, 16), 255)
    request = parse([{"reference": "r", "reference_2": base64.b64encode(png()).decode(), "reference_4": second,
                      "reference_4_region": region, "background": "", "reference_weight": 0.5,
                      "reference_4_weight": 2}])
    extras = requested_extras(host, request)
    assert (extras.reference_weight, extras.background, len(extras.further)) == (0.5, None, 2)
    assert [(each.weight, each.region) for each in extras.further] == [(1.0, None), (2.0, region)]
    assert extra_hashes(extras) == {
        "Colorize reference 2 hash": picture_hash(Image.open(io.BytesIO(png()))),
        "Colorize reference 3 hash": picture_hash(second), "Colorize reference 3 region hash": picture_hash(region)}


@pytest.mark.parametrize(("given", "says"), [
    ({"background": 5}, "the background"), ({"reference_2_region": Image.new("L", (8, 8))}, "without its reference"),
    ({"sketch_mask": "!"}, "the sketch mask"), ({"reference_5": Image.new("L", (8, 8))}, "unknown argument")])
def test_a_further_picture_that_is_none_is_one_sentence(given, says):
    host = SimpleNamespace(picture_folders=lambda: (), fetch_picture=lambda: None)
    with pytest.raises(ColorizeError, match=says):
        requested_extras(host, parse([{"reference": "r", **given}]))


def test_a_request_without_further_pictures_has_none():
    assert parse([{"reference": "r"}]).further == {}
    assert requested_extras(None, parse([{"reference": "r"}])) == NO_EXTRAS
