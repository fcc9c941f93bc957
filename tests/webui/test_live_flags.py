"""Start-up flags that change how a host computes: the picture stays the standalone engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lib_colorize.method.settings import Settings
from tests.webui.data_folder import live_device
from tests.webui.host import install_of
from tests.webui.reply import difference

if TYPE_CHECKING:
    from pathlib import Path

JOB = Settings(steps=3, sampler="Euler a", scheduler="Karras", width=128, height=64, seed=3, sketch_guidance=2.0)
FLAGS = [("a1111", flags) for flags in (
    ("--medvram",), ("--lowvram",), ("--opt-sdp-attention",), ("--opt-sub-quad-attention",),
    ("--opt-split-attention-v1",), ("--nowebui",))]
FLAGS += [("forge", ("--nowebui",)), ("forge", ("--unet-in-bf16", "--vae-in-fp32"))]
COARSE = {"--unet-in-bf16": 60}  # of 255: half precision
HALF = 10  # of 255: float16 on a card; the engine's own differs by 1


@pytest.mark.parametrize(("which", "flags"), FLAGS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_the_picture_is_the_engines_under_these_flags(which: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    if install_of(which) is None:
        pytest.skip(f"no install of {which}")
    from tests.webui.host import Host
    from tests.webui.jobs import body, standalone
    from tests.webui.undone import leftovers

    with Host.start(which, flags=flags) as host:
        for tab in ("img2img", "txt2img"):
            reply = host.post(f"/sdapi/v1/{tab}", body(JOB, tab=tab))
            assert reply.status == 200, reply.message
            assert difference(reply.image, standalone(JOB)[0]) <= COARSE.get(flags[0], 2)
            assert leftovers(host) == []


@pytest.mark.skipif(live_device() == "cpu", reason="in half precision hosts compute on a card: COLORIZE_LIVE_DEVICE")
def test_on_a_card_the_picture_is_the_engines_in_half_precision(kind: str) -> None:
    from tests.webui.host import Host
    from tests.webui.jobs import colour, standalone

    with Host.start(kind, device="cuda, half") as host:
        reply = colour(host, JOB)
        assert reply.status == 200, reply.message
        assert difference(reply.image, standalone(JOB)[0]) <= HALF
