"""A1111's ControlNet extension beside ours: the same file gives the same picture as in Forge, which has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lib_colorize.method.settings import Settings
from tests.webui.data_folder import extension_of
from tests.webui.host import install_of
from tests.webui.reply import difference, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from tests.webui.host import Host

EXTENSION = "sd-webui-controlnet"
JOB = Settings(steps=4, sampler="Euler", scheduler="Karras", width=128, height=128, seed=11, reference_guidance=4.0)
WEIGHT = 0.1
JOBS: dict[str, Settings] = {
    "reference guidance": JOB, "both guidances": JOB.with_(sketch_guidance=2.0), "a batch": JOB.with_(batch=2),
    "no guidance": JOB.with_(reference_guidance=1.0), "DDIM": JOB.with_(sampler="DDIM", scheduler="Automatic"),
}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One ControlNet of random weights for the shipped model."""
    from lib_colorize.checkpoint.read import read
    from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
    from tests.webui.checkpoints import write_controlnet

    folder = tmp_path_factory.mktemp("controlnet")
    return {"controlnet": write_controlnet(folder / "random-controlnet.safetensors",
                                           read(DEFAULT_CHECKPOINT, ("unet",)).config.unet)}


@pytest.fixture(scope="module")
def a1111(network: dict[str, Path]) -> Iterator[Host]:
    from tests.webui.host import Host

    if install_of("a1111") is None or extension_of(EXTENSION) is None:
        pytest.skip(f"no A1111, or no {EXTENSION} in COLORIZE_EXTENSIONS_DIR")
    with Host.start("a1111", files=network, beside=[EXTENSION]) as running:
        yield running


def unit(host: Host, weight: float) -> dict[str, Any]:
    from tests.webui.jobs import sketch

    (model,) = [name for name in host.get("/controlnet/model_list").body["model_list"] if "random" in name]
    return {"enabled": True, "image": encode(sketch(128, 128, "dog")), "weight": weight, "model": model,
            "module": "none" if host.kind == "a1111" else "None"}  # as each has it


def pictures(host: Host, settings: Settings, weight: float | None) -> list[Image.Image]:
    from tests.webui.jobs import colour

    reply = colour(host, settings, unit=None if weight is None else unit(host, weight))
    assert reply.status == 200, reply.message
    return reply.images[: settings.batch]  # A1111 puts what the unit saw behind them


def test_controlnet_acts_as_in_forge(a1111: Host, network: dict[str, Path]) -> None:
    from tests.webui.host import Host

    if install_of("forge") is None:
        pytest.skip("no Forge to compare with")
    with Host.start("forge", files=network) as forge:
        found = {name: {host.kind: pictures(host, settings, WEIGHT) for host in (a1111, forge)}
                 for name, settings in JOBS.items()}
    apart = {name: max(map(difference, each["a1111"], each["forge"])) for name, each in found.items()}
    print(f"A1111 against Forge, of 255: {apart}")
    for name, settings in JOBS.items():
        alone = pictures(a1111, settings, None)
        assert max(map(difference, found[name]["a1111"], alone)) > 10, f"{name}: the ControlNet does nothing"
    assert max(apart.values()) <= 2, apart


def test_nothing_of_it_is_left(a1111: Host) -> None:
    from tests.webui.undone import leftovers

    before = pictures(a1111, JOB, None)
    at_zero, at_weight = pictures(a1111, JOB, 0.0), pictures(a1111, JOB, WEIGHT)
    assert max(map(difference, at_zero, before)) <= 1 and max(map(difference, at_weight, before)) > 10
    assert max(map(difference, pictures(a1111, JOB, None), before)) == 0
    assert leftovers(a1111) == []
