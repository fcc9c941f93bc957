"""One running WebUI per kind and session; tests are skipped where the environment names no install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.webui.data_folder import extension_of
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
    """Name -> checkpoint, and "lora" and "controlnet"."""
    from tests.webui import checkpoints

    return checkpoints.write_all(tmp_path_factory.mktemp("checkpoints"), kind)


@pytest.fixture(scope="session")
def host(kind: str, files: dict[str, Path]) -> Iterator[Host]:
    """A WebUI with the extension."""
    from tests.webui.host import Host

    with Host.start(kind, files=files, options={"sd_model_checkpoint": "plain"}) as running:
        yield running


@pytest.fixture(scope="module")
def tiled(kind: str, files: dict[str, Path]) -> Iterator[Host]:
    """A host with Ultimate SD Upscale where the environment names it."""
    from tests.webui.host import Host
    from tests.webui.tile_jobs import ULTIMATE

    beside = [ULTIMATE] if extension_of(ULTIMATE) else []
    with Host.start(kind, files=files, options={"sd_model_checkpoint": "plain"}, beside=beside) as running:
        yield running


@pytest.fixture(params=["SD upscale", "Ultimate SD upscale"])
def upscale(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a request says to run such a script."""
    from tests.webui.tile_jobs import SD_UPSCALE, ULTIMATE, ULTIMATE_UPSCALE

    if request.param == "SD upscale":
        return SD_UPSCALE
    if extension_of(ULTIMATE) is None:
        pytest.skip(f"no {ULTIMATE} in COLORIZE_EXTENSIONS_DIR")
    return ULTIMATE_UPSCALE


@pytest.fixture(scope="session")
def untouched(kind: str, files: dict[str, Path]) -> dict[str, Any]:
    """What the same jobs give in a WebUI without the extension: name of PLAIN_JOBS -> md5."""
    from tests.webui.host import Host
    from tests.webui.undone import PLAIN_JOBS, run_plain

    with Host.start(kind, extension=False, files=[files["plain"]]) as bare:
        return {name: run_plain(bare, name).md5 for name in PLAIN_JOBS}


@pytest.fixture
def faults_are_meant() -> None:
    """For tests after which errors may stand in the host's log."""


@pytest.fixture(autouse=True)
def _no_trace_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No error of a script's hook that the host has swallowed, and no armed fault for the next test."""
    running: Host | None = request.getfixturevalue("host") if "host" in request.fixturenames else None
    before = running.log.stat().st_size if running else 0
    yield
    if running is None:
        return
    running.post("/probe/fault")
    if "faults_are_meant" not in request.fixturenames:
        with running.log.open(errors="replace") as log:
            log.seek(before)
            text = log.read()
        assert "*** Error" not in text, text[text.index("*** Error"):][:3000]
