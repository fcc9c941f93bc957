"""The A1111 adapter around `ldm`'s real U-Net: the core's own arithmetic, in any batching; undone; loud."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from lib_colorize.checkpoint.read import read
from lib_colorize.engine import networks
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.hosts.job import start
from lib_colorize.hosts.request import parse
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.sizes import placement_of
from lib_colorize.hosts.webui.shared.processing import frames_of, host_run
from lib_colorize.method.attach import attach
from lib_colorize.method.conditioning import Conditioning
from lib_colorize.method.guidance import Guidance
from lib_colorize.pictures.framing import Fit, Frame
from tests import a1111_fakes
from tests.core_models import ldm_unet

TIME = 500.0


@pytest.fixture
def world(tiny_checkpoint, monkeypatch):
    """A host with the tiny checkpoint loaded, and the adapter in it."""
    file = colorize_file(tiny_checkpoint)
    unet = networks.load_network(lambda: ldm_unet(file.config.unet), read(tiny_checkpoint, ("unet",)).unet, "U-Net")
    model = SimpleNamespace(model=a1111_fakes.Wrapper(unet), colorize_file=file, colorize_prediction="v",
                            colorize_noted=str(tiny_checkpoint),
                            sd_checkpoint_info=SimpleNamespace(filename=str(tiny_checkpoint)))
    modules = a1111_fakes.install(monkeypatch, model)
    host = importlib.import_module("lib_colorize.hosts.webui.a1111.adapter").A1111()
    host.install()
    return SimpleNamespace(host=host, model=model, unet=unet, file=file, modules=modules)


def run(world, pictures, settings, count=1, sketches=(0,), x=None, tokens=True, **sampler):
    """One generation through the adapter, as the host goes through it; returns (job, result, p)."""
    p = a1111_fakes.Processing(world.model, count, **sampler)
    p.init_images = [pictures[i] for i in sketches]
    request = parse([{"reference": pictures[1] if tokens else None, **settings}])
    job = start(world.host, request, host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.setup_conds()
    x = noise(count) if x is None else x
    world.host.colour(p, job, x)
    return job, p.sampler.sample_img2img(p, torch.zeros_like(x), x, p.c, p.uc), p


def noise(count):
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(count))


def expected(world, job, settings, x, frames):
    """The same step by the core alone, every branch of every picture in a call of its own."""
    settings = JobSettings.from_values(settings)
    shown = job.conditioning(frames)
    progress = 1 - TIME / 999
    acts = job.tokens is not None and settings.uses_reference_at(progress)
    guidance = Guidance.of(settings, acts)
    rows = []
    for i in range(len(x)):
        hints, blank = ([h[i % len(h):i % len(h) + 1] for h in levels]
                        for levels in (shown.hints, shown.blank_hints or ()))
        one = Conditioning(shown.tokens, tuple(hints), tuple(blank) or None)
        predictions = {}
        with torch.no_grad(), attach(world.unet, one, settings) as attached:
            attached.progress = progress
            for branch in guidance.branches:
                attached.branches = (branch,)
                predictions[branch] = world.unet(x[i:i + 1], torch.tensor([TIME]))
        rows.append(guidance.guide(predictions))
    return torch.cat(rows)


CASES = {
    "reference guidance": {}, "no guidance": {"reference_guidance": 1.0},
    "sketch guidance": {"reference_guidance": 1.0, "sketch_guidance": 3.0},
    "both": {"reference_guidance": 4.0, "sketch_guidance": 2.0},
    "both, outside the window": {"reference_guidance": 4.0, "sketch_guidance": 2.0, "guidance_end": 0.2},
    "outside the window": {"guidance_start": 0.9},
    "16 blocks": {"block_strengths": [0.1 * i for i in range(16)], "sketch_strength": 0.5},
}


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_what_others_see_of_our_conditions_is_the_tokens_or_zeros(world, pictures, name, count, batched):
    """Whoever stands in the place of the U-Net's forward (ControlNet does) sees [N, D] and nothing of us."""
    seen, original = [], world.unet.forward

    def forward(x, timesteps=None, context=None, **rest):
        seen.extend(context)
        return original(x, timesteps, context, **rest)

    world.unet.forward = forward
    job, _, _ = run(world, pictures, CASES[name], count, batched=batched)
    tokens = job.tokens[0]
    assert {tuple(row.shape) for row in seen} == {tuple(tokens.shape)}
    assert all(torch.equal(row, tokens) or not row.any() for row in seen)
    without = sum(not row.any() for row in seen)
    assert without == (count if job.settings.reference_guidance > 1 else 0)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_a_step_is_the_cores_own(world, pictures, name, count, batched):
    job, out, _ = run(world, pictures, CASES[name], count, batched=batched)
    torch.testing.assert_close(out, expected(world, job, CASES[name], noise(count), job.frames), atol=2e-5, rtol=1e-4)


