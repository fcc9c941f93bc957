"""A coloured step in a real host: fewer operators than its own img2img step of the same rows, and no wait in it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from lib_colorize.method.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.webui.host import Host
    from tests.webui.reply import Reply

FLAGS = {"a1111": ("--opt-sdp-attention",), "forge": ()}  # as on a card; on the CPU it splits attention into more
STEPS, SIZE = 3, 128
JOB = Settings(steps=STEPS, sampler="Euler", scheduler="Automatic", width=SIZE, height=SIZE, seed=7,
               reference_guidance=5.0)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # changes of our job, and the host's own with as many rows
    "guided": ({}, {}), "three rows": ({"sketch_guidance": 2.0}, {"prompt": "a cat AND a dog"}),
    "one row": ({"reference_guidance": 1.0}, {"cfg_scale": 1.0}),  # AUTOMATIC1111 itself computes two
    "two pictures": ({"batch": 2}, {"batch_size": 2}),
}


@pytest.fixture(scope="module")
def counting(kind: str) -> Iterator[Host]:
    from tests.webui.host import Host

    with Host.start(kind, flags=FLAGS[kind]) as host:
        yield host


def last_step(host: Host, action: Callable[[], Reply]) -> dict[str, Any]:
    """In the first step constants are made."""
    host.post("/probe/operators")
    reply = action()
    assert reply.status == 200, reply.message
    steps = host.get("/probe/operators").body
    assert len(steps) == STEPS
    return steps[-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", CASES)
def test_a_coloured_step_is_fewer_operators_than_the_hosts_own(counting: Host, case: str) -> None:
    from tests.webui.jobs import SMALL, colour, plain, sketch
    from tests.webui.reply import encode

    changes, own = CASES[case]
    picture = {"init_images": [encode(sketch(SIZE, SIZE))], "width": SIZE, "height": SIZE, "denoising_strength": 1.0}
    plainly = last_step(counting, lambda: plain(counting, SMALL, "img2img", steps=STEPS, **picture, **own))
    ours = last_step(counting, lambda: colour(counting, JOB.with_(**changes)))
    more, fewer = Counter(ours["names"]), Counter(plainly["names"])
    print(f"{counting.kind}, {case}: {ours['operators']} operators, its own step {plainly['operators']}")
    assert ours["operators"] < plainly["operators"], (more - fewer, fewer - more)
    assert ours["waits"] <= plainly["waits"]
