"""Which language the panel speaks, and how a text is written down in all three."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Language(enum.Enum):
    """The value is what the settings page stores."""

    ENGLISH = "en"
    JAPANESE = "ja"
    CHINESE = "zh"


class Phrase(NamedTuple):
    """One text in the order of Language."""

    en: str
    ja: str
    zh: str


class Words(NamedTuple):
    """Label and tooltip of a setting, each in Japanese and Chinese; the English ones stand in the setting itself."""

    ja: str
    ja_help: str
    zh: str
    zh_help: str


HINTS = {Language.JAPANESE: ("ja", "日本"), Language.CHINESE: ("zh", "chinese", "中文", "简体", "繁")}  # in file names


def choose_language(wanted: str, localization: str) -> Language:
    """wanted: "en", "ja", "zh", or "auto", which follows the name of the host's localization file."""
    if wanted in [language.value for language in Language]:
        return Language(wanted)
    name = (localization or "").lower()
    return next((language for language, hints in HINTS.items() if any(hint in name for hint in hints)),
                Language.ENGLISH)
