"""What a data folder says of itself, for the card of a model that is trained on it: DATA/about.json.

    {"licence": "CC BY-SA 4.0", "trained_on": "OpenMoji (CC BY-SA 4.0) and DiceBear avatars"}

licence: of what is trained on the pictures, "" where nobody has said it. trained_on: what the pictures are, to be read
after "trained on". Builders write the file; a folder without one is as good as any other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole

FILE = "about.json"


@dataclass(frozen=True)
class About:
    """The words of about.json."""

    licence: str = ""
    trained_on: str = ""


def write_about(data: Path, about: About) -> None:
    """Into a data folder, in place of what was said before."""
    write_whole(data / FILE, json.dumps(asdict(about), indent=1, ensure_ascii=False) + "\n", parents=True)


def read_about(data: Path) -> About | None:
    """What a data folder says, None where it says nothing. ColorizeError for a file of another form."""
    path = data / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ColorizeError(f"{path}: not JSON ({error}); mend it, or delete it") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(name, ""), str) for name in asdict(About())):
        raise ColorizeError(f'{path}: expected {{"licence": "...", "trained_on": "..."}}; mend it, or delete it')
    return About(found.get("licence", ""), found.get("trained_on", ""))
