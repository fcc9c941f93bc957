"""The panel, built, used and pasted into as a WebUI does, under the gradio that is there; test.sh runs it under two."""
# ruff: noqa: E402 - without gradio nothing of it can be imported

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

gr = pytest.importorskip("gradio", reason="run by test.sh in .venv-gradio3 and .venv-gradio4")

from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.request import ARGUMENTS
from lib_colorize.hosts.settings import PREFIX, JobSettings, LayerFile, StartFrom, infotext_key, job_fields
from lib_colorize.method.finish_settings import Enlarge, ResultSize
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.reading_settings import ConstructionPencil, LineStrength, SketchReading
from lib_colorize.method.settings import Polarity
from lib_colorize.models.catalogue import CATALOGUE, Folders
from lib_colorize.panel.phrases import PHRASES
from lib_colorize.panel.presets import Intention, preset
from lib_colorize.panel.setting_words import SETTINGS
from lib_colorize.pictures.extras import PICTURES
from lib_colorize.pictures.lineart import EXTRACTORS
from tests.fakes import Options, Page, Status, fake_hooks, load_script, triggers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's own
HASH = {PREFIX + "reference hash": "0123456789"}
COLOURED = Status("A1111", "small", True, "v", 128, "inside the checkpoint", "")


def settings_of(page):
    """What the host would hand over, as settings."""
    values = dict(zip(ARGUMENTS, (page.get(widget) for widget in page.arguments)))
    return JobSettings.from_values({item.name: values[item.name] for item in job_fields()})


def setting_widgets(page):
    """Each setting with its widget."""
    by_name = dict(zip(ARGUMENTS, page.arguments))
    return [(item, by_name[item.name]) for item in job_fields()]


@pytest.fixture
def hooks(tmp_path):
    return recording_hooks(tmp_path)


def recording_hooks(folder):
    def preview(image, settings):
        hooks.calls.append(("preview", image, settings))
        return Image.new("RGB", image.size, "white"), "as it <was> read"

    def size_for(image, settings):
        hooks.calls.append(("size_for", image, settings))
        return 640, 384

    def heat_map(picture, text, settings):
        hooks.calls.append(("heat_map", picture, text, settings))
        return Image.new("RGB", picture.size, "red")

    def written_layers(information):
        return [str(folder / name) for name in information.split()]

    hooks = fake_hooks(written_layers=written_layers, preview=preview,
                       size_for=size_for, reference_heat_map=heat_map, status=lambda: COLOURED,
                       folders=lambda: Folders(folder / "own", (folder / "checkpoints",)))
    return hooks


@pytest.fixture
def module(monkeypatch, hooks):
    return load_script(monkeypatch, hooks)


@pytest.fixture(params=[True, False], ids=["img2img", "txt2img"])
def page(request, module):
    return Page.build(module, request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["img2img", "txt2img"])
def untouched(request, tmp_path_factory):
    """A page for tests that only look."""
    with pytest.MonkeyPatch.context() as patch:
        yield Page.build(load_script(patch, recording_hooks(tmp_path_factory.mktemp("models"))), request.param)


@pytest.fixture
def img2img(module):
    return Page.build(module)


# what is there

def test_the_page_is_served(untouched):
    assert json.loads(json.dumps(untouched.demo.get_config_file()))["components"]


def test_arguments_are_the_public_list(untouched):
    prefix = untouched.script.elem_id("")
    names = [widget.elem_id.removeprefix(prefix).removesuffix("-checkbox") for widget in untouched.arguments]
    assert ["enabled", *names[1:]] == list(ARGUMENTS)


def test_defaults_are_the_settings_but_the_size_follows_the_sketch(untouched):
    assert untouched.get(untouched.arguments[0]) is False
    assert settings_of(untouched) == JobSettings(size_from_sketch=True)


def test_ui_is_called_again_for_the_apis_defaults(page):
    """Hosts do that in another page, of which the script's own buttons must not know."""
    for _ in range(2):
        with gr.Blocks() as other:
            again = page.script.ui(page.script.is_img2img)
        own, usual = (dict(zip(ARGUMENTS, (widget.value for widget in each))) for each in (page.arguments, again))
        assert {name: (own[name], usual[name]) for name in own if own[name] != usual[name]} == {
            "size_from_sketch": (True, False)}
        assert json.dumps(other.get_config_file())


