"""The panel's texts: nothing missing in any language, nothing left over."""

from __future__ import annotations

import ast
import enum
import re
from dataclasses import fields
from pathlib import Path

import pytest

from lib_colorize.hosts.settings import JobSettings, job_fields
from lib_colorize.method.settings import Polarity
from lib_colorize.panel.language import Language, choose_language
from lib_colorize.panel.phrases import PHRASES
from lib_colorize.panel.presets import Intention
from lib_colorize.panel.setting_words import CHOICES, SETTINGS
from lib_colorize.panel.texts import Texts
from lib_colorize.pictures.extras import PICTURES
from lib_colorize.pictures.lineart import EXTRACTORS

ROOT = Path(__file__).parent.parent
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
CHINESE = re.compile("[\u4e00-\u9fff]")
KANA = re.compile("[\u3040-\u30ff]")


def strings(path: Path) -> set[str]:
    """Every string constant of a source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_setting_has_its_words_and_none_is_left_over():
    assert set(SETTINGS) == {item.name for item in job_fields()}


def test_every_choice_has_its_words_and_none_is_left_over():
    kinds = {type(item.default) for item in fields(JobSettings) if isinstance(item.default, enum.Enum)}
    enums = {each.value for kind in kinds for each in kind}
    assert {each.value for each in Polarity} <= enums
    assert set(CHOICES) == enums | set(EXTRACTORS)


def test_every_phrase_is_used():
    panel = sorted((ROOT / "lib_colorize" / "panel").glob("*.py"))
    sources = [ROOT / "scripts" / "colorize_diffusion.py", *(path for path in panel if path.name != "phrases.py")]
    used = set().union(*map(strings, sources))
    boxes = {*PICTURES, *(intention.value for intention in Intention)}
    assert set(PHRASES) - used - boxes == set()


@pytest.mark.parametrize("key", PHRASES)
def test_a_phrase_says_the_same_values_in_every_language(key):
    slots = [set(re.findall(r"{\w+}", text)) for text in PHRASES[key]]
    assert slots[0] == slots[1] == slots[2]


def test_every_language_is_written_in_its_own_script():
    phrases = (*PHRASES.values(), *CHOICES.values())
    ja = [words.ja + words.ja_help for words in SETTINGS.values()] + [phrase.ja for phrase in phrases]
    zh = [words.zh + words.zh_help for words in SETTINGS.values()] + [phrase.zh for phrase in phrases]
    assert [text for text in ja if not JAPANESE.search(text) and "{" not in text] == []
    assert [text for text in zh if KANA.search(text) or (not CHINESE.search(text) and "{" not in text)] == []
    assert [phrase.en for phrase in phrases if JAPANESE.search(phrase.en)] == []


def test_english_labels_are_those_of_the_settings():
    item, texts = job_fields()[0], Texts(Language.ENGLISH)
    assert (texts.label(item), texts.help(item)) == (item.metadata["label"], item.metadata["help"])


@pytest.mark.parametrize(("wanted", "localization", "language"), [
    ("auto", "None", "en"), ("auto", "", "en"), ("auto", "fr_FR", "en"), ("auto", "ja_JP", "ja"),
    ("auto", "zh_CN", "zh"), ("auto", "zh_TW", "zh"), ("auto", "Chinese (Simplified)", "zh"),
    ("auto", "日本語", "ja"), ("auto", "简体中文", "zh"),
    ("en", "ja_JP", "en"), ("zh", "None", "zh"), ("ja", "zh_CN", "ja"), ("klingon", "ja_JP", "ja"),
])
def test_the_language_is_the_users_word_else_the_hosts(wanted, localization, language):
    assert choose_language(wanted, localization).value == language
