"""All words of the panel in one language, looked up by key or by setting."""

from __future__ import annotations

from dataclasses import Field
from typing import Any

from .language import Language
from .phrases import PHRASES
from .setting_words import CHOICES, OF_ONE_SETTING, SETTINGS


class Texts:
    """All texts of the panel in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The phrase of that key, with values filled in."""
        return str(getattr(PHRASES[key], self.language.value)).format(**values)

    def label(self, item: Field[Any]) -> str:
        """Of a setting."""
        return self._setting(item, "label", "")

    def help(self, item: Field[Any]) -> str:
        """The tooltip of a setting."""
        return self._setting(item, "help", "_help")

    def _setting(self, item: Field[Any], english: str, other: str) -> str:
        if self.language is Language.ENGLISH:
            return str(item.metadata[english])
        return str(getattr(SETTINGS[item.name], self.language.value + other))

    def choice(self, value: str, english: str | None = None, of: str = "") -> str:
        """How one value of a choice is shown; `english`: where the value itself is not what is read; of: its setting,
        where the word means something else there.
        """
        phrase = OF_ONE_SETTING.get((of, value)) or CHOICES[value]
        return english or value if self.language is Language.ENGLISH else str(getattr(phrase, self.language.value))