def test_sliders_have_the_range_of_their_setting_and_float_values(untouched):
    for item, widget in setting_widgets(untouched):
        if isinstance(item.default, float):
            assert isinstance(widget, gr.Slider) and type(widget.value) is float
            assert [widget.minimum, widget.maximum, widget.step] == [item.metadata[k] for k in ("low", "high", "step")]


def test_every_choice_is_offered(untouched):
    by_name = dict(zip(ARGUMENTS, untouched.arguments))
    for name, values in (("polarity", [each.value for each in Polarity]), ("start", [each.value for each in StartFrom]),
                         ("extractor", list(EXTRACTORS))):
        assert [value for _, value in by_name[name].choices] == values


def test_labels_and_tooltips_come_from_the_settings(untouched):
    for item, widget in setting_widgets(untouched):
        assert (widget.label, widget.info) == (item.metadata["label"], item.metadata["help"])


def test_start_is_shown_in_img2img_only(untouched):
    assert dict(zip(ARGUMENTS, untouched.arguments))["start"].visible is untouched.script.is_img2img


def test_no_default_is_frozen_in_the_hosts_file_of_defaults(untouched):
    kinds = (gr.Slider, gr.Radio, gr.Checkbox, gr.Textbox, gr.Dropdown, gr.Button)
    ours = [block for block in untouched.demo.blocks.values() if isinstance(block, kinds)
            and (block.elem_id or "").startswith(untouched.script.elem_id(""))]
    assert len(ours) > 20
    assert [block.elem_id for block in ours if not getattr(block, "do_not_save_to_config", False)] == []


def test_no_two_widgets_share_an_id(untouched):
    ids = [block.elem_id for block in untouched.demo.blocks.values() if getattr(block, "elem_id", None)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("options", "language"), [
    ({"localization": "ja_JP"}, "ja"), ({"localization": "zh_CN", "colorize_language": "auto"}, "zh"),
    ({"localization": "None", "colorize_language": "zh"}, "zh"),
    ({"localization": "zh_CN", "colorize_language": "en"}, "en"),
])
def test_labels_follow_the_language(monkeypatch, hooks, options, language):
    page = Page.build(load_script(monkeypatch, hooks, Options(**options)))
    guidance, preset_button = page.arguments[3], page.find("preset_sketch")
    assert preset_button.value == getattr(PHRASES["preset_sketch"], language)
    assert guidance.label == ("Reference guidance" if language == "en"
                              else getattr(SETTINGS["reference_guidance"], language))
    assert settings_of(page) == JobSettings(size_from_sketch=True)


# pictures, presets, buttons

def test_a_preset_fills_its_settings_and_no_others(img2img):
    for intention in (Intention.STYLE, Intention.SKETCH, Intention.BALANCED):
        img2img.set(dict(zip(ARGUMENTS, img2img.arguments))["line_overlay"], 0.5)
        img2img.press(img2img.find(intention.value))
        assert settings_of(img2img) == JobSettings(size_from_sketch=True, line_overlay=0.5).with_(**preset(intention))


def test_swap_keeps_every_pixel_and_the_transparency(img2img):
    _, reference, sketch = img2img.arguments[:3]
    picture = Image.effect_noise((33, 17), 90).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    img2img.set(reference, picture)
    img2img.press(img2img.find("swap"))
    assert img2img.get(reference) is None
    assert img2img.get(sketch).convert("RGBA").tobytes() == picture.tobytes()


