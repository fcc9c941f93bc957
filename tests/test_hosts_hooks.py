"""The script's hooks over a fake host: one request from beginning to end, loops, and errors that nobody can swallow."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.hosts.request import Sent
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.tokens import TokenStore
from lib_colorize.method.settings import Settings
from lib_colorize.models.catalogue import Folders
from lib_colorize.pictures.framing import Fit, Frame
from lib_colorize.pictures.overlay import overlay_lines
from tests import a1111_fakes, forge_fakes
from tests.a1111_fakes import Processing


class FakeHost:
    """A WebUI as the hooks see it, writing down what it is asked for."""

    name = "fake 1.0"

    def __init__(self, file, folder):
        self.file, self.folder, self.said, self.stopped, self.refused = file, folder, [], [], ""
        self.order, self.told, self.shown = [], "v", []

    def install(self):
        self.order.append("install")
        return [lambda: self.order.append("undo")]

    def chosen_path(self):
        return "" if self.file is None else str(self.file.path)

    def loaded_file(self):
        return self.file

    def prediction(self):
        return self.told

    def refusal(self, p):
        return self.refused

    def device(self):
        return torch.device("cpu")

    def make_room(self, module):
        self.order.append(f"room for {type(module).__name__}")

    def before_load(self, p, coloured):
        self.order.append("before load" if coloured else "before a plain load")

    def prepare(self, p, job):
        self.order.append("prepare")

    def colour(self, p, job, x):
        self.order.append("colour")
        job.run = SimpleNamespace(close=lambda: self.order.append("close"))
        job.frames = (Frame(x.shape[-1] * 8, x.shape[-2] * 8),)

    def stop(self, p, error):
        self.stopped.append(error)

    def release(self, p):
        self.order.append("release")

    def say(self, p, text):
        self.said.append(text)

    def show_progress(self, text):
        self.shown.append(text)

    def folders(self):
        return Folders(self.folder)

    def picture_folders(self):
        return ()

    def fetch_picture(self):
        return None

    def option(self, name, default):
        return default


@pytest.fixture
def hooks(tiny_checkpoint, monkeypatch, tmp_path):
    module = importlib.import_module("lib_colorize.hosts.webui.hooks")
    monkeypatch.setattr(module, "_host", FakeHost(colorize_file(tiny_checkpoint), tmp_path))
    monkeypatch.setattr(module, "_undo", [])
    monkeypatch.setattr("lib_colorize.hosts.shown_reference.TOKENS", TokenStore())
    return module


def request(pictures, **settings):
    return [{"reference": pictures[1], **settings}]


def processing(pictures, sketch=0):
    p = Processing(None)
    p.init_images = [pictures[sketch]]
    return p


def test_one_request_goes_through_every_hook(hooks, pictures):
    p, args = processing(pictures), request(pictures, reference_guidance=3.0)
    hooks.before_process(p, args)
    hooks.process(p, args)
    assert p.extra_generation_params["Colorize reference guidance"] == "3.0"
    assert len(p.extra_generation_params["Colorize reference hash"]) == 10
    hooks.before_sampling(p, args, torch.zeros(1, 4, 8, 8))
    picture = SimpleNamespace(image=Image.new("RGB", (64, 64), "orange"))
    hooks.postprocess_image(p, picture, args)
    hooks.postprocess(p, SimpleNamespace(images=[picture.image]), args)
    assert hooks.host().order == ["before load", "release", "room for ReferenceEncoder", "prepare", "colour", "close"]
    assert hooks.host().stopped == [] and picture.image.getpixel((0, 0)) == (255, 165, 0)


def test_the_same_reference_is_encoded_once(hooks, pictures):
    for _ in range(3):
        hooks.process(processing(pictures), request((pictures[0], Image.new("RGB", (30, 30), "teal"))))
    assert hooks.host().order.count("room for ReferenceEncoder") == 1


def test_nothing_of_an_earlier_run_stays_when_it_is_switched_off(hooks, pictures):
    p = processing(pictures)
    hooks.process(p, request(pictures))
    hooks.process(p, [False])
    assert p.extra_generation_params == {} and not hasattr(p, hooks.JOB)
    assert "with ColorizeDiffusion switched off" in hooks.host().said[0]
    assert hooks.host().shown[-1] == hooks.host().said[0]  # while it runs, not only afterwards
    picture = SimpleNamespace(image="untouched")
    hooks.before_sampling(p, [False], None)
    hooks.postprocess_image(p, picture, [False])
    assert picture.image == "untouched" and hooks.host().order.count("colour") == 0


def test_a_size_that_the_checkpoint_cannot_fill_is_told_before_the_run(hooks, pictures):
    own = hooks.host().file.usable().resolution
    for side, told in ((own, False), (2 * own, False), (2 * own + 8, True)):
        p = processing(pictures)
        p.width = p.height = side
        hooks.process(p, request(pictures))
        assert any("far more than" in text for text in hooks.host().said) is told
    hooks.host().said.clear()
    hooks.process(p, request(pictures, size_from_sketch=True))  # then the size is not looked at
    assert hooks.host().said == []


def test_with_another_checkpoint_and_switched_off_nothing_is_said(hooks, pictures):
    hooks.host().file = None
    hooks.process(processing(pictures), [False])
    hooks.process(processing(pictures), ())
    assert hooks.host().said == [] and hooks.host().stopped == []


def test_a_loop_keeps_its_sketch_and_a_batch_does_not(hooks, pictures):
    p = processing(pictures)
    hooks.process(p, request(pictures))
    first = p.extra_generation_params["Colorize sketch hash"]
    result = Image.new("RGB", (64, 64), "orange")
    hooks.postprocess(p, SimpleNamespace(images=[result]), ())
    p.init_images = [result]  # the loopback script
    hooks.process(p, request(pictures))
    assert p.extra_generation_params["Colorize sketch hash"] == first
    p.init_images = [pictures[2]]  # the batch tab
    hooks.process(p, request(pictures))
    assert p.extra_generation_params["Colorize sketch hash"] != first


def test_an_axis_goes_before_the_widget(hooks, pictures):
    p = processing(pictures)
    setattr(p, hooks.axes.CHOSEN, {"reference_guidance": 9.0, "start": "keep base"})
    hooks.process(p, request(pictures, reference_guidance=2.0, sketch=pictures[2]))
    assert p.extra_generation_params["Colorize reference guidance"] == "9.0"
    assert p.extra_generation_params["Colorize start"] == "keep base"


# Loud


@pytest.mark.parametrize("prepare, args, named", [
    (lambda host, p: None, [{"nonsense": 1}], "nonsense"),
    (lambda host, p: None, [True], "no reference"),
    (lambda host, p: setattr(host, "file", None), [True, "x"], "no ColorizeDiffusion checkpoint"),
    (lambda host, p: setattr(host, "told", ""), [True, "x"], "eps or v"),
    (lambda host, p: setattr(host, "refused", "the refiner is on"), [True, "x"], "refiner"),
])
def test_what_is_wrong_with_a_request_stops_the_host(hooks, pictures, prepare, args, named):
    p = processing(pictures)
    prepare(hooks.host(), p)
    hooks.process(p, args)
    assert len(hooks.host().stopped) == 1 and named in str(hooks.host().stopped[0])


@pytest.mark.parametrize("hook", ["prepare", "colour"])
def test_a_failure_of_our_own_stops_the_host_and_is_printed_by_it(hooks, pictures, hook):
    def fail(*args):
        raise ZeroDivisionError("inside")

    setattr(hooks.host(), hook, fail)
    p, args = processing(pictures), request(pictures)
    with pytest.raises(ZeroDivisionError):
        hooks.process(p, args)
        hooks.before_sampling(p, args, torch.zeros(1, 4, 8, 8))
    assert [str(error) for error in hooks.host().stopped] == ["inside"]


@pytest.mark.parametrize("use", [
    lambda image: image.info, lambda image: image.save("x"), lambda image: image.copy(), lambda image: image.size])
def test_a_picture_that_could_not_be_finished_fails_whatever_the_host_does_with_it(hooks, pictures, use):
    p, args = processing(pictures), request(pictures, line_overlay=1.0)
    hooks.process(p, args)
    picture = SimpleNamespace(image=Image.new("RGB", (64, 64)))
    hooks.postprocess_image(p, picture, args)  # no hook before sampling was ever called
    with pytest.raises(ColorizeError, match="another extension samples"):
        use(picture.image)


# Pictures


def test_lines_lie_over_the_result_at_its_own_size(hooks, pictures):
    p, args = processing(pictures), request(pictures, line_overlay=1.0)
    hooks.process(p, args)
    job = getattr(p, hooks.JOB)
    hooks.before_sampling(p, args, torch.zeros(1, 4, 8, 8))
    plain = Image.new("RGB", (64, 64), "orange")
    assert job.finish(plain, 0).tobytes() == overlay_lines(plain, pictures[0], Settings(line_overlay=1.0)).tobytes()


def test_a_canvas_that_follows_the_sketch_is_cut_back_to_it(hooks, pictures):
    p = processing(pictures)
    p.init_images = [pictures[0].resize((200, 150))]
    hooks.process(p, request(pictures, size_from_sketch=True))
    job = getattr(p, hooks.JOB)
    (place,) = job.placements
    canvas = (place.canvas_width, place.canvas_height)
    job.frames = (Frame(*canvas, Fit.FILL),)
    assert job.finish(Image.new("RGB", canvas), 0).size == (place.width, place.height) != canvas


def test_the_preview_is_what_the_model_sees(hooks, pictures):
    seen, told = hooks.preview(pictures[0], JobSettings())
    assert seen.getpixel((0, 0)) == (255, 255, 255) and min(seen.convert("L").tobytes()) < 100
    assert told.startswith(f"{seen.width}x{seen.height} of ") and "dark on light" in told and "result" not in told
    size = f"; result in the sketch's own size, {pictures[0].width}x{pictures[0].height}"
    overlaid = JobSettings(line_overlay=0.5, size_from_sketch=True)  # which makes the result another size
    for settings in (overlaid, JobSettings(result_size="sketch", start="keep base")):
        assert hooks.preview(pictures[0], settings)[1].endswith(size)
    for asked_for in (overlaid.with_(size_from_sketch=False), overlaid.with_(start="keep base")):
        assert "result" not in hooks.preview(pictures[0], asked_for)[1]
    with pytest.raises(ColorizeError, match="no sketch"):
        hooks.preview(None, JobSettings())


def test_the_status_says_what_is_missing(hooks):
    assert hooks.status().problem == "" and hooks.status().reference_encoder == "inside the checkpoint"
    hooks.host().told = ""
    assert "eps or v" in hooks.status().problem
    hooks.host().file = None
    assert not hooks.status().is_colorize and "No checkpoint" in hooks.status().problem


def test_a_checkpoint_that_is_only_chosen_is_described_from_its_file(hooks, tmp_path, monkeypatch):
    monkeypatch.setattr(hooks.host(), "loaded_file", lambda: None)
    assert (hooks.status().checkpoint, hooks.status().prediction, hooks.status().resolution) == ("tiny", "v", 64)
    assert hooks.size_for(Image.new("RGB", (50, 50)), JobSettings()) == (64, 64)
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"something else")
    monkeypatch.setattr(hooks.host(), "chosen_path", lambda: str(other))
    assert hooks.status().problem == "other is no ColorizeDiffusion checkpoint."


def test_a_call_that_names_us_without_arguments_is_refused_with_a_colorize_checkpoint(hooks, pictures):
    p, nothing = processing(pictures), [Sent(()), *([None] * 5)]
    hooks.process(p, nothing)
    assert [str(error).partition(";")[0] for error in hooks.host().stopped] == [
        "tiny is a colorize checkpoint, and ColorizeDiffusion is given no arguments".replace(
            "tiny", hooks.host().file.path.stem)]
    hooks.host().file = None
    hooks.process(p, nothing)
    assert len(hooks.host().stopped) == 1 and not hooks.host().said


# Installing


@pytest.mark.parametrize("there, methods, named", [
    ({"ldm_patched", "modules_forge"}, {"process_before_every_sampling": None}, "reForge or Forge Classic"),
    ({"modules_forge"}, {"process_before_every_sampling": None}, "relative of Forge"),
    ({"backend", "backend.diffusion_engine"}, {"process_before_every_sampling": None}, "Forge Neo"),
    (set(), {}, "older than 1.10"),
])
def test_a_webui_that_cannot_work_is_refused_by_name(hooks, monkeypatch, there, methods, named):
    monkeypatch.setitem(sys.modules, "modules", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "modules.scripts", SimpleNamespace(Script=type("Script", (), methods)))
    monkeypatch.setattr(hooks.importlib.util, "find_spec", lambda name: name if name in there else None)
    with pytest.raises(ColorizeError, match=named):
        hooks._find_host()


def test_a_second_load_of_the_script_takes_the_first_one_off(hooks, monkeypatch):
    registered = []
    names = ("on_app_started", "on_before_ui", "on_image_saved", "on_script_unloaded")
    callbacks = SimpleNamespace(**dict.fromkeys(names, registered.append))
    monkeypatch.setitem(sys.modules, "modules", SimpleNamespace(script_callbacks=callbacks))
    monkeypatch.setitem(sys.modules, "modules.script_callbacks", callbacks)
    hooks.install()
    hooks.install()
    assert hooks.host().order == ["install", "undo", "install"]
    hooks.uninstall()
    assert hooks.host().order == ["install", "undo", "install", "undo"] and registered[3] is hooks.uninstall


@pytest.mark.parametrize("kind", ["a1111", "forge"])
@pytest.mark.parametrize("named, refused", [("nosuch", True), ("known", False), (None, False)])
def test_a_checkpoint_that_is_not_there_is_refused_and_never_another_taken(
    hooks, pictures, monkeypatch, kind, named, refused,
):
    """Both hosts forget such a name before the `process` hook, and go on with what is loaded."""
    {"a1111": a1111_fakes, "forge": forge_fakes}[kind].install(monkeypatch, None)
    webui = importlib.import_module("lib_colorize.hosts.webui.shared.webui").WebUI
    p, args = processing(pictures), request(pictures)
    p.override_settings = {} if named is None else {"sd_model_checkpoint": named}
    webui.before_load(hooks.host(), p, True)
    p.override_settings.pop("sd_model_checkpoint", None)
    hooks.process(p, args)
    found = [str(error) for error in hooks.host().stopped]
    assert [f"name the checkpoint {named}, which is not on this WebUI's list" in text for text in found] == (
        [True] if refused else [])
    hooks.host().stopped.clear()
    hooks.process(p, args)  # the same object again, which names nothing any more
    assert hooks.host().stopped == []


@pytest.mark.parametrize("backdrop, asked", [("transparent", True), ("plain", False)])
def test_a_transparent_result_that_the_host_would_make_opaque_is_refused_or_told(hooks, pictures, monkeypatch,
                                                                                 backdrop, asked):
    def refused(**settings):
        p = processing(pictures)
        p.image_mask = Image.new("L", pictures[0].size, 255)
        hooks.process(p, request(pictures, backdrop=backdrop, sketch_mask=mask, **settings))
        return [str(error) for error in hooks.host().stopped if "without transparency" in str(error)]

    mask = Image.new("L", pictures[0].size)
    mask.paste(255, (0, 0, pictures[0].width // 2, pictures[0].height))
    options = {"samples_format": "png"}
    monkeypatch.setattr(hooks.host(), "option", options.get)
    assert bool(refused()) == asked
    hooks.host().stopped.clear()
    options["overlay_inpaint"] = False  # then the host leaves the result as it is
    assert refused() == [] == hooks.host().stopped == hooks.host().said
    options["samples_format"] = "jpg"
    hooks.process(processing(pictures), request(pictures, backdrop=backdrop, sketch_mask=mask))
    assert hooks.host().stopped == [] and [("saves pictures as jpg" in text) for text in hooks.host().said] == [
        True] * asked
