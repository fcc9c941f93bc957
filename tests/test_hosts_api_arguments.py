"""What an API call names as our arguments reaches us as it was sent, whatever the host makes of it."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.request import ARGUMENTS, names_nothing, parse
from lib_colorize.hosts.settings import JobSettings, job_fields
from tests import a1111_fakes

DEFAULTS = {"enabled": False, "sketch_hash": "", **{f.name: f.default for f in job_fields()}}
USUAL = [DEFAULTS.get(name) for name in ARGUMENTS]


@pytest.fixture
def api(monkeypatch):
    """(scripts of a call, what an infotext made of the defaults) -> our arguments as the host hands them over."""
    modules = a1111_fakes.install(monkeypatch, None)
    watched = importlib.import_module("lib_colorize.hosts.webui.shared.api_arguments")
    undo = watched.watch()
    scripts = [SimpleNamespace(title=lambda: "Other", args_from=0, args_to=3),
               SimpleNamespace(title=lambda: "ColorizeDiffusion", args_from=3, args_to=3 + len(USUAL))]

    def call(named, filled=USUAL, positional=True):
        kind, runner = modules["api.api"].Api(), SimpleNamespace(alwayson_scripts=scripts)
        request = SimpleNamespace(alwayson_scripts=named)
        fills = [1, 2, 3, *filled]
        made = (kind.init_script_args(request, fills, [], 0, runner) if positional else
                kind.init_script_args(request, default_script_args=fills, selectable_scripts=[], selectable_idx=0,
                                      script_runner=runner, input_script_args=fills))
        assert made[0] in (1, "theirs")
        return made[3:]

    call.undo, call.kind = undo, modules["api.api"].Api
    return call


@pytest.mark.parametrize("named", [{"args": []}, {}], ids=["empty", "none"])
@pytest.mark.parametrize("title", ["ColorizeDiffusion", "colorizediffusion"])
@pytest.mark.parametrize("positional", [True, False])
def test_a_call_that_names_us_and_nothing_more_is_told_from_one_that_does_not(api, title, named, positional):
    arguments = api({title: named}, positional=positional)
    assert names_nothing(arguments) and parse(arguments) is None
    for others in (None, {}, {"Other": {"args": []}}):
        assert not names_nothing(api(others, positional=positional))
    assert not names_nothing(api({title: {"args": [False]}})) and not names_nothing(api({title: {"args": [None]}}))


def test_an_infotext_that_switches_it_on_needs_no_arguments(api):
    arguments = api({"ColorizeDiffusion": {"args": []}}, [True, "r", *USUAL[2:]])
    assert parse(arguments).settings == JobSettings()


def test_a_list_that_is_too_long_is_refused_and_not_cut(api):
    with pytest.raises(ColorizeError, match=f"{len(ARGUMENTS) + 1} arguments, expected at most {len(ARGUMENTS)}"):
        parse(api({"ColorizeDiffusion": {"args": [True, "r", *USUAL[2:], 1]}}))
    assert parse(api({"ColorizeDiffusion": {"args": [True, "r", *USUAL[2:]]}})).reference == "r"


@pytest.mark.parametrize("named", [{"args": {"reference": "r"}}, {"args": "r"}, {"args": None}, ["r"], None, 5])
def test_arguments_that_are_no_list_are_one_sentence_with_a_status(api, named):
    if named == ["r"]:
        named = {"args": ("r",)}
    with pytest.raises(ColorizeError, match="^args: found .*, expected a list") as caught:
        api({"ColorizeDiffusion": named})
    assert vars(caught.value)["status_code"] == 422 and vars(caught.value)["detail"] == str(caught.value)


def test_the_arguments_of_others_are_none_of_our_business(api):
    assert api({"Other": {"args": ["theirs"] * 9}}) == USUAL
    api.undo()
    assert api({"ColorizeDiffusion": {"args": []}}) == USUAL
