"""One running WebUI per kind and session; tests are skipped where the environment names no install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.webui.host import KINDS, install_of

if TYPE_CHECKING:
    from tests.webui.host import Host


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if install_of(request.param) is None:
        pytest.skip(f"no install: COLORIZE_{request.param.upper()}_DIR and _PYTHON are not set")
    return str(request.param)


@pytest.fixture(scope="session")
def files(kind: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> checkpoint, and "lora"."""
    from tests.webui import checkpoints

    return checkpoints.write_all(tmp_path_factory.mktemp("checkpoints"), kind)


@pytest.fixture(scope="session")
def host(kind: str, files: dict[str, Path]) -> Iterator[Host]:
    """A WebUI with the extension."""
    from tests.webui.host import Host

    loras = [file for name, file in files.items() if name == "lora"]
    with Host.start(kind, checkpoints=[f for f in files.values() if f not in loras], loras=loras) as running:
        yield running


@pytest.fixture(scope="session")
def untouched(kind: str, files: dict[str, Path]) -> dict[str, Any]:
    """What the same jobs give in a WebUI without the extension: name of PLAIN_JOBS -> md5."""
    from tests.webui.host import Host
    from tests.webui.undone import PLAIN_JOBS, run_plain

    with Host.start(kind, extension=False, checkpoints=[files["plain"]]) as bare:
        return {name: run_plain(bare, name).md5 for name in PLAIN_JOBS}


@pytest.fixture(autouse=True)
def _no_fault_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault that a test armed never meets the next test."""
    yield
    if "host" in request.fixturenames and "host" in request.node.funcargs:
        request.node.funcargs["host"].post("/probe/fault")