def test_preview_shows_the_own_sketch_with_the_settings_of_the_page(img2img, hooks):
    by_name = dict(zip(ARGUMENTS, img2img.arguments))
    img2img.set(img2img.host["image"], Image.new("RGB", (16, 16)))
    img2img.set(by_name["sketch"], Image.new("RGBA", (24, 12), (1, 2, 3, 4)))
    img2img.set(by_name["polarity"], "light on dark")
    img2img.press(img2img.find("preview_button"))
    (_, picture, settings), = hooks.calls_of("preview")
    assert (picture.size, picture.getpixel((0, 0))) == ((24, 12), (1, 2, 3, 4))
    assert settings == JobSettings(size_from_sketch=True, polarity=Polarity.LIGHT_ON_DARK)
    assert img2img.get(img2img.find("preview")).size == (24, 12)
    assert "as it &lt;was&gt; read" in img2img.get(img2img.find("seen"))


def test_what_the_model_sees_follows_sketch_settings_and_switch(page, hooks):
    by_name = dict(zip(ARGUMENTS, page.arguments))
    page.set(by_name["sketch"], Image.new("RGB", (24, 12)))
    page.press(by_name["sketch"], "change")
    assert hooks.calls_of("preview") == []  # the panel is off
    page.set(page.arguments[0], True)
    for name in ("enabled", "sketch", "polarity", "extractor", "line_strength", "photo", "construction_pencil",
                 "fit_drawing", "reading", "line_overlay", "result_size", "size_from_sketch", "start",
                 *(["image"] if "image" in page.host else [])):
        page.press(by_name.get(name) or page.host[name], "change")
        assert len(hooks.calls_of("preview")) == 1 and page.get(page.find("preview")).size == (24, 12), name
        hooks.calls.clear()
    page.set(page.arguments[0], None)  # what the browser sends for a change after which another came
    page.press(by_name["sketch"], "change")
    assert hooks.calls_of("preview") == [] and page.get(page.find("preview")) is not None
    page.set(page.arguments[0], True)
    page.set(by_name["sketch"], None)
    page.press(by_name["sketch"], "change")
    assert page.get(page.find("preview")) is None


def test_a_sketch_that_cannot_be_read_is_said_beside_it(page, hooks):
    def refuse(*args):
        raise ColorizeError("the sketch has no <lines>")

    hooks.preview = refuse
    page.set(page.arguments[0], True)
    page.set(page.arguments[2], Image.new("RGB", (24, 12)))
    page.press(page.arguments[2], "change")
    assert "the sketch has no &lt;lines&gt;" in page.get(page.find("seen"))


def test_the_preview_is_in_no_fold_but_the_panels_own(untouched):
    block, folds = untouched.find("preview"), 0
    while block is not None:
        block, folds = block.parent, folds + isinstance(block, gr.Accordion)
    assert folds == 1


def test_the_sketch_is_called_optional_nowhere_and_what_stands_in_for_it_is_said(untouched):
    label = untouched.arguments[2].label
    assert label == ("Sketch (or img2img's)" if untouched.script.is_img2img else "Sketch")


def test_no_tooltip_of_what_lies_open_speaks_of_the_networks_insides(untouched):
    from lib_colorize.method.settings import Settings

    jargon = ("blocks ", "ross-attention", "lassifier", "U-Net", "sketch hints", "latent")
    ours = {item.name for item in fields(Settings)}
    said = [(item.name, widget.info) for item, widget in setting_widgets(untouched) if item.name in ours]
    assert [(name, info) for name, info in said if any(word in info for word in jargon)] == []


def test_the_help_of_a_checkbox_stands_below_it(untouched):
    checks = [widget for item, widget in setting_widgets(untouched) if isinstance(item.default, bool)]
    assert checks and all("colorize-check" in widget.elem_classes for widget in checks)
    style = (Path(__file__).parent.parent / "style.css").read_text(encoding="utf-8")
    assert "column-reverse" in style.split(".colorize-check")[1].split("}")[0]


def test_preview_falls_back_on_img2imgs_picture(img2img, hooks):
    img2img.set(img2img.host["image"], Image.new("RGB", (16, 32)))
    img2img.press(img2img.find("preview_button"))
    assert hooks.calls_of("preview")[0][1].size == (16, 32)


