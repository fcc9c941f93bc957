"""Every mode of the host with the extension on: inpaint, resize, hires, batches, interrupt, LoRA, every sampler."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lib_colorize.method.settings import Settings
from tests.webui.reply import Reply, difference, encode, spread

if TYPE_CHECKING:
    from PIL import Image

    from tests.webui.host import Host

TWO = Settings(steps=2, sampler="Euler", scheduler="Automatic", width=128, height=128, seed=5)


def run(host: Host, settings: Settings = TWO, **rest: Any) -> Reply:
    """A coloured job that must work."""
    from tests.webui.jobs import colour

    reply = colour(host, settings, **rest)
    assert reply.status == 200, reply.message
    for picture in reply.images:
        assert spread(picture) > 2, "a blank picture"
    return reply


def crop(picture: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    return np.asarray(picture.convert("RGB").crop(box)).astype(int)


@pytest.mark.parametrize("fill", [0, 1, 2, 3])
def test_inpaint_whole_keeps_what_is_outside_the_mask(host: Host, fill: int) -> None:
    from tests.webui.jobs import mask, sketch

    painted = run(host, mask=encode(mask(128, 128)), mask_blur=0, inpainting_fill=fill, inpaint_full_res=False).image
    base = sketch(128, 128)
    assert np.abs(crop(painted, (0, 0, 60, 60)) - crop(base, (0, 0, 60, 60))).max() <= 2
    assert np.abs(crop(painted, (70, 70, 120, 120)) - crop(base, (70, 70, 120, 120))).max() > 30


def test_inpaint_only_masked_crops_the_sketch_like_the_picture(host: Host) -> None:
    """The crop, painted as a job of its own, is what is pasted into the mask."""
    from PIL import Image

    from tests.webui.jobs import mask, sketch

    base = sketch(256, 256)
    region = Image.new("L", (256, 256), 0)
    region.paste(255, (128, 128, 256, 256))
    whole = run(host, drawing=base, mask=encode(region), mask_blur=0, inpainting_fill=2, inpaint_full_res=True,
                inpaint_full_res_padding=0).image
    alone = run(host, drawing=base.crop((128, 128, 256, 256)), mask=encode(Image.new("L", (128, 128), 255)),
                mask_blur=0, inpainting_fill=2, inpaint_full_res=False).image
    assert difference(whole.crop((128, 128, 256, 256)), alone) <= 4
    assert np.array_equal(crop(whole, (0, 0, 120, 120)), crop(base, (0, 0, 120, 120)))
    assert mask  # the small region is used elsewhere


def test_inpaint_only_masked_differs_by_where_the_mask_is(host: Host) -> None:
    from PIL import Image

    from tests.webui.jobs import sketch

    found = []
    for box in ((0, 0, 128, 128), (128, 0, 256, 128)):
        region = Image.new("L", (256, 256), 0)
        region.paste(255, box)
        picture = run(host, drawing=sketch(256, 256), mask=encode(region), mask_blur=4, inpaint_full_res=True,
                      inpaint_full_res_padding=16).image
        found.append(picture.crop(box))
    assert difference(*found) > 30


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_resize_mode_takes_a_sketch_of_another_shape(host: Host, mode: int) -> None:
    from tests.webui.jobs import sketch

    assert run(host, drawing=sketch(200, 120), resize_mode=mode).image.size == (128, 128)


def test_resize_mode_crop_and_resize_colours_the_middle_of_the_sketch(host: Host) -> None:
    from tests.webui.jobs import sketch

    wide = sketch(256, 128)
    assert difference(run(host, drawing=wide, resize_mode=1).image,
                      run(host, drawing=wide.crop((64, 0, 192, 128))).image) <= 2


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_hires_colours_both_passes(host: Host, upscaler: str) -> None:
    extra = {"hr_additional_modules": ["Use same choices"]} if host.kind == "forge" else {}
    fields = {"tab": "txt2img", "enable_hr": True, "hr_scale": 2, "hr_upscaler": upscaler, "hr_second_pass_steps": 2,
              "denoising_strength": 0.7, **extra}
    settings = TWO.with_(width=64, height=64)
    large = run(host, settings, **fields).image
    assert large.size == (128, 128)
    from tests.webui.jobs import reference

    other = run(host, settings, **fields, colours=reference("night")).image
    assert difference(large, other) > 20
    small = run(host, settings, tab="txt2img").image
    colours = [np.asarray(picture.convert("RGB")).reshape(-1, 3).mean(0) for picture in (large, small)]
    assert np.abs(colours[0] - colours[1]).max() < 80, "the second pass has other colours"


def test_batch_count_and_size(host: Host) -> None:
    reply = run(host, TWO.with_(batch=3), n_iter=2)
    assert len(reply.images) == 6 and len({picture.tobytes() for picture in reply.images}) == 6


def test_keep_base_uses_the_denoising_strength(host: Host) -> None:
    """The init image is the base, the sketch is the extension's own picture."""
    from tests.webui.jobs import sketch

    drawing, base = sketch(128, 128), run(host).image
    distance = []
    for strength in (0.1, 0.9):
        picture = run(host, TWO.with_(steps=10), drawing=base, denoising_strength=strength,
                      arguments={"start": "keep base", "sketch": encode(drawing)}).image
        distance.append(float(np.abs(crop(picture, (0, 0, 128, 128)) - crop(base, (0, 0, 128, 128))).mean()))
    assert distance[0] < distance[1]


