"""What is printed, whatever encoding the console or the log file has."""

from __future__ import annotations

import io
import sys
import unicodedata


def take_any_text() -> None:
    """From now on a letter that stdout or stderr cannot encode is written as its number, and is no error.

    A Japanese path on a Western Windows console (cp1252) comes out as \\\\u3042.png. For the door of a command alone:
    inside a host the streams are the host's.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # pythonw has none, a test or a notebook its own
            stream.reconfigure(errors="backslashreplace")


def one_line(text: str) -> str:
    """The text with what would end a line, or steer a terminal, as numbers: a file's name may hold anything."""
    return "".join(letter.encode("unicode_escape").decode("ascii")
                   if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