def test_preview_reads_the_picture_of_a_drawing_canvas(module, hooks):
    page = Page.build(module, canvas=True)
    page.held[page.host["image"]._id] = "the background"
    page.held[page.host["other"]._id] = "another canvas"
    hooks.preview = lambda image, settings: hooks.calls.append(("canvas", image)) or (Image.new("L", (8, 8)), "")
    page.press(page.find("preview_button"))
    assert hooks.calls_of("canvas") == [("canvas", "the background")]


def test_without_a_sketch_the_buttons_say_what_to_do(page):
    for name in ("preview_button", "size_button"):
        with pytest.raises(gr.Error, match="There is no sketch"):
            page.press(page.find(name))


def test_what_the_package_refuses_is_shown_in_the_page(img2img, hooks):
    def refuse(*args):
        raise ColorizeError("the sketch has no lines")

    hooks.preview = refuse
    img2img.set(img2img.arguments[2], Image.new("RGB", (8, 8)))
    with pytest.raises(gr.Error, match="the sketch has no lines"):
        img2img.press(img2img.find("preview_button"))


def test_a_wrong_number_in_a_text_box_is_shown_in_the_page(img2img):
    by_name = dict(zip(ARGUMENTS, img2img.arguments))
    img2img.set(by_name["sketch"], Image.new("RGB", (8, 8)))
    img2img.set(by_name["block_strengths"], "1 2 3")
    with pytest.raises(gr.Error, match="16 blocks: found 3 numbers"):
        img2img.press(img2img.find("size_button"))


def test_the_size_button_writes_the_hosts_sliders(page, hooks):
    page.set(page.arguments[2], Image.new("RGB", (100, 60)))
    page.press(page.find("size_button"))
    assert (page.get(page.host["width"]), page.get(page.host["height"])) == (640, 384)


def test_the_heat_map_shows_what_the_first_filled_field_finds(page, hooks):
    by_name = dict(zip(ARGUMENTS, page.arguments))
    with pytest.raises(gr.Error, match="There is no reference"):
        page.press(page.find("heat_map_button"))
    page.set(by_name["reference"], Image.new("RGB", (24, 12)))
    with pytest.raises(gr.Error, match="There is no text"):
        page.press(page.find("heat_map_button"))
    for name in ("text_target", "text_control"):
        page.set(by_name[name], f"by {name}")
        page.press(page.find("heat_map_button"))
    assert [call[2] for call in hooks.calls_of("heat_map")] == ["by text_target", "by text_control"]
    assert page.get(page.find("heat_map")).size == (24, 12)


def test_the_layers_of_new_results_can_be_downloaded_and_those_of_the_last_ones_no_more(page, tmp_path):
    offered = page.find("layer_files")
    (tmp_path / "a.psd").write_bytes(b"layers")
    for information, name in (("a.psd", "a.psd"), ("", None)):
        page.set(page.host["information"], information)
        page.press(page.host["log"], "change")
        found = page.get(offered)
        assert [Path(file.get("path") or file["name"]).name for file in found or []] == ([name] if name else [])


def test_further_pictures_are_arguments_too(page):
    by_name = dict(zip(ARGUMENTS, page.arguments))
    assert [name for name in PICTURES if not isinstance(by_name[name], gr.Image)] == []
    page.set(by_name["reference_2"], Image.new("RGBA", (24, 12), (1, 2, 3, 4)))
    values = dict(zip(ARGUMENTS, (page.get(widget) for widget in page.arguments)))
    assert values["reference_2"].getpixel((0, 0)) == (1, 2, 3, 4) and values["background"] is None


# what the page says

@pytest.mark.parametrize(("status", "says", "says_not"), [
    (COLOURED, ["small: colorize checkpoint, v prediction, made for 128 px", "inside the checkpoint"], ["Models"]),
    (Status("A1111", "big", True, "eps", 512, "", "The encoder is missing."), ["eps prediction", "not found"], []),
    (Status("A1111", "odd", True, "", 512, "/x/vit.bin", "Say eps or v."), ["unknown prediction", "Say eps"], []),
    (Status("A1111", "v2", True, "", 0, "", "cannot run yet"), ["v2: <b>cannot run yet"], ["0 px"]),
    (Status("A1111", "<img src=x>"), ["&lt;img src=x&gt; is not a colorize checkpoint"], ["<img"]),
    (Status("A1111"), ["No checkpoint is loaded"], []),
])
def test_the_note_tells_checkpoint_prediction_and_encoder(img2img, hooks, status, says, says_not):
    hooks.status = lambda: status
    img2img.set(img2img.arguments[0], True)
    img2img.press(img2img.arguments[0], "change")
    note = img2img.get(img2img.find("note"))
    assert all(text in note for text in says) and not any(text in note for text in says_not), note


