"""Scripts that paint a picture in parts: each part is shown its own part of the sketch, or the run is refused."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.request import parse
from lib_colorize.hosts.settings import StartFrom
from lib_colorize.hosts.webui.shared.processing import frames_of, host_run
from lib_colorize.hosts.webui.shared.tiles import PARTS, RUNNING, painted_in_parts, shows_the_same
from lib_colorize.pictures.images import line_drawing
from tests import a1111_fakes
from tests.script_fakes import script
from tests.test_hosts_hooks import hooks  # noqa: F401 - a fixture

WHOLE = Image.new("RGB", (96, 96), "white")
ImageDraw.Draw(WHOLE).ellipse((8, 4, 36, 90), fill="teal", outline="black", width=4)  # the right is blank


@pytest.fixture
def modules(monkeypatch):
    """The host's own modules, watched."""
    found = a1111_fakes.install(monkeypatch, SimpleNamespace())
    watching = importlib.import_module("lib_colorize.hosts.webui.shared.script_runs")
    undo = watching.watch_scripts()
    yield found
    for each in undo:
        each()


def processing(picture=WHOLE):
    p = a1111_fakes.Processing(None)
    p.init_images = [picture]
    return p


def sd_upscale(modules, seen, batch=1):
    """As the host's own script: twice the size, tiles of 64, some of them in one call."""
    def run(p):
        grid = modules["images"].split_grid(p.init_images[0].resize((192, 192)), 64, 64)
        work = [tile for _, _, row in grid.tiles for _, _, tile in row]
        for i in range(0, len(work), batch):
            p.init_images = work[i:i + batch]
            seen(p)

    return script("SD upscale", run)


def masked_upscale(seen, size=(192, 128)):
    """As Ultimate SD Upscale: the whole, stretched, with the mask of a part; each result is the next one's picture."""
    def run(p):
        image = p.init_images[0].resize(size)
        for left in (0, 96):
            p.inpaint_full_res, p.image_mask, p.init_images = True, Image.new("L", size), [image]
            p.image_mask.paste(255, (left, 0, left + 96, 96))
            p.paste_to = (left, 0, 96, 96)
            seen(p)
            image = image.copy()
            RUNNING.get().results = (image,)

    return script("Ultimate SD upscale", run)


def run_script(modules, made, p=None):
    p = p or processing()
    modules["scripts"].ScriptRunner(made).run(p, 1)
    return p


def test_each_tile_is_shown_its_own_part_of_the_sketch(modules, pictures):
    """The 9 tiles' drawings, laid side by side, are the drawing of the whole."""
    found, settings = [], parse([{"sketch": WHOLE, "reference_strength": 0.0}]).settings
    lines = line_drawing(WHOLE.resize((192, 192)), settings)

    def seen(p):
        assert painted_in_parts(p, True) == "SD upscale"
        job = SimpleNamespace(placements=())
        for frame in frames_of(p, job, torch.zeros(1, 4, 8, 8)):
            found.append(frame.place(lines))

    run_script(modules, sd_upscale(modules, seen, batch=2))
    assert len(found) == 9
    rows = [torch.cat(found[i:i + 3], dim=-1) for i in (0, 3, 6)]
    torch.testing.assert_close(torch.cat(rows, dim=-2), lines)


def test_a_blank_tile_is_all_paper_and_no_refusal(modules, pictures):
    """Without a sketch box: the lines of the script's own whole picture, drawn by the extractor."""
    blank = []

    def seen(p):
        painted_in_parts(p, False)
        request = parse([{"reference_strength": 0.0, "extractor": "lineart", "start": "keep base"}])
        run = host_run(p)
        assert run.pictures == (WHOLE,) and run.fixed_size
        drawn = line_drawing(WHOLE, request.settings)
        (frame,) = frames_of(p, SimpleNamespace(placements=()), torch.zeros(1, 4, 8, 8))
        blank.append(bool((frame.place(drawn) < -0.9).all()))

    run_script(modules, sd_upscale(modules, seen))
    assert blank[2] and blank[5] and not blank[0]


def test_a_masked_part_of_the_stretched_whole_is_known_by_its_mask(modules, pictures):
    frames = []

    def seen(p):
        assert painted_in_parts(p, True) == "Ultimate SD upscale" and PARTS not in vars(p)
        frames.extend(frames_of(p, SimpleNamespace(placements=()), torch.zeros(1, 4, 8, 8)))

    run_script(modules, masked_upscale(seen))
    assert [frame.region for frame in frames] == [(0, 0, 96, 96), (96, 0, 192, 96)]
    assert {frame.of for frame in frames} == {(192, 128)}


def quadrants(p, seen):
    for left, top in ((0, 0), (48, 48)):
        p.init_images = [WHOLE.crop((left, top, left + 48, top + 48))]
        seen(p)


