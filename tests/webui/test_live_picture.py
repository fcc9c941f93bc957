"""A WebUI with the extension gives the standalone engine's picture, and picture i of a batch is that of seed + i."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_colorize.method.settings import Settings
from tests.webui.reply import difference, spread

if TYPE_CHECKING:
    from tests.webui.host import Host

LIMIT = 2  # of 255, the largest difference of any pixel
THREE = Settings(steps=3, sampler="DPM++ 2M", scheduler="Karras", width=128, height=128, seed=11)
CHANGES = {
    "reference guidance": {},
    "no guidance": {"reference_guidance": 1.0},
    "sketch guidance": {"reference_guidance": 1.0, "sketch_guidance": 2.5},
    "dual guidance": {"reference_guidance": 4.0, "sketch_guidance": 2.0},
    "reference strength": {"reference_strength": 0.6},
    "sketch strength": {"sketch_strength": 0.5},
    "groups": {"semantics_strength": 0.3, "colour_strength": 1.5, "encoder_strength": 0.8},
    "16 blocks": {"block_strengths": tuple(0.1 + i / 10 for i in range(16))},
    "late reference": {"guidance_start": 0.2, "sketch_guidance": 2.0},
    "early reference": {"guidance_end": 0.5},
    "window without": {"no_guidance_start": 0.1, "no_guidance_end": 0.6},
    "no reference at all": {"guidance_start": 1.0, "reference_guidance": 3.0},
    "64 pixels": {"width": 64, "height": 64},
    "wide": {"width": 192, "height": 64},
    "tall": {"width": 64, "height": 128, "sketch_guidance": 2.0},
    "another seed": {"seed": 2**32 - 1},
    "overlay": {"line_overlay": 0.8},
    "light on dark": {"polarity": "light on dark"},
    "larger reference": {"reference_scale": 2.0},
    "injection": {"injection": 1.0},
    "late injection": {"injection": 0.6, "injection_start": 0.3, "injection_control": 0.5, "sketch_guidance": 2.0},
}
SAMPLERS = (
    ("Euler", "Automatic"), ("Euler a", "Automatic"), ("Heun", "Uniform"), ("LMS", "Karras"), ("DPM2", "Karras"),
    ("DPM2 a", "Exponential"), ("DPM++ 2S a", "Karras"), ("DPM++ SDE", "Karras"), ("DPM++ 2M SDE", "Exponential"),
    ("DPM++ 3M SDE", "Exponential"), ("DPM++ 2M", "SGM Uniform"), ("DPM++ 2M", "Polyexponential"),
)


def check(host: Host, settings: Settings, record: pytest.RecordProperty, tab: str = "img2img") -> None:
    from tests.webui.jobs import colour, standalone

    reply = colour(host, settings, tab)
    assert reply.status == 200, reply.message
    (expected,) = standalone(settings)
    found = difference(reply.image, expected)
    record("difference", found)
    print(f"{host.kind} {settings.sampler} {settings.scheduler}: {found} of 255")
    assert found <= LIMIT
    assert spread(expected) > 5


@pytest.mark.parametrize("name", CHANGES)
def test_the_picture_is_the_engines(host: Host, name: str, record_property: pytest.RecordProperty) -> None:
    check(host, THREE.with_(**CHANGES[name]), record_property)


@pytest.mark.parametrize(("sampler", "scheduler"), SAMPLERS)
def test_the_picture_is_the_engines_with_each_sampler(
    host: Host, sampler: str, scheduler: str, record_property: pytest.RecordProperty,
) -> None:
    steps = 20 if "SDE" in sampler else 8  # with 8 what Forge's DPM++ 3M SDE rounds otherwise becomes 41 of 255
    check(host, THREE.with_(sampler=sampler, scheduler=scheduler, steps=steps, sketch_guidance=2.0), record_property)


@pytest.mark.parametrize("name", ["reference guidance", "dual guidance", "window without"])
def test_txt2img_with_its_own_sketch_gives_the_same(
    host: Host, name: str, record_property: pytest.RecordProperty,
) -> None:
    check(host, THREE.with_(**CHANGES[name]), record_property, "txt2img")


@pytest.mark.parametrize("changes", [{}, {"injection": 1.0, "sketch_guidance": 2.0}])
@pytest.mark.parametrize("region", [False, True])
def test_two_references_give_the_engines_picture(
    host: Host, region: bool, changes: dict[str, object], record_property: pytest.RecordProperty,
) -> None:
    """By weight, and each in a half of its own."""
    from lib_colorize.pictures.extras import Extras, FurtherReference
    from tests.webui.jobs import colour, engine, reference, sketch
    from tests.webui.reply import encode

    settings = THREE.with_(**changes)
    half = Image.new("L", (settings.width, settings.height))
    half.paste(255, (settings.width // 2, 0, settings.width, settings.height))
    second = reference("purse")
    arguments = {"reference_2": encode(second), "reference_2_weight": 0.5}
    if region:
        arguments["reference_2_region"] = encode(half)
    reply = colour(host, settings, arguments=arguments)
    assert reply.status == 200, reply.message
    extras = Extras(further=(FurtherReference(second, 0.5, half if region else None),))
    drawing = sketch(settings.width, settings.height)
    (expected,) = engine().colorize(drawing, reference(), settings, extras=extras)
    (alone,) = engine().colorize(drawing, reference(), settings)
    found = difference(reply.image, expected.image)
    record_property("difference", found)
    assert found <= LIMIT and difference(alone.image, expected.image) > 20


@pytest.mark.parametrize("tab", ["img2img", "txt2img"])
@pytest.mark.parametrize("changes", [{}, {"sketch_guidance": 2.0}, {"sampler": "DPM++ SDE"}, {"injection": 1.0}])
def test_picture_i_of_a_batch_is_that_of_seed_plus_i(host: Host, changes: dict[str, object], tab: str) -> None:
    from tests.webui.jobs import colour

    settings = THREE.with_(**changes)
    reply = colour(host, settings.with_(batch=2), tab, n_iter=2)
    assert reply.status == 200, reply.message
    assert len(reply.images) == 4 and reply.info["all_seeds"] == [settings.seed + i for i in range(4)]
    for i, picture in enumerate(reply.images):
        alone = colour(host, settings.with_(seed=settings.seed + i), tab).image
        assert difference(picture, alone) <= 1, i


@pytest.mark.parametrize("strength", [0.05, 0.75, 1.0])
@pytest.mark.parametrize("sampler", ["Euler a", "DDIM", "UniPC"])
def test_pure_noise_gives_the_same_at_any_denoising_strength(host: Host, strength: float, sampler: str) -> None:
    from tests.webui.jobs import body, colour

    settings = THREE.with_(sampler=sampler)
    expected = colour(host, settings, "txt2img").image
    request = body(settings) | {"denoising_strength": strength}
    assert difference(host.img2img(**request).image, expected) <= 1


@pytest.mark.parametrize("size", [(136, 104), (72, 64), (88, 120)])
def test_a_size_that_is_no_multiple_of_64_works(host: Host, size: tuple[int, int]) -> None:
    from tests.webui.jobs import colour

    settings = THREE.with_(width=size[0], height=size[1], sketch_guidance=2.0)
    reply = colour(host, settings)
    assert reply.status == 200, reply.message
    assert reply.image.size == size and spread(reply.image) > 5
    assert difference(reply.image, colour(host, settings, "txt2img").image) <= 1


def test_the_same_job_twice_is_bit_equal(host: Host) -> None:
    from tests.webui.jobs import colour

    assert colour(host, THREE).md5 == colour(host, THREE).md5