def test_switching_off_asks_nothing(img2img, hooks):
    hooks.status = lambda: pytest.fail("asked")
    img2img.set(img2img.arguments[0], False)
    img2img.press(img2img.arguments[0], "change")


def test_what_the_checkpoint_cannot_do_is_greyed_out_with_the_reason_and_comes_back(img2img, hooks):
    by_name, note = dict(zip(ARGUMENTS, img2img.arguments)), img2img.find("text_note")
    hooks.status = lambda: replace(COLOURED, lacks={"text_target": "CLIP", "text_scale": "v1.5, v2"})
    img2img.press(img2img.find("check"))
    assert not img2img.interactive(by_name["text_target"]) and not img2img.interactive(by_name["text_scale"])
    assert img2img.interactive(by_name["text_anchor"]) and img2img.interactive(by_name["reference_guidance"])
    assert "knows no texts" in img2img.get(note) and "Strength of the change (only v1.5, v2)" in img2img.get(note)
    hooks.status = lambda: COLOURED
    img2img.set(img2img.arguments[0], True)
    img2img.press(img2img.arguments[0], "change")
    assert img2img.interactive(by_name["text_target"]) and "knows" not in img2img.get(note)


# infotext

VALUES = {
    "reference_guidance": 7.5, "sketch_guidance": 2.0, "reference_strength": 0.35, "sketch_strength": 0.9,
    "semantics_strength": 0.5, "colour_strength": 1.25, "encoder_strength": 0.75,
    "block_strengths": tuple(i / 8 for i in range(16)), "guidance_start": 0.1, "guidance_end": 0.9,
    "no_guidance_start": 0.2, "no_guidance_end": 0.3, "polarity": Polarity.DARK_ON_LIGHT, "extractor": "paper",
    "line_overlay": 0.5, "line_strength": LineStrength.AS_DRAWN, "start": StartFrom.BASE, "size_from_sketch": True,
    "photo": False, "construction_pencil": ConstructionPencil.BOTH, "fit_drawing": False, "trim_reference": False,
    "backdrop": Backdrop.PLAIN, "backdrop_colour": "#ffe0a0", "remove_foreground": True,
    "reading": SketchReading.FIRST,
    "text_target": "blonde hair, long: \"x\"", "text_anchor": "brown hair", "text_control": "hair", "text_scale": 5.5,
    "text_enhance": True, "text_threshold_0": 0.1, "text_threshold_1": 0.2, "text_threshold_2": 0.3,
    "reference_padding": 1.5,
    "reference_weight": 0.5, "reference_2_weight": 1.5, "reference_3_weight": 2.0, "reference_4_weight": 0.25,
    "text_threshold_3": 0.4, "text_changes": "[target] a red dress; [scale] 3\n[target] blue sky",
    "reference_scale": 1.5, "injection": 0.75,
    "injection_fidelity": 0.25, "injection_control": 0.5, "injection_start": 0.125,
    "background_enhance": True, "foreground_enhance": True, "style_enhance": True, "foreground_strength": 0.9,
    "background_strength": 0.8, "background_factor": 1.5, "merge": 0.25, "reference_threshold": 0.4,
    "sketch_threshold": 0.1, "result_size": ResultSize.SKETCH, "enlarge": Enlarge.PLAIN, "gap": 1.5,
    "palette_limit": 20.0, "layers": LayerFile.PSD,
}


def test_the_values_above_are_all_and_none_is_a_default():
    assert set(VALUES) == {item.name for item in job_fields()}
    assert [item.name for item in fields(JobSettings) if VALUES.get(item.name) == item.default] == []