def test_a_sketch_of_its_own_goes_before_the_init_image(host: Host) -> None:
    from tests.webui.jobs import sketch

    other = run(host, drawing=sketch(128, 128, "dog"), arguments={"sketch": encode(sketch(128, 128))}).image
    assert difference(other, run(host).image) <= 1


def test_line_overlay_darkens_the_lines(host: Host) -> None:
    from tests.webui.jobs import sketch

    without, with_lines = run(host).image, run(host, TWO.with_(line_overlay=1.0)).image
    lines = np.asarray(sketch(128, 128).convert("L")) < 100
    grey = [np.asarray(picture.convert("L")).astype(int) for picture in (without, with_lines)]
    assert grey[1][lines].mean() < grey[0][lines].mean()
    assert np.abs(grey[1] - grey[0])[np.asarray(sketch(128, 128).convert("L")) > 250].max() <= 6


def test_size_from_sketch(host: Host) -> None:
    from tests.webui.jobs import sketch

    reply = run(host, drawing=sketch(256, 128), arguments={"size_from_sketch": True})
    width, height = reply.image.size
    assert width > height and abs(width / height - 2) < 0.6


def test_a_line_extractor_changes_the_picture(host: Host) -> None:
    from lib_colorize.pictures.lineart import EXTRACTORS

    plain = run(host).image
    for name in EXTRACTORS:
        picture = run(host, TWO.with_(extractor=name)).image
        assert name == "none" or difference(picture, plain) > 2, name


def test_the_prompt_and_the_cfg_slider_change_nothing(host: Host) -> None:
    expected = run(host).image
    for fields in ({"prompt": "a (red:1.4) [cat:dog:0.5] AND a BREAK house"}, {"negative_prompt": "green"},
                   {"cfg_scale": 1.0}, {"cfg_scale": 20.0}, {"prompt": "word " * 90}):
        assert difference(run(host, **fields).image, expected) <= 1, fields


def test_the_hosts_negative_guidance_minimum_sigma_works(host: Host) -> None:
    """It leaves guidance out of the last steps; with all steps it is the picture without guidance."""
    for settings in (TWO, TWO.with_(sketch_guidance=2.0)):
        run(host, settings, s_min_uncond=3.0)
        run(host, settings, s_min_uncond=1.0, sampler_name="DDIM")


