"""The Forge adapter around `ldm`'s real U-Net: the core's own arithmetic in any split of the batch; clones only."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch

from lib_colorize.checkpoint.read import read
from lib_colorize.engine import networks
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.hosts.job import start
from lib_colorize.hosts.request import parse
from lib_colorize.hosts.webui.shared.processing import host_run
from tests import a1111_fakes, forge_fakes
from tests.core_models import ldm_unet
from tests.test_hosts_a1111 import CASES, TIME, expected, noise


@pytest.fixture
def world(tiny_checkpoint, monkeypatch):
    file = colorize_file(tiny_checkpoint)
    unet = networks.load_network(lambda: ldm_unet(file.config.unet), read(tiny_checkpoint, ("unet",)).unet, "U-Net")
    patcher = forge_fakes.Patcher(forge_fakes.KModel(unet))
    model = SimpleNamespace(forge_objects=SimpleNamespace(unet=patcher), colorize_file=file, colorize_prediction="v",
                            sd_checkpoint_info=SimpleNamespace(filename=str(tiny_checkpoint)))
    modules = forge_fakes.install(monkeypatch, model)
    host = importlib.import_module("lib_colorize.hosts.webui.forge.adapter").Forge()
    return SimpleNamespace(host=host, model=model, unet=unet, file=file, patcher=patcher, modules=modules)


def prepared(world, pictures, settings, count=1, sketches=(0,)):
    """A job up to the hook before sampling, as the host goes; returns (job, p)."""
    p = a1111_fakes.Processing(world.model, count)
    p.init_images = [pictures[i] for i in sketches]
    job = start(world.host, parse([{"reference": pictures[1], **settings}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    world.host.colour(p, job, noise(count))
    return job, p


def run(world, pictures, settings, count=1, sketches=(0,), at_once=3):
    job, p = prepared(world, pictures, settings, count, sketches)
    with torch.inference_mode():
        out = forge_fakes.step(p.sd_model.forge_objects.unet, noise(count), torch.full((count,), TIME + 1),
                               torch.randn(count, 77, 32), 7.0, at_once)
    world.model.forge_objects.unet = world.patcher  # as the host resets it before every batch
    return job, out


@pytest.mark.parametrize("at_once", [3, 1])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_a_step_is_the_cores_own(world, pictures, name, count, at_once):
    job, out = run(world, pictures, CASES[name], count, at_once=at_once)
    torch.testing.assert_close(out, expected(world, job, CASES[name], noise(count), job.frames), atol=2e-5, rtol=1e-4)


def test_each_picture_of_a_batch_may_have_its_own_sketch(world, pictures):
    job, out = run(world, pictures, CASES["both"], 2, sketches=(0, 2), at_once=2)
    torch.testing.assert_close(out, expected(world, job, CASES["both"], noise(2), job.frames), atol=2e-5, rtol=1e-4)


def test_only_what_differs_is_asked_of_the_unet(world, pictures):
    rows = []
    handle = world.unet.input_blocks[0].register_forward_hook(lambda m, args, out: rows.append(len(out)))
    for settings in (CASES["no guidance"], CASES["reference guidance"], CASES["outside the window"], CASES["both"]):
        run(world, pictures, settings, 2)
    handle.remove()
    assert rows == [2, 4, 2, 6]


def test_the_original_patcher_and_the_network_stay_as_they_were(world, pictures):
    hooks = [[len(value) for key, value in sorted(vars(module).items()) if "hooks" in key] + ["forward" in vars(module)]
             for module in world.unet.modules()]
    _, p = prepared(world, pictures, CASES["both"])
    patched = p.sd_model.forge_objects.unet
    assert patched is not world.patcher and world.patcher.model_options == {"transformer_options": {}}
    again = patched.clone()  # other extensions clone ours: closures are shared, tensors are not copied
    assert again.model_options["conditioning_modifiers"] == patched.model_options["conditioning_modifiers"]
    for broken in (torch.zeros(1, 3, 8, 8), None):
        with pytest.raises((RuntimeError, AttributeError, TypeError)):
            forge_fakes.step(patched, broken, torch.full((1,), TIME + 1), torch.zeros(1, 77, 32), 7.0, 3)
    assert hooks == [[len(value) for key, value in sorted(vars(module).items()) if "hooks" in key]
                     + ["forward" in vars(module)] for module in world.unet.modules()]


def test_the_wrapper_of_another_extension_still_runs(world, pictures):
    seen = []

    def theirs(apply_model, args):
        seen.append(sorted(args["c"]))
        return apply_model(args["input"], args["timestep"], **args["c"])

    world.patcher.set_model_unet_function_wrapper(theirs)
    job, out = run(world, pictures, {})
    torch.testing.assert_close(out, expected(world, job, {}, noise(1), job.frames), atol=2e-5, rtol=1e-4)
    assert seen == [["c_crossattn", "transformer_options"]]


def test_a_call_of_another_extension_is_left_alone(world, pictures):
    _, p = prepared(world, pictures, {})
    wrapper, x = p.sd_model.forge_objects.unet.model_options["model_function_wrapper"], noise(1)
    args = {"input": x, "timestep": torch.tensor([TIME + 1]),
            "c": {"c_crossattn": torch.randn(1, 7, world.file.config.unet.context_dim), "transformer_options": {}}}
    with torch.inference_mode():
        out = wrapper(world.patcher.model.apply_model, args)
        assert torch.equal(out, world.unet(x, torch.tensor([TIME]), context=args["c"]["c_crossattn"]))


def test_a_run_in_which_the_unet_is_never_called_is_an_error(world, pictures):
    _, p = prepared(world, pictures, {})
    p.sampler._run = lambda p, x, cond, uncond: x
    with pytest.raises(ColorizeError, match="never ran"):
        p.sampler.sample_img2img(p, noise(1), noise(1), None, None)


def test_tensors_are_let_go_when_the_job_is_done(world, pictures):
    job, _ = prepared(world, pictures, {})
    job.forget_tensors()
    assert not job._conditionings and job.run._attachment._attentions == job.run._attachment._hooks == []


def test_after_a_failed_load_the_previous_model_is_loaded_again(world):
    data = world.modules["modules.sd_models"].model_data
    data.forge_hash = "of the previous checkpoint"
    p = a1111_fakes.Processing(world.model)
    world.host.before_load(p, False)
    assert data.forge_hash == "of the previous checkpoint"
    data.sd_model = None
    world.host.before_load(p, False)
    assert data.forge_hash == ""
