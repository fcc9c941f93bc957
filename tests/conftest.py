"""Shared fixtures. The golden set is read from COLORIZE_GOLDEN when that is set, else from the copy in this folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.golden.reader import Golden

HERE = Path(__file__).parent


def golden_folder() -> Path:
    folder = Path(os.environ.get("COLORIZE_GOLDEN") or HERE / "golden" / "set")
    return folder if (folder / "index.json").exists() else folder / "set"


GOLDEN = Golden(str(golden_folder()))  # at import, so that tests can be parametrized by its cases


def golden_ids(*prefixes: str) -> list[str]:
    """Case ids of the set in use that begin with one of the prefixes."""
    return [case["id"] for prefix in prefixes for case in GOLDEN.cases(prefix)]


@pytest.fixture(scope="session")
def golden() -> Golden:
    return GOLDEN
