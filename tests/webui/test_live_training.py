"""What the trainer exports is a checkpoint like any other to a WebUI, and gives the standalone engine's picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lib_colorize.method.settings import Settings
from tests.webui.data_folder import ROOT
from tests.webui.host import Host
from tests.webui.reply import difference, spread

JOB = Settings(steps=2, sampler="Euler", scheduler="Karras", width=64, height=64, seed=13, sketch_guidance=2.0)


@pytest.fixture(scope="module")
def exported(training_files: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few steps of `pocket` at small width, exported in both precisions."""
    from tests.training_runs import command, environment, finish, start

    folder = tmp_path_factory.mktemp("trained")
    stages = tuple(f"stages.{i}.images={images}" for i, images in enumerate((2, 2, 4)))
    finish(start(command(training_files, folder / "run", *stages)))
    files = []
    for dtype in ("fp32", "fp16"):
        files.append(folder / f"trained-{dtype}.safetensors")
        subprocess.run([sys.executable, "-m", "training.export", "--run", str(folder / "run"), str(files[-1]),
                        "--dtype", dtype], cwd=ROOT, env=environment(), check=True)
    return files


def test_an_exported_run_colours_as_in_the_engine(kind: str, exported: list[Path]) -> None:
    from tests.webui.jobs import colour, standalone

    with Host.start(kind, files=exported, options={"sd_model_checkpoint": "colorize-small"}) as host:
        for file in exported:
            reply = colour(host, JOB, model=file.stem)
            assert reply.status == 200, (file.stem, reply.message)
            (expected,) = standalone(JOB, file)
            found = difference(reply.image, expected)
            print(f"{kind}, {file.stem}: {found} of 255")
            assert found <= 2 and spread(expected) > 2, file.stem
            assert host.get("/probe/state").body["checkpoint"] == file.stem