def outpainted(p, seen):
    wide = Image.effect_noise((192, 96), 80).convert("RGB")
    wide.paste(WHOLE, (48, 0))
    p.init_images, p.image_mask, p.inpaint_full_res = [wide], Image.new("L", (192, 96), 255), False
    seen(p)


@pytest.mark.parametrize("run", [quadrants, outpainted])
def test_what_cannot_be_placed_is_refused_by_the_scripts_name(modules, run):
    def seen(p):
        assert painted_in_parts(p, False) == ""  # without a sketch of its own each picture is its own sketch
        with pytest.raises(ColorizeError, match="the script Mine changes") as caught:
            painted_in_parts(p, True)
        assert "\n" not in str(caught.value)

    run_script(modules, script("Mine", lambda p: run(p, seen)))


def test_what_repeats_the_whole_is_none_of_it(modules):
    def loopback(p):
        for _ in range(2):
            assert painted_in_parts(p, True) == ""
            p.init_images = [Image.new("RGB", (96, 96), "red")]
            RUNNING.get().results = tuple(p.init_images)

    run_script(modules, script("Loopback", loopback))
    assert painted_in_parts(processing(), True) == "" and RUNNING.get() is None


def test_an_inpaint_of_the_masked_part_under_a_script_keeps_its_start(modules):
    p = processing()
    p.inpaint_full_res, p.image_mask, p.paste_to = True, Image.new("L", (96, 96), 255), (0, 0, 96, 96)
    run_script(modules, script("X/Y/Z plot", lambda p: painted_in_parts(p, True) == "" or pytest.fail()), p)


def test_a_script_that_fails_leaves_nothing_behind(modules):
    with pytest.raises(ZeroDivisionError):
        run_script(modules, script("Broken", lambda p: 1 / 0))
    assert RUNNING.get() is None


def test_pictures_of_any_size_and_colour_are_compared_by_what_they_show():
    assert shows_the_same(WHOLE, WHOLE.resize((300, 150)).convert("RGBA"))
    assert not shows_the_same(WHOLE, WHOLE.crop((0, 0, 48, 48)))
    assert shows_the_same(Image.new("L", (20, 10)), Image.new("RGB", (200, 100), "white"))
    assert not shows_the_same(Image.new("L", (20, 10)), Image.new("L", (10, 10)))
    assert not shows_the_same(WHOLE, Image.new("RGB", (48, 48), "white"))  # a blank part of it


# Through the hooks


def test_a_script_that_paints_in_parts_starts_from_the_picture_and_says_so(hooks, modules, pictures):  # noqa: F811
    jobs, args = [], [{"reference": pictures[1], "sketch": pictures[0], "size_from_sketch": True}]

    def seen(p):
        hooks.process(p, args)
        jobs.append(vars(p)[hooks.JOB])

    p = run_script(modules, sd_upscale(modules, seen))
    assert {job.settings.start for job in jobs} == {StartFrom.BASE} and not any(job.placements for job in jobs)
    assert "SD upscale paints in parts" in hooks.host().said[0] and hooks.host().stopped == []
    assert p.extra_generation_params["Colorize start"] == "keep base"


def test_without_a_sketch_it_is_refused_with_the_remedy(hooks, modules, pictures):  # noqa: F811
    run_script(modules, sd_upscale(modules, lambda p: hooks.process(p, [{"reference": pictures[1]}])))
    assert "put the coloured picture into img2img and its sketch" in str(hooks.host().stopped[0])


def test_a_script_that_samples_by_itself_is_named(hooks, modules, pictures):  # noqa: F811
    picture = SimpleNamespace(image=Image.new("RGB", (64, 64)))

    def run(p):
        hooks.process(p, [{"reference": pictures[1]}])
        hooks.postprocess_image(p, picture, ())

    run_script(modules, script("Somebody's own", run))
    with pytest.raises(ColorizeError, match="the script Somebody's own samples in a way of its own"):
        picture.image.save("x")


def test_a_script_that_is_known_to_sample_by_itself_is_refused_before(hooks, modules, pictures):  # noqa: F811
    run_script(modules, script("img2img alternative test", lambda p: hooks.process(p, [{"reference": pictures[1]}])))
    (error,) = hooks.host().stopped
    assert "the script img2img alternative test samples in a way of its own" in str(error)
    hooks.host().stopped.clear()
    run_script(modules, script("img2img alternative test", lambda p: hooks.process(p, [{"enabled": False}])))
    assert hooks.host().stopped == []


def test_transparent_parts_are_refused_as_the_script_joins_them_without(hooks, modules, pictures):  # noqa: F811
    args = [{"reference": pictures[1], "sketch": pictures[0], "backdrop": "transparent"}]
    run_script(modules, sd_upscale(modules, lambda p: hooks.process(p, args)))
    assert "paints in parts puts them together without transparency" in str(hooks.host().stopped[0])