def test_each_picture_of_a_batch_may_have_its_own_sketch(world, pictures):
    settings = CASES["both"]
    job, out, _ = run(world, pictures, settings, 2, sketches=(0, 2))
    torch.testing.assert_close(out, expected(world, job, settings, noise(2), job.frames), atol=2e-5, rtol=1e-4)
    _, same, _ = run(world, pictures, settings, 2, sketches=(0, 0))
    assert (out - same)[0].abs().max() < 2e-5 and (out - same)[1].abs().max() > 1e-3


@pytest.mark.parametrize("batched", [True, False])
def test_a_step_without_unconditionals_is_the_picture_without_guidance(world, pictures, batched):
    """The host leaves them out where it is told to (negative guidance minimum sigma)."""
    _, out, _ = run(world, pictures, CASES["both"], 2, sketches=(0, 2), skip_uncond=True, batched=batched)
    _, usual, _ = run(world, pictures, CASES["no guidance"], 2, sketches=(0, 2))
    torch.testing.assert_close(out, usual, atol=2e-5, rtol=1e-4)


def test_a_mark_of_somebody_else_before_the_context_is_let_through(world, pictures):
    """ControlNet tells conditions from unconditionals by a token that it takes off again in its own forward."""
    def theirs(built):
        for name in ("text_cond", "text_uncond"):
            context = getattr(built, name)
            setattr(built, name, torch.cat([torch.ones_like(context[:, :1]), context], 1))

    a1111_fakes.batch_callbacks.append(theirs)
    _, out, _ = run(world, pictures, CASES["both"], 2)
    a1111_fakes.batch_callbacks.remove(theirs)
    torch.testing.assert_close(out, run(world, pictures, CASES["both"], 2)[1], atol=2e-5, rtol=1e-4)


def test_an_error_while_rows_are_marked_is_told_as_it_is(world, pictures, monkeypatch):
    """The host prints what its callbacks raise, and goes on."""
    def fails(*given):
        raise RuntimeError("while marking")

    monkeypatch.setattr("lib_colorize.hosts.webui.a1111.rows.write_marks", fails)
    with pytest.raises(RuntimeError, match="while marking"):
        run(world, pictures, CASES["both"])


@pytest.mark.parametrize("change, named", [
    (lambda built: vars(built).update(image_cond=torch.zeros_like(built.image_cond)), "did not make"),
    (lambda built: vars(built).update(image_cond=built.image_cond[:, :2]), "did not make"),
    (lambda built: vars(built).update(text_cond=torch.randn_like(built.text_cond)), "not ours"),
    (lambda built: vars(built).update(text_uncond=built.text_cond[:1].clone()), "not ours"),
])
def test_rows_that_cannot_be_told_stop_the_run(world, pictures, change, named):
    a1111_fakes.batch_callbacks.append(change)
    with pytest.raises(ColorizeError, match=named):
        run(world, pictures, {})


def test_a_call_of_the_unet_that_the_sampler_did_not_make_stops_the_run(world, pictures):
    original = world.model.model.forward
    world.model.model.forward = lambda x, t, **rest: (original(x, t, **rest), original(x, t, **rest))[0]
    with pytest.raises(ColorizeError, match="did not make"):
        run(world, pictures, {})


def test_rows_that_show_the_same_are_computed_once(world, pictures):
    rows = []
    handle = world.unet.input_blocks[0].register_forward_hook(lambda m, args, out: rows.append(len(out)))
    for settings in (CASES["no guidance"], CASES["reference guidance"], CASES["outside the window"], CASES["both"]):
        run(world, pictures, settings, 2)
    handle.remove()
    assert rows == [2, 4, 2, 6]