def test_a_pictures_infotext_brings_every_setting_back(page):
    settings = JobSettings(**VALUES)
    page.paste({**HASH, **settings.job_infotext()})
    assert page.get(page.arguments[0]) is True
    assert settings_of(page) == settings


def test_settings_that_an_infotext_leaves_out_go_back_to_their_defaults_or_what_was_before_them(page):
    page.paste({**HASH, **JobSettings(**VALUES).job_infotext()})
    page.paste(HASH)
    before = {item.name: item.metadata["before"] for item in job_fields() if item.metadata["before"] is not None}
    assert settings_of(page) == JobSettings(**before)


def test_a_picture_coloured_without_reference_is_known_by_its_version(page):
    page.paste({PREFIX + "version": "0.2", **JobSettings(reference_strength=0.0).job_infotext()})
    assert page.get(page.arguments[0]) is True and settings_of(page).reference_strength == 0


def test_the_infotext_of_other_pictures_changes_nothing(page):
    page.paste({**HASH, **JobSettings(**VALUES).job_infotext()})
    page.paste({"Steps": "20", "Reference guidance": "1"})
    assert page.get(page.arguments[0]) is True and settings_of(page) == JobSettings(**VALUES)


@pytest.mark.parametrize(("name", "bad"), [
    ("reference_guidance", "99"), ("line_overlay", "much"), ("block_strengths", "1 2 3"), ("start", "somewhere"),
    ("size_from_sketch", "perhaps"), ("extractor", "magic")])
def test_a_bad_value_is_told_and_left_as_it_was_and_the_others_are_pasted(page, name, bad):
    good, key = JobSettings(**VALUES), infotext_key(next(item for item in job_fields() if item.name == name))
    before = getattr(settings_of(page), name)
    with pytest.warns(UserWarning, match=r"Not pasted, and left as it was: \w+"):
        page.paste({**HASH, **good.job_infotext(), key: bad})
    assert page.get(page.arguments[0]) is True
    assert settings_of(page) == good.with_(**{name: before})


def test_a_bad_value_over_the_api_is_an_error(page):
    """There the fields are read without the page's callback, and nobody would see a warning."""
    by_widget = {widget: key for widget, key in page.script.infotext_fields}
    guidance = by_widget[page.arguments[3]]
    with pytest.raises(ColorizeError, match=r"Reference guidance: found 99"):
        guidance({**HASH, PREFIX + "reference guidance": "99"})


def test_windows_that_only_cross_together_are_pasted_for_the_run_to_refuse(page):
    page.paste({**HASH, PREFIX + "reference from": "0.8", PREFIX + "reference until": "0.2"})
    values = dict(zip(ARGUMENTS, (page.get(widget) for widget in page.arguments)))
    assert (values["guidance_start"], values["guidance_end"]) == (0.8, 0.2)


def test_pasted_values_have_the_type_of_the_widget(page):
    """The API casts by the type of the default, and an error there is a failed request."""
    infotext = {**HASH, **JobSettings(**VALUES).job_infotext()}
    for widget, key in page.script.infotext_fields:
        assert type(key(infotext)) is type(widget.value)


def test_a_pasted_sketchs_hash_is_an_argument_that_nobody_sees(page):
    held = page.arguments[ARGUMENTS.index("sketch_hash")]
    assert held.visible is False and page.get(held) == ""
    page.paste({**HASH, PREFIX + "sketch hash": "0123456789 abcdef0123"})
    assert page.get(held) == "0123456789 abcdef0123"
    page.paste({"Steps": "20", PREFIX + "sketch hash": "somebody else's"})
    assert page.get(held) == ""


@pytest.mark.parametrize("box", ["image", "mask"])
def test_another_picture_by_the_users_hand_makes_the_pasted_hash_void(img2img, box):
    held = img2img.arguments[ARGUMENTS.index("sketch_hash")]
    for event in ("upload", "clear"):
        img2img.paste({**HASH, PREFIX + "sketch hash": "0123456789"})
        assert img2img.get(held) == "0123456789"
        img2img.press(img2img.host[box], event)
        assert img2img.get(held) == ""


