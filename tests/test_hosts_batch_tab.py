"""img2img's batch tab: a picture that cannot be coloured does not stop the rest, and none is passed over silently."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from lib_colorize.errors import ColorizeError
from tests import a1111_fakes, forge_fakes


class Request:
    """The host's `p`; a picture of its batch is what its painting is to do: an error, or the name of a result."""

    def paint(self):
        (outcome,) = self.init_images
        if isinstance(outcome, Exception):
            raise outcome
        return SimpleNamespace(images=[outcome], comments="the host's own\n" if outcome == "noted" else "")


@pytest.fixture(params=(a1111_fakes, forge_fakes), ids=("a1111", "forge"))
def img2img(request, monkeypatch):
    """The module of the host, watched as its adapter does."""
    found = request.param.install(monkeypatch, SimpleNamespace())
    watching = importlib.import_module("lib_colorize.hosts.webui.shared.batch_tab")
    before = dict(vars(found.get("img2img") or found["modules.img2img"]))
    undo = watching.watch_batch_tab()
    module = found.get("img2img") or found["modules.img2img"]
    yield module
    for each in undo:
        each()
    assert vars(module) == before and watching.BATCH.get() is None


def test_a_picture_that_cannot_be_coloured_does_not_stop_the_rest(img2img, capsys):
    bad = [ColorizeError("the sketch has no lines"), ColorizeError("too small")]
    made = img2img.process_batch(Request(), ["noted", bad[0], "second", bad[1], "third"])
    assert made.images == ["noted", "second", "third"]
    assert made.comments == ("the host's own\n\nColorizeDiffusion:\npicture 2 out of 5 passed over: the sketch has no "
                             "lines\npicture 4 out of 5 passed over: too small")
    assert capsys.readouterr().out.count("passed over") == 2


def test_a_batch_without_a_fault_is_the_hosts_own(img2img, capsys):
    made = img2img.process_batch(Request(), ["first", "noted"])
    assert (made.images, made.comments, capsys.readouterr().out) == (["first", "noted"], "", "")


def test_what_is_wrong_with_every_picture_is_told_after_three(img2img, capsys):
    pictures = [ColorizeError("no reference picture") for _ in range(100)]
    with pytest.raises(ColorizeError, match="no reference picture"):
        img2img.process_batch(Request(), pictures)
    assert capsys.readouterr().out.count("passed over") == 3


def test_a_batch_of_which_nothing_was_made_is_an_error(img2img):
    with pytest.raises(ColorizeError, match="too small"):
        img2img.process_batch(Request(), [ColorizeError("the sketch has no lines"), ColorizeError("too small")])


def test_after_a_picture_was_made_no_reason_stops_the_run(img2img):
    made = img2img.process_batch(Request(), ["first", *(ColorizeError("no lines") for _ in range(5)), "last"])
    assert made.images == ["first", "last"] and made.comments.count("no lines") == 5


@pytest.mark.parametrize("error", (RuntimeError("of the host"), KeyboardInterrupt()))
def test_other_errors_stop_the_batch_as_ever(img2img, error):
    with pytest.raises(type(error)):
        p = Request()
        p.paint = lambda: (_ for _ in ()).throw(error)
        img2img.process_batch(p, ["first", "second"])


def test_outside_of_a_batch_an_error_is_an_error(img2img):
    p = Request()
    p.init_images = [ColorizeError("the sketch has no lines")]
    with pytest.raises(ColorizeError):
        img2img.process_images(p)