def test_who_replaces_the_forward_of_the_unet_sees_every_row(world, pictures):
    seen, original = [], world.unet.forward

    def forward(x, *args, **kwargs):
        seen.append(len(x))
        return original(x, *args, **kwargs)

    world.unet.forward = forward
    _, out, _ = run(world, pictures, CASES["no guidance"], 2)
    del world.unet.forward
    torch.testing.assert_close(out, run(world, pictures, CASES["no guidance"], 2)[1], atol=2e-5, rtol=1e-4)
    assert seen == [4]


def test_a_sampler_that_scales_the_guidance_scales_ours(world, pictures):
    """CFG++ takes a share of the scale; the host's own formula with it is mean + share * scale * (full - mean)."""
    _, whole, _ = run(world, pictures, {"reference_guidance": 5.0})
    _, full, _ = run(world, pictures, {"reference_guidance": 1.0})
    mean = full - (whole - full) / 4  # whole = mean + 5 (full - mean)
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.sampler.scale = 1 / 12.5
    p.setup_conds()
    world.host.colour(p, job, noise(1))
    out = p.sampler.sample_img2img(p, torch.zeros(1, 4, 8, 8), noise(1), p.c, p.uc)
    torch.testing.assert_close(out, mean + 5 / 12.5 * (full - mean), atol=1e-4, rtol=1e-3)


# Where sampling starts


def test_noise_alone_starts_the_run_at_any_denoising_strength(world, pictures):
    _, _, p = run(world, pictures, {})
    assert p.sampler.calls == ["sample"] and p.sampler.model_wrap_cfg.init_latent is not None


def test_keep_base_takes_the_hosts_own_way(world, pictures):
    _, _, p = run(world, pictures, {"start": "keep base", "sketch": pictures[2]})
    assert p.sampler.calls == ["sample_img2img"]