@pytest.mark.parametrize("box", ["image", "mask"])
def test_a_drawing_canvas_asks_the_browser_whether_it_was_the_users_hand(module, box):
    """The browser test does it."""
    page = Page.build(module, canvas=True)
    held = page.arguments[ARGUMENTS.index("sketch_hash")]
    asked = [each for each in page.demo.config["dependencies"] if (page.host[box]._id, "input") in triggers(each)]
    assert [(each["inputs"], each["outputs"], each["backend_fn"]) for each in asked] == [([held._id],) * 2 + (False,)]
    assert "colorizeDiffusionByHand" in asked[0]["js"]


def test_a_picture_that_comes_with_a_pasted_text_keeps_its_hash(img2img):
    """Hosts set the picture themselves then, which is a change, but not by the user's hand."""
    held = img2img.arguments[ARGUMENTS.index("sketch_hash")]._id
    listening = {event for dependency in img2img.demo.config["dependencies"] for target, event in triggers(dependency)
                 if target == img2img.host["image"]._id and held in dependency["outputs"]}
    assert listening and "change" not in listening


# the host's hooks

def test_every_hook_is_handed_over(module, hooks):
    script, p, args = module.ColorizeScript(), SimpleNamespace(), (True, None, None, 5.0)
    assert hooks.calls == [("install",)]
    assert script.title() == hooks.TITLE
    script.before_process(p, *args)
    script.process(p, *args)
    script.process_before_every_sampling(p, *args, x="x", noise="noise", c="c", uc="uc")
    script.postprocess_image(p, "pp", *args)
    script.postprocess(p, "processed", *args)
    assert hooks.calls[1:] == [
        ("before_process", p, args), ("process", p, args), ("before_sampling", p, args, "x"),
        ("postprocess_image", p, "pp", args), ("postprocess", p, "processed", args)]


def test_two_tabs_share_nothing(module):
    pages = [Page.build(module, True), Page.build(module, False)]
    assert pages[0].script.page is not pages[1].script.page
    assert {"img2img_width", "img2img_height", "img2img_image", "img2maskimg", "html_log_img2img",
            "generation_info_img2img"} == set(pages[0].script.page)
    assert {"txt2img_width", "txt2img_height", "html_log_txt2img",
            "generation_info_txt2img"} == set(pages[1].script.page)


def test_the_settings_page_has_our_options(monkeypatch, hooks):
    opts = Options(localization="None", colorize_prediction="v")
    load_script(monkeypatch, hooks, opts)
    names = ("prediction", "models_dir", "reference_encoder", "mirror", "language")
    assert list(opts.data_labels) == [f"colorize_{name}" for name in names]
    assert (opts.colorize_prediction, opts.colorize_mirror, opts.colorize_models_dir) == ("v", "", "")
    assert {option.section[0] for option in opts.data_labels.values()} == {"colorize_diffusion"}
    closed = [name for name, option in opts.data_labels.items() if option.restrict_api]
    assert closed == ["colorize_models_dir", "colorize_mirror"]  # where files go and come from is not for the API


# models

def test_check_lists_the_files_that_are_needed(img2img, hooks, tmp_path):
    hooks.status = lambda: Status("A1111", "plain")
    img2img.press(img2img.find("check"))
    listing = img2img.get(img2img.find("models"))
    needed = [entry for entry in CATALOGUE if entry.recommended]
    assert all(entry.name in listing and entry.licence.name in listing for entry in needed)
    assert str(tmp_path / "own") in listing and str(tmp_path / "checkpoints") in listing
    assert listing.count("missing, needed") == len(needed) and "plain" in img2img.get(img2img.find("note"))


def test_what_is_in_use_is_not_called_missing_and_what_is_not_needed_lies_folded(img2img):
    img2img.press(img2img.find("check"))
    open_part, folded = img2img.get(img2img.find("models")).split("<details>")
    assert "missing" not in open_part + folded and "optional" not in open_part
    assert "has all that it needs" in open_part and folded.count("optional") == len(CATALOGUE)


