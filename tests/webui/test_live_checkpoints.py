"""Loading: A to B to A, at first boot, broken and foreign files; a failed load leaves a host that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lib_colorize.method.settings import Settings
from tests.webui.checkpoints import FOREIGN, PLAIN, TINY, TINY_EPS, TRUNCATED
from tests.webui.reply import difference, spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.webui.host import Host
    from tests.webui.reply import Reply

JOB = Settings(steps=2, sampler="Euler", scheduler="Karras", width=64, height=64, seed=13, sketch_guidance=2.0)
SMALL = "colorize-small"


def test_the_shipped_checkpoint_is_on_the_list_by_itself(host: Host) -> None:
    assert SMALL in host.checkpoints()


@pytest.mark.parametrize("name", [TINY, TINY_EPS])
def test_a_checkpoint_of_another_size_gives_the_engines_picture(
    host: Host, files: dict[str, Path], name: str,
) -> None:
    """The prediction type is right too: eps and v of the same weights are different pictures."""
    from tests.webui.jobs import colour, standalone

    reply = colour(host, JOB, model=name)
    assert reply.status == 200, reply.message
    assert difference(reply.image, standalone(JOB, files[name])[0]) <= 2
    assert host.get("/probe/state").body["checkpoint"] == name


def test_there_and_back_gives_the_same_pictures(host: Host) -> None:
    from tests.webui.jobs import colour
    from tests.webui.undone import leftovers

    order = (SMALL, TINY, SMALL, PLAIN, TINY_EPS, TINY, SMALL, TINY_EPS, PLAIN, SMALL, TINY)
    seen: dict[str, str] = {}
    for name in order:
        if name == PLAIN:
            from tests.webui.undone import run_plain

            found = run_plain(host, "txt2img").md5
        else:
            reply = colour(host, JOB, model=name)
            assert reply.status == 200, (name, reply.message)
            found = reply.md5
        assert seen.setdefault(name, found) == found, name
        assert leftovers(host) == []
    assert len(set(seen.values())) == len(set(order))


@pytest.mark.parametrize("before", [SMALL, PLAIN])
def test_a_checkpoint_that_is_not_there_is_refused_and_never_another_taken(host: Host, before: str) -> None:
    """By itself the host takes the loaded one, with status 200."""
    from tests.webui.jobs import colour
    from tests.webui.undone import run_plain

    assert (colour(host, JOB, model=SMALL) if before == SMALL else run_plain(host, "txt2img")).status == 200
    for tab in ("img2img", "txt2img"):
        reply = colour(host, JOB, tab, model="no-such-checkpoint")
        assert reply.status == 422, reply.message
        assert "no-such-checkpoint, which is not on this WebUI's list" in reply.message
    assert colour(host, JOB, model=SMALL).status == 200


@pytest.mark.parametrize("before", [SMALL, PLAIN])
@pytest.mark.parametrize("name", [FOREIGN, TRUNCATED])
@pytest.mark.usefixtures("faults_are_meant")
def test_a_file_that_cannot_be_loaded_is_told_and_the_host_goes_on(
    host: Host, untouched: dict[str, str], name: str, before: str,
) -> None:
    from tests.webui.jobs import colour
    from tests.webui.undone import leftovers, run_plain

    def usual() -> Reply:
        return colour(host, JOB) if before == SMALL else run_plain(host, "txt2img")

    earlier = usual().md5
    for _ in range(2):
        reply = colour(host, JOB, model=name)
        assert reply.status in (422, 500) and reply.message, (reply.status, reply.message)
        assert leftovers(host) == []
        again = usual()
        assert again.status == 200, again.message
        assert again.md5 == earlier
    assert run_plain(host, "txt2img").md5 == untouched["txt2img"]
    assert colour(host, JOB).status == 200


@pytest.mark.parametrize("name", [SMALL, TINY])
@pytest.mark.usefixtures("faults_are_meant")
def test_without_us_a_colorize_checkpoint_gives_a_sane_picture_or_an_error(host: Host, name: str) -> None:
    from tests.webui.jobs import plain

    for tab in ("txt2img", "img2img"):
        from tests.webui.jobs import reference
        from tests.webui.reply import encode

        extra = {"init_images": [encode(reference())]} if tab == "img2img" else {}
        reply = plain(host, name, tab, **extra)
        assert reply.status != 200 or spread(reply.image) > 1
        assert reply.status == 200 or "Traceback" not in reply.message


def test_the_options_route_switches_too(host: Host) -> None:
    from tests.webui.jobs import body, colour

    assert host.options(sd_model_checkpoint=TINY).status == 200
    request = body(JOB)
    del request["override_settings"], request["override_settings_restore_afterwards"]
    assert host.img2img(**request).md5 == colour(host, JOB, model=TINY).md5
    assert host.options(sd_model_checkpoint=SMALL).status == 200
    assert host.img2img(**request).md5 == colour(host, JOB).md5


@pytest.mark.parametrize("name", [FOREIGN, TRUNCATED])
@pytest.mark.usefixtures("faults_are_meant")
def test_a_choice_that_does_not_load_stops_every_run_until_another_is_made(host: Host, name: str) -> None:
    """The options route answers 200, and A1111 goes back to the checkpoint before without a word."""
    from tests.webui.jobs import body, colour

    request = body(JOB)
    del request["override_settings"], request["override_settings_restore_afterwards"]
    assert host.options(sd_model_checkpoint=SMALL).status == 200
    expected = host.img2img(**request).md5
    host.options(sd_model_checkpoint=name)
    for _ in range(2):
        reply = host.img2img(**request)
        assert reply.status == 422 and name in reply.message, (reply.status, reply.message)
    assert host.options(sd_model_checkpoint=SMALL).status == 200
    assert host.img2img(**request).md5 == expected == colour(host, JOB).md5


def test_one_is_loaded_at_first_boot(kind: str, files: dict[str, Path]) -> None:
    """A fresh WebUI with no checkpoint but the shipped one, and one that had a colorize checkpoint chosen before."""
    from tests.webui.host import Host
    from tests.webui.jobs import body

    for options, links in (({}, []), ({"sd_model_checkpoint": TINY}, [files[PLAIN], files[TINY]])):
        with Host.start(kind, files=links, options=options) as fresh:
            request = body(JOB)
            del request["override_settings"], request["override_settings_restore_afterwards"]
            reply = fresh.img2img(**request)
            assert reply.status == 200, (reply.message, fresh.log_tail(30))
            loaded = fresh.get("/probe/state").body["checkpoint"]
            assert loaded == (TINY if links else SMALL)


def test_nothing_is_downloaded(host: Host) -> None:
    """Runs last by name only; whatever ran before, the host's own folders hold no file that was not linked there."""
    files = [path for path in (host.folder / "models").rglob("*") if path.is_file() and not path.is_symlink()]
    large = [path for path in files if path.stat().st_size > 100_000]
    assert large == []
