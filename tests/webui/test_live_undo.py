"""Nothing is left behind: after any run the networks carry no hook and plain jobs are bit-equal to a bare WebUI's."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.webui.undone import PLAIN_JOBS

if TYPE_CHECKING:
    from tests.webui.host import Host
    from tests.webui.reply import Reply

Md5s = dict[str, str]


def require_untouched(host: Host, untouched: Md5s, names: tuple[str, ...] = ("txt2img", "img2img")) -> None:
    from tests.webui.undone import leftovers, run_plain

    assert leftovers(host) == []
    for name in names:
        assert run_plain(host, name).md5 == untouched[name], name
    assert leftovers(host) == []


@pytest.mark.parametrize("name", PLAIN_JOBS)
def test_disabled_is_bit_equal_to_a_webui_without_the_extension(host: Host, untouched: Md5s, name: str) -> None:
    from tests.webui.undone import leftovers, run_plain

    assert run_plain(host, name).md5 == untouched[name]
    assert leftovers(host) == []


@pytest.mark.parametrize("name", ["txt2img", "img2img"])
def test_it_stays_bit_equal_when_the_arguments_are_there_but_not_enabled(
    host: Host, untouched: Md5s, name: str,
) -> None:
    from tests.webui.jobs import reference, script
    from tests.webui.reply import encode
    from tests.webui.undone import run_plain

    arguments = {"enabled": False, "reference": encode(reference()), "reference_guidance": 3.0}
    PLAIN_JOBS["with arguments"] = PLAIN_JOBS[name] | script(arguments)
    try:
        assert run_plain(host, "with arguments").md5 == untouched[name]
    finally:
        del PLAIN_JOBS["with arguments"]


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_an_enabled_run_leaves_nothing(host: Host, untouched: Md5s, tab: str) -> None:
    from tests.webui.jobs import QUICK, colour
    from tests.webui.undone import leftovers

    for changes in ({}, {"sketch_guidance": 2.0}, {"guidance_end": 0.4}):
        assert colour(host, QUICK.with_(**changes), tab).status == 200
        assert leftovers(host) == []
    require_untouched(host, untouched, tuple(PLAIN_JOBS))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("where", ["unet", "vae encode", "vae decode"])
@pytest.mark.usefixtures("faults_are_meant")
def test_a_failing_network_is_told_and_leaves_nothing(
    host: Host, untouched: Md5s, where: str, number: int,
) -> None:
    from tests.webui.jobs import QUICK, colour

    settings = QUICK.with_(steps=4, sketch_guidance=2.0)
    assert colour(host, settings).status == 200  # loads the checkpoint, so that its networks can be broken
    host.post("/probe/fault", {"where": where, "number": number})
    reply = colour(host, settings, n_iter=3)
    fired = host.get("/probe/fault").body["fired"]
    host.post("/probe/fault")
    if fired:
        assert reply.status == 500 and "injected fault" in reply.message, (reply.status, reply.message)
    else:
        assert where == "vae encode" and reply.status == 200
    require_untouched(host, untouched)


@pytest.mark.parametrize("tab", ["img2img", "txt2img"])
@pytest.mark.usefixtures("faults_are_meant")
def test_a_fault_at_any_call_of_the_extension_is_told_and_leaves_nothing(
    host: Host, untouched: Md5s, tab: str,
) -> None:
    """The first call of each function of ours that runs in a job fails once: an error, the right picture, or where it
    was finishing the model's own, and the reason in its text.
    """
    from tests.webui.jobs import QUICK, colour
    from tests.webui.undone import leftovers

    settings = QUICK.with_(sketch_guidance=2.0, line_overlay=0.5)
    expected = colour(host, settings, tab).md5
    host.post("/probe/fault", {"where": "call", "number": -1})
    assert colour(host, settings, tab).md5 == expected
    calls = host.get("/probe/fault").body["calls"]
    assert len(calls) > 20, calls
    wrong = []
    for number in sorted({calls.index(name) for name in calls}):
        host.post("/probe/fault", {"where": "call", "number": number + 1})
        reply = colour(host, settings, tab)
        fired = host.get("/probe/fault").body["fired"]
        told = reply.status == 200 and "Colorize not finished: probe: injected fault" in reply.infotext.replace('"', "")
        if fired and reply.status == 200 and reply.md5 != expected and not told:
            wrong.append(f"{calls[number]}: 200 with another picture")
        if reply.status != 200 and "injected fault" not in reply.message:
            wrong.append(f"{calls[number]}: {reply.status} {reply.message}")
        host.post("/probe/fault")
        wrong += [f"{calls[number]}: left {line}" for line in leftovers(host)]
    print(f"{host.kind} {tab}: {len(set(calls))} functions, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
    assert colour(host, settings, tab).md5 == expected
    require_untouched(host, untouched, tuple(PLAIN_JOBS))


def stopped(host: Host, how: str, **fields: Any) -> Reply:
    """A long coloured run, stopped after its first steps."""
    from tests.webui.jobs import QUICK, colour

    replies: list[Reply] = []
    settings = QUICK.with_(steps=150, width=128, height=128)
    thread = threading.Thread(target=lambda: replies.append(colour(host, settings, **fields)))
    thread.start()
    for _ in range(600):
        state = host.progress().body["state"]
        if state["sampling_step"] >= 2 and state["job_count"] > 0:
            break
        time.sleep(0.02)
    getattr(host, how)()
    thread.join(120)
    assert replies, "the run did not end"
    return replies[0]


@pytest.mark.parametrize("how", ["interrupt", "skip"])
def test_a_stopped_run_leaves_nothing(host: Host, untouched: Md5s, how: str) -> None:
    from tests.webui.jobs import QUICK, colour

    before = colour(host, QUICK).md5
    reply = stopped(host, how, n_iter=2)
    assert reply.status == 200, reply.message
    require_untouched(host, untouched)
    assert colour(host, QUICK).md5 == before


BAD: dict[str, dict[str, Any]] = {
    "no reference": {"reference": None}, "broken picture": {"reference": "aGVsbG8="}, "unknown name": {"referense": 1},
    "out of range": {"reference_guidance": -3}, "unknown extractor": {"extractor": "magic"},
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.usefixtures("faults_are_meant")
def test_bad_input_leaves_nothing(host: Host, untouched: Md5s, name: str) -> None:
    from tests.webui.jobs import QUICK, colour

    reply = colour(host, QUICK, arguments=BAD[name])
    assert reply.status in (422, 500) and reply.message
    require_untouched(host, untouched)
