"""Shared fixtures. The golden set is read from COLORIZE_GOLDEN when that is set, else from the copy in this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden.reader import Golden
from tests.windows import held, refused_name

HERE = Path(__file__).parent


def golden_folder() -> Path:
    folder = Path(os.environ.get("COLORIZE_GOLDEN") or HERE / "golden" / "set")
    return folder if (folder / "index.json").exists() else folder / "set"


GOLDEN = Golden(str(golden_folder()))  # at import, so that tests can be parametrized by its cases


def golden_ids(*prefixes: str) -> list[str]:
    """Case ids of the set in use that begin with one of the prefixes."""
    return [case["id"] for prefix in prefixes for case in GOLDEN.cases(prefix)]


@pytest.fixture(autouse=True)
def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is renamed while this process holds it or what it replaces open or mapped, nor to a forbidden name."""
    if not Path("/proc/self/maps").exists():
        return
    rename = os.replace

    def replace(source: Any, target: Any, **options: Any) -> None:
        assert not held(source), f"{source} is open or mapped while it is renamed"
        assert not held(target), f"{target} is open or mapped while another file takes its name"
        assert not (why := refused_name(Path(os.fsdecode(target)).name)), why
        rename(source, target, **options)

    monkeypatch.setattr(os, "replace", replace)


@pytest.fixture(scope="session")
def golden() -> Golden:
    return GOLDEN


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole tiny random checkpoint, reference encoder inside."""
    from tests.standalone_models import write_checkpoint

    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny.safetensors")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """A sketch of 64x64 px, a reference, another sketch."""
    from lib_colorize.pictures.picture_files import open_image
    from tests.standalone_models import draw_reference, draw_sketch

    folder = tmp_path_factory.mktemp("pictures")
    files = (draw_sketch(folder / "sketch.png", (64, 64)), draw_reference(folder / "reference.png"),
             draw_sketch(folder / "other.png", (64, 64), shift=12))
    return tuple(map(open_image, files))


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for what the tests of one file share, gone after them: pytest would keep it to the end of the suite."""
    folder = tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2])
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def training_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data` with random pairs and `vae.pt`, for tiny runs of the trainer."""
    from tests.training_runs import make_pictures, make_vae

    folder = tmp_path_factory.mktemp("training")
    make_pictures(folder / "data")
    make_vae(folder / "vae.pt")
    return folder


@pytest.fixture
def fresh_accelerate() -> Iterator[None]:
    """For tests that train in this process."""
    from tests.training_runs import reset_accelerate

    yield
    reset_accelerate()
