"""A job in a program of twenty lines that is no WebUI: the engine's own picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoint_status import checkpoint_status
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.hosts.host_run import HostRun
from lib_colorize.hosts.job import start
from lib_colorize.hosts.lacking import CLIP, lacking_settings
from lib_colorize.hosts.pictures import picture_hash
from lib_colorize.hosts.request import parse
from lib_colorize.method.schedule import denoised
from lib_colorize.method.settings import Settings
from lib_colorize.models.catalogue import Folders
from lib_colorize.pictures.framing import Fit, Frame
from lib_colorize.pictures.images import to_image
from tests.webui.reply import difference


class Program:
    """All that a job asks of a program."""

    name = "a program of our own"
    chosen_path = lambda self: str(self.path)  # noqa: E731
    prediction = lambda self: "v"  # noqa: E731
    device = lambda self: torch.device("cpu")  # noqa: E731
    make_room = show_progress = lambda self, what: None
    picture_folders = lambda self: ()  # noqa: E731
    fetch_picture = lambda self: None  # noqa: E731
    option = lambda self, name, default: default  # noqa: E731

    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def loaded_file(self):
        return colorize_file(self.path)

    def folders(self):
        return Folders(self.folder)


def test_a_job_runs_in_a_program_that_is_no_webui(tiny_checkpoint, pictures, tmp_path):
    settings = Settings(steps=3, sampler="Euler", width=64, height=64, seed=5, sketch_guidance=2.0, line_overlay=0.5)
    engine = Engine.load(tiny_checkpoint, device="cpu")
    (expected,) = engine.colorize(pictures[0], pictures[1], settings)

    job = start(Program(tiny_checkpoint, tmp_path), parse([{
        "sketch": pictures[0], "reference": pictures[1], "sketch_guidance": 2.0, "line_overlay": 0.5}]))
    run = job.start_run(engine.unet, [Frame(64, 64, Fit.FILL)])

    def denoise(x, sigma):
        t = engine.schedule.t_of_sigma(sigma)
        guidance = run.guidance(run.progress(float(t[0])))
        with torch.no_grad(), run.applied() as attached:
            attached.progress = run.progress(float(t[0]))
            attached.branches = guidance.branches
            rows = len(guidance.branches)
            output = engine.unet((x / (1 + sigma**2).sqrt()).repeat(rows, 1, 1, 1), t.repeat(rows), None)
        return denoised(x, guidance.guide(dict(zip(guidance.branches, output.chunk(rows)))), sigma, engine.prediction)

    latent = engine.sample_seed(denoise, settings, (1, 4, 8, 8))
    assert difference(job.finish(to_image(engine.decode(latent)[0]), 0), expected.image) <= 1
    assert job.infotext()["Colorize sketch guidance"] == "2.0"


def test_the_sketch_of_a_pasted_text_is_compared_with_the_picture_that_stands_in(tiny_checkpoint, pictures, tmp_path):
    program = Program(tiny_checkpoint, tmp_path)
    wanted = picture_hash(pictures[0])

    def begun(own, **more):
        return start(program, parse([{"reference": pictures[1], "sketch_hash": wanted, **more}]), HostRun((own,)))

    assert begun(pictures[0]).infotext()["Colorize sketch hash"] == wanted
    assert begun(pictures[1], sketch=pictures[2]).sketches == (pictures[2],)
    with pytest.raises(ColorizeError, match="is not the sketch of the pasted text") as caught:
        begun(pictures[2])
    assert wanted in str(caught.value) and "put the sketch into the sketch box" in str(caught.value)
    with pytest.raises(ColorizeError, match="is not the sketch"):  # one of a batch
        start(program, parse([{"reference": pictures[1], "sketch_hash": wanted}]), HostRun((pictures[0], pictures[2])))


def test_what_a_checkpoint_can_do_nothing_with_is_told_by_its_kind(tiny_checkpoint, tmp_path):
    file = colorize_file(tiny_checkpoint)
    found = lacking_settings(file)
    assert found["style_enhance"] == "v2" and found["foreground_enhance"] == "v1.5, v2"
    assert found["text_target"] == CLIP and not {"background_enhance", "injection"} & set(found)
    assert "style_enhance" not in lacking_settings(replace(file, kind=Kind.V2))
    status = checkpoint_status(Program(tiny_checkpoint, tmp_path))
    assert status.lacks == found