def test_the_hires_pass_is_never_from_noise(world, pictures):
    p = a1111_fakes.Processing(world.model, img2img=False)
    job = start(world.host, parse([{"reference": pictures[1], "sketch": pictures[0]}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.setup_conds()
    p.is_hr_pass, p.hr_upscale_to_x, p.hr_upscale_to_y, p.truncate_x, p.truncate_y = True, 128, 160, 0, 4
    p.denoising_strength = 0.4
    x = torch.zeros(1, 4, 16, 16)
    world.host.colour(p, job, x)
    p.sampler.sample_img2img(p, x, x, p.hr_c, p.hr_uc)
    assert p.sampler.calls == ["sample_img2img"]
    assert job.frames == (Frame(128, 160, Fit.FILL, cut=(0, 16, 128, 144)),)


def test_an_empty_picture_of_the_page_is_replaced_by_the_sketch_until_the_job_is_over(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [None]
    job = start(world.host, parse([{"reference": pictures[1], "sketch": pictures[0]}]), host_run(p))
    world.host.prepare(p, job)
    assert p.init_images[0].size == (64, 64)
    world.host.release(p)
    assert p.init_images == [None]
    with pytest.raises(ColorizeError, match="keep base"):
        start(world.host, parse([{"reference": pictures[1], "sketch": pictures[0], "start": "keep base"}]), host_run(p))


def test_a_picture_of_a_few_pixels_is_one_sentence(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images, p.width, p.height = [pictures[0]], 8, 64
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    with pytest.raises(ColorizeError, match="8x64 pixels is too small, expected at least 16 a side"):
        world.host.prepare(p, job)


def test_who_changes_the_size_inside_the_unet_is_named(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.setup_conds()
    world.host.colour(p, job, noise(1))
    smaller = torch.zeros(1, 4, 4, 4)
    with pytest.raises(ColorizeError, match="another extension makes the U-Net work at another size") as caught:
        p.sampler.sample_img2img(p, smaller, smaller, p.c, p.uc)
    assert "switch it off" in str(caught.value) and "own encoder" not in str(caught.value)
    assert vars(caught.value)["status_code"] == 422


def test_hires_fix_of_a_cut_picture_of_the_gallery_begins_on_the_whole_canvas(world, pictures):
    p = a1111_fakes.Processing(world.model, img2img=False)
    request = parse([{"reference": pictures[1], "sketch": pictures[0].resize((200, 150)), "size_from_sketch": True}])
    job = start(world.host, request, host_run(p))
    (place,) = job.placements
    p.firstpass_image = cut = Image.new("RGB", (place.width, place.height), "red")
    world.host.prepare(p, job)
    assert p.firstpass_image.size == (p.width, p.height) == (place.canvas_width, place.canvas_height) != cut.size
    world.host.release(p)
    assert p.firstpass_image is cut


def test_hires_fix_of_a_figure_that_was_cut_out_begins_on_white(world, pictures):
    p = a1111_fakes.Processing(world.model, img2img=False)
    p.firstpass_image = cut = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    world.host.prepare(p, start(world.host, parse([{"reference": pictures[1], "sketch": pictures[0]}]), host_run(p)))
    assert p.firstpass_image.mode == "RGB" and p.firstpass_image.getextrema() == ((255, 255),) * 3
    world.host.release(p)
    assert p.firstpass_image is cut


# Undone


def everything(world, p):
    hooks = [[len(value) for key, value in sorted(vars(module).items()) if "hooks" in key] + ["forward" in vars(module)]
             for module in world.unet.modules()]
    return hooks, sorted(vars(p.sampler)), sorted(vars(p.sampler.model_wrap_cfg)), p.cfg_scale


@pytest.mark.parametrize("error", [
    None, RuntimeError("in the sampler"), a1111_fakes.Interrupted(), KeyboardInterrupt()])
def test_nothing_is_left_after_a_run_however_it_ends(world, pictures, error):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    p.init()
    before = everything(world, p)
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    world.host.prepare(p, job)
    p.setup_conds()
    p.sampler.fail = error
    world.host.colour(p, job, noise(1))
    if error is None:
        p.sampler.sample(p, noise(1), p.c, p.uc)
    else:
        with pytest.raises(type(error)):
            p.sampler.sample(p, noise(1), p.c, p.uc)
    p.sampler.fail = None
    assert everything(world, p) == before
    world.host.release(p)
    with pytest.raises(AssertionError, match="text encoder"):
        p.setup_conds()


def test_a_second_iteration_wraps_the_sampler_once(world, pictures):
    job, first, p = run(world, pictures, {})
    world.host.colour(p, job, noise(1))
    world.host.colour(p, job, noise(1))  # never run; the next takes its place
    again = p.sampler.sample_img2img(p, torch.zeros(1, 4, 8, 8), noise(1), p.c, p.uc)
    assert torch.equal(first, again) and "sample" not in vars(p.sampler)


def test_sizes_come_back_when_the_object_is_used_again(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0].resize((96, 48))]
    p.initial_noise_multiplier = 0.5
    job = start(world.host, parse([{"reference": pictures[1], "size_from_sketch": True}]), host_run(p))
    world.host.prepare(p, job)
    assert (p.width, p.height) == (job.placements[0].canvas_width, job.placements[0].canvas_height) != (64, 64)
    assert p.initial_noise_multiplier == 1.0
    world.host.release(p)
    assert (p.width, p.height, p.initial_noise_multiplier) == (64, 64, 0.5)


# Loud


def test_a_stop_is_raised_by_the_host_itself(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init()
    world.host.stop(p, ColorizeError("no reference"))
    for go_on in (lambda: p.init([], [], []), lambda: p.sampler.sample(p, 1, 2, 3),
                  lambda: p.sampler.sample_img2img(p, 1, 2, 3, 4)):
        with pytest.raises(ColorizeError, match="no reference") as caught:
            go_on()
    assert vars(caught.value)["status_code"] == 422  # what the host's API answers with
    world.host.release(p)
    p.init()  # the host's own again


def test_a_run_in_which_the_unet_is_never_called_is_an_error(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.sampler.model_wrap_cfg.forward = lambda x, *args: x
    world.host.colour(p, job, noise(1))
    with pytest.raises(ColorizeError, match="never ran"):
        p.sampler.sample(p, noise(1), None, None)


def test_an_interrupt_before_the_first_step_is_none(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    world.host.prepare(p, job)
    p.init()
    p.sampler.model_wrap_cfg.forward = lambda x, *args: x
    world.modules["shared"].state.interrupted = True
    world.host.colour(p, job, noise(1))
    assert torch.equal(p.sampler.sample(p, noise(1), None, None), noise(1))


@pytest.mark.parametrize("change, named", [
    (lambda w, p: setattr(w.model, "colorize_file", None), "no ColorizeDiffusion checkpoint"),
    (lambda w, p: setattr(w.model, "colorize_prediction", ""), "eps or v"),
    (lambda w, p: p.init_images.clear(), "no sketch"),
    (lambda w, p: p.init_images.__setitem__(0, Image.new("RGB", (64, 64), "white")), "no lines"),
])
def test_what_cannot_be_coloured_is_refused_by_name(world, pictures, change, named):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    change(world, p)
    with pytest.raises(ColorizeError, match=named):
        job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
        job.conditioning((Frame(64, 64),))


@pytest.mark.parametrize("change, named", [
    (lambda w, p: setattr(w.host._loading, "failure", "x could not be loaded: y"), "choose a checkpoint that loads"),
    (lambda w, p: setattr(w.modules["sd_unet"], "get_unet_option", lambda: "TensorRT"), "SD Unet"),
    (lambda w, p: vars(p).update(refiner_checkpoint="sd_xl_refiner", refiner_switch_at=0.8), "refiner"),
    (lambda w, p: vars(p).update(enable_hr=True, hr_checkpoint_name="other"), "hires checkpoint"),
    (lambda w, p: None, ""),
])
def test_what_would_take_the_models_place_is_refused_by_name(world, pictures, change, named):
    p = a1111_fakes.Processing(world.model)
    change(world, p)
    found = world.host.refusal(p)
    assert named in found and bool(found) == bool(named)


@pytest.mark.parametrize("settings, named", [
    ({}, "no reference picture"), ({"start": "keep base", "reference": "x"}, "neither base64"),
    ({"start": "keep base", "reference_strength": 0.0}, "keep base"),
])
def test_a_missing_picture_is_named(world, pictures, settings, named):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    with pytest.raises(ColorizeError, match=named):
        start(world.host, parse([settings]), host_run(p))


# Where the sketch lies


def test_only_masked_crops_the_sketch_like_the_picture(world, pictures):
    p = a1111_fakes.Processing(world.model)
    p.init_images = [pictures[0]]
    job = start(world.host, parse([{"reference": pictures[1]}]), host_run(p))
    p.image_mask, p.inpaint_full_res, p.paste_to = Image.new("L", (64, 64)), True, (8, 16, 32, 32)
    assert frames_of(p, job, noise(1)) == (Frame(64, 64, Fit.STRETCH, region=(8, 16, 40, 48), of=(64, 64)),)
    p.inpaint_full_res, p.resize_mode = False, 2
    assert frames_of(p, job, noise(1)) == (Frame(64, 64, Fit.FILL),)


@pytest.mark.parametrize(("follows", "only_masked"), [(True, True), (False, True), (True, False)])
def test_the_masked_part_alone_is_painted_at_the_checkpoints_own_size(world, pictures, follows, only_masked):
    own = world.file.usable().resolution
    p = a1111_fakes.Processing(world.model)
    p.init_images, p.width, p.height = [pictures[0]], 4 * own, 8 * own
    p.image_mask, p.inpaint_full_res = Image.new("L", (64, 64)), only_masked
    job = start(world.host, parse([{"reference": pictures[1], "size_from_sketch": follows}]), host_run(p))
    world.host.prepare(p, job)
    if follows and only_masked:
        assert p.width * p.height < 2.5 * own**2 and p.width % 64 == p.height % 64 == 0
    else:
        assert (p.width, p.height) == (4 * own, 8 * own)
    world.host.release(p)
    assert (p.width, p.height) == (4 * own, 8 * own)


def test_the_size_follows_the_sketch_at_the_checkpoints_own_size(world):
    file = SimpleNamespace(usable=lambda: replace(world.file.usable(), resolution=512))
    placement = placement_of((3000, 2000), file, JobSettings())
    assert placement.canvas_width % 64 == placement.canvas_height % 64 == 0
    assert 0.85 < placement.canvas_width * placement.canvas_height / 512**2 < 1.2
    assert placement.width / placement.height == pytest.approx(1.5, rel=0.01)