def test_a_lora_changes_the_picture_and_is_gone_afterwards(host: Host) -> None:
    before = run(host).image
    changed = run(host, prompt="<lora:random-lora:1>").image
    assert difference(changed, before) > 5
    assert difference(run(host).image, before) == 0


def test_a_refiner_is_refused(host: Host) -> None:
    from tests.webui.jobs import colour

    reply = colour(host, TWO, refiner_checkpoint="plain", refiner_switch_at=0.5)
    assert reply.status in (422, 500) and "efiner" in reply.message, (reply.status, reply.message)


def test_tiling_and_clip_skip_do_no_harm(host: Host) -> None:
    run(host, tiling=True)
    run(host, override_settings={"sd_model_checkpoint": "colorize-small", "CLIP_stop_at_last_layers": 2})
    host.options(CLIP_stop_at_last_layers=1)  # what a job here overrides stays, and would change plain pictures
    assert difference(run(host).image, run(host).image) == 0


def test_every_sampler_and_scheduler_gives_a_coloured_picture(host: Host) -> None:
    """Fails with the list of those that give an error or a blank picture.

    Each sampler and each scheduler once with another reference too, which must be another picture.
    """
    from tests.webui.jobs import colour, reference

    samplers = [entry["name"] for entry in host.get("/sdapi/v1/samplers").body]
    schedulers = [entry["label"] for entry in host.get("/sdapi/v1/schedulers").body]
    wrong = []
    for sampler, scheduler in itertools.product(samplers, schedulers):
        one = TWO.with_(width=64, height=64, steps=3, sampler=sampler, scheduler=scheduler)
        both = sampler == "Euler" or scheduler == "Automatic"
        replies = [colour(host, one, colours=reference(name)) for name in (("phoenix", "night") if both else ("rose",))]
        failed = [reply.message for reply in replies if reply.status != 200]
        if failed:
            wrong.append(f"{sampler} {scheduler}: {failed[0]}")
        elif spread(replies[0].image) < 2 or difference(replies[0].image, replies[-1].image) < 10 * both:
            wrong.append(f"{sampler} {scheduler}: not coloured")
    print(f"{host.kind}: {len(samplers)} samplers x {len(schedulers)} schedulers, {len(wrong)} wrong")
    assert wrong == []


@pytest.mark.parametrize("guidance", [{}, {"sketch_guidance": 2.0}])
@pytest.mark.parametrize("tab", ["img2img", "txt2img"])
def test_controlnet_beside_it(host: Host, tab: str, guidance: dict[str, float]) -> None:
    """Forge has ControlNet built in: its effect adds to ours and is gone with it."""
    from tests.webui.jobs import sketch

    if host.kind != "forge":
        pytest.skip("A1111 has no ControlNet of its own")
    settings, before = TWO.with_(**guidance), run(host, TWO.with_(**guidance), tab=tab)
    (model,) = [name for name in host.get("/controlnet/model_list").body["model_list"] if "random" in name]
    replies = [run(host, settings, tab=tab, unit={
        "enabled": True, "image": encode(sketch(128, 128, "dog")), "module": "None", "model": model,
        "weight": weight}) for weight in (0.0, 0.3)]
    assert difference(replies[0].images[0], before.image) <= 1
    assert difference(replies[1].images[0], before.image) > 2
    assert run(host, settings, tab=tab).md5 == before.md5


def test_what_calls_the_unet_itself_is_coloured_or_refused(host: Host) -> None:
    """ControlNet's reference-only samples on its own in between."""
    from tests.webui.jobs import colour, sketch

    if host.kind != "forge":
        pytest.skip("A1111 has no ControlNet of its own")
    before = run(host).md5
    reply = colour(host, TWO, unit={"enabled": True, "image": encode(sketch(128, 128, "dog")),
                                    "module": "reference_only", "model": "None"})
    assert reply.status == 200 or " " in reply.body["message"], reply.message
    assert run(host).md5 == before