def test_nothing_is_downloaded_before_the_licence_is_accepted(img2img, monkeypatch):
    monkeypatch.setattr("lib_colorize.panel.transfers.fetch", lambda *args: pytest.fail("downloaded"))
    with pytest.raises(gr.Error, match=r"Accept the licence"):
        img2img.press(img2img.find("download"))


def test_another_file_shows_its_licence_and_takes_the_acceptance_back(img2img):
    img2img.set(img2img.find("accepted"), True)
    wanted = img2img.find("wanted")
    names = [choice[0] if isinstance(choice, (tuple, list)) else choice for choice in wanted.choices]
    img2img.set(wanted, next(name for name in names if "MIT" in name))
    img2img.press(wanted, "change")
    assert img2img.get(img2img.find("accepted")) is False
    assert "MIT" in img2img.get(img2img.find("licence"))


def test_a_download_tells_how_far_it_is_and_where_the_file_lies(img2img, monkeypatch, tmp_path):
    def fetch(entry, folders, accepted, base_url, progress, cancel):
        assert (entry.id, accepted, base_url, folders.own) == ("mult-eps-ft", True, "http://mirror", tmp_path / "own")
        progress(2_000_000, 4_000_000, 1.0)
        return SimpleNamespace(path=Path("/models/mult-eps-ft.safetensors"))

    monkeypatch.setattr("lib_colorize.panel.transfers.fetch", fetch)
    img2img.options().data["colorize_mirror"] = "http://mirror"
    img2img.set(img2img.find("accepted"), True)
    img2img.press(img2img.find("download"))
    assert img2img.get(img2img.find("progress")) == "Done: /models/mult-eps-ft.safetensors"


def test_import_says_what_is_wrong_with_a_file(img2img, tmp_path):
    with pytest.raises(gr.Error, match="Give the path"):
        img2img.press(img2img.find("import"))
    img2img.set(img2img.find("path"), str(tmp_path / "nothing.safetensors"))
    with pytest.raises(gr.Error, match=r"nothing\.safetensors"):
        img2img.press(img2img.find("import"))


def test_a_webui_open_to_others_offers_no_download(monkeypatch, hooks):
    page = Page.build(load_script(monkeypatch, hooks, disable_extension_access=True))
    ids = [getattr(block, "elem_id", None) for block in page.demo.blocks.values()]
    assert page.script.elem_id("models") in ids
    assert not {page.script.elem_id(name) for name in ("download", "import", "path")} & set(ids)


# without a WebUI

def test_a_page_of_our_own_mounts_the_panel_and_its_preview_works(tmp_path, monkeypatch):
    """All that a program has to bring: answers, and where the panel stands."""
    from lib_colorize.panel.place import Place
    from lib_colorize.panel.widgets import Panel

    monkeypatch.setitem(sys.modules, "modules", None)  # whoever imports a WebUI now fails
    program = SimpleNamespace(
        status=lambda: COLOURED,
        preview=lambda picture, settings: (picture.convert("L").point(lambda grey: 255 - grey), "as it was read"),
        size_for=lambda picture, settings: picture.size, folders=lambda: Folders(tmp_path, (tmp_path,)),
        mirror=lambda: "", downloads_open=lambda: True)
    with gr.Blocks() as demo:
        width, height = gr.Slider(64, 2048, 512, step=8), gr.Slider(64, 2048, 512, step=8)
        panel = Panel(Place(page={"width": width, "height": height}), program)
    page = Page.of_blocks(demo, panel)
    page.set(panel.pictures.sketch, Image.new("RGB", (24, 16), (40, 40, 40)))
    page.press(page.find("preview_button"))
    seen = page.get(page.find("preview"))
    assert (seen.size, seen.convert("L").getpixel((0, 0))) == ((24, 16), 215)
    page.press(page.find("size_button"))
    assert (page.get(width), page.get(height)) == (24, 16)
    page.set(panel.enabled, True)
    page.press(panel.enabled, "change")
    assert "made for 128 px" in page.get(panel.note)
    assert settings_of(page) == JobSettings(size_from_sketch=True)
