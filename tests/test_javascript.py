"""The page's JavaScript, read as text: the words, routes and functions that it asks for are there. Without a browser.

What it does is tested in one (test_touching_up_page.py, webui/test_browser.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib_colorize.panel.touching_words import WORDS

ROOT = Path(__file__).parent.parent
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "javascript").glob("*.js"))}
ALL = "\n".join(FILES.values())
STYLE = (ROOT / "style.css").read_text(encoding="utf-8")


def without_text(source: str) -> str:
    """The code, less comments, strings, templates and patterns."""
    texts = r"""//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"""
    return re.sub(texts + r"|/(?![*/ ])(?:\\.|[^/\\\n])+/[gi]+", "''", source)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is_for_and_every_bracket_is_closed(name):
    source = FILES[name]
    assert source.startswith("// ") and '"use strict";' in source and max(map(len, source.splitlines())) <= 120
    closing, open_ones = {")": "(", "]": "[", "}": "{"}, []
    for letter in without_text(source):
        if letter in "([{":
            open_ones.append(letter)
        elif letter in closing:
            assert open_ones and open_ones.pop() == closing[letter]
    assert open_ones == []


def test_every_word_that_is_said_is_written_and_none_is_left_over():
    """A word is a name in quotes, or follows `words.`; tools.js makes controls by their word."""
    touching = "\n".join(source for name, source in FILES.items() if name != "colorize_diffusion.js")
    said = set(re.findall(r'(?:say\(|button\(|mode\()"(\w+)"', touching)) | set(re.findall(r"words\.(\w+)", touching))
    said -= {"size_unused"}
    assert said - set(WORDS) == set()
    quoted = said | set(re.findall(r'"(\w+)"', touching)) | {f"pair_{name}" for name in ("sketch", "fix", "previous")}
    assert set(WORDS) - quoted == set()


def test_every_value_of_a_word_is_given_where_it_is_said():
    for key, phrase in WORDS.items():
        slots = [set(re.findall(r"{(\w+)}", text)) for text in phrase]
        assert slots[0] == slots[1] == slots[2], key
        for call in re.findall(rf'say\("{key}"(.*?)\);', ALL):
            assert all(re.search(rf"\b{slot}\b", call) for slot in slots[0]), key


def test_every_route_that_is_asked_is_there():
    from lib_colorize.hosts.webui.routes import ROOT as ROUTES
    from lib_colorize.hosts.webui.routes import add_routes

    added: list[str] = []
    app = SimpleNamespace(routes=[], add_api_route=lambda path, *args, **kwargs: added.append(path))
    pytest.importorskip("fastapi", reason="the WebUI's own")
    add_routes(app, SimpleNamespace(name="fake"))
    asked = set(re.findall(r'ask\((?:layers \? )?"([\w-]+)"', ALL)) | set(re.findall(r'"(touch-up)"', ALL))
    assert {"areas", "layers", "touch-up"} <= asked
    assert {f"{ROUTES}/{name}" for name in asked} <= set(added) and f'"./{ROUTES.strip("/")}/"' in ALL


def test_a_function_of_another_file_is_offered_by_one():
    offered = {name for inside in re.findall(r"Object\.assign\(own, \{([^}]*)\}\)", ALL)
               for name in re.findall(r"\w+", inside)} | set(re.findall(r"own\.(\w+) = ", ALL))
    used = set(re.findall(r"\bown\.(\w+)", ALL))
    assert used - offered == set() and len(offered) > 15


def test_every_class_that_is_styled_is_made_and_none_is_made_without_a_style():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lib_colorize/panel").glob("*.py")) + ALL
    styled = set(re.findall(r"\.(colorize-[\w-]+)", STYLE))
    assert {name for name in styled if name not in sources and not name.startswith("colorize-for-")} == set()
    made = set(re.findall(r'(?:className: |toggle\()"(colorize-[\w-]+)', ALL))
    assert made - styled <= {"colorize-for-hints", "colorize-file"}
