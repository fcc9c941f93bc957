"""The pages: commands that this program understands, links and files that are there."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from lib_colorize.settings import Settings
from lib_colorize.standalone import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md"), *ROOT.glob("examples/*.md")))
PROGRAM = ".venv/bin/python -m "


def commands(page: Path) -> list[str]:
    """Lines of its bash blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(PROGRAM + "lib_colorize ")])
def test_a_printed_command_is_understood(command: str) -> None:
    arguments = shlex.split(command.removeprefix(PROGRAM + "lib_colorize "), comments=True)
    args = cli.parser().parse_args(arguments)
    if args.command == "colorize":
        cli.settings_of(args)
    for name in arguments:
        if name.startswith(("examples/", "models/")):
            assert (ROOT / name).exists(), f"{name} is missing"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith((PROGRAM + "training.", "bash "))])
def test_a_printed_program_is_there(command: str) -> None:
    words = shlex.split(command, comments=True)
    assert (ROOT / (words[1] if words[0] == "bash" else words[2].replace(".", "/") + ".py")).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_setting_is_on_the_page_of_the_command_line() -> None:
    text = (ROOT / "docs" / "commandline.md").read_text(encoding="utf-8")
    names = [f"--{f.name.replace('_', '-')}" for f in fields(Settings) if f.name not in cli.SIZE_FIELDS]
    assert [name for name in (*names, "--size") if f"`{name}" not in text] == []
