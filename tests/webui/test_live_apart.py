"""Figure and background apart, v1.5, v2 and several references in a WebUI: the standalone engine's picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from tests.webui.checkpoints import TINY_V1_5, TINY_V2
from tests.webui.reply import difference, encode, spread

if TYPE_CHECKING:
    from tests.webui.host import Host

LIMIT = 2  # of 255, the largest difference of any pixel
SIZE = 64
QUICK = Settings(steps=2, sampler="Euler", scheduler="Automatic", width=SIZE, height=SIZE, seed=7)
SMALL = "colorize-small"
APART: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {  # the checkpoint, settings, further pictures
    "masks": (SMALL, {"background_enhance": True, "merge": 0.2, "background_strength": 0.7}, ()),
    "a picture behind": (SMALL, {"background_enhance": True}, ("background",)),
    "both guidances": (SMALL, {"background_enhance": True, "sketch_guidance": 2.0}, ()),
    "two references": (SMALL, {"reference_guidance": 4.0}, ("second",)),
    "two references and masks": (SMALL, {"background_enhance": True}, ("second",)),
    "injection and masks": (SMALL, {"background_enhance": True, "injection": 0.5}, ()),
    "v1.5 plain": (TINY_V1_5, {}, ()),
    "v1.5 background": (TINY_V1_5, {"background_enhance": True}, ()),
    "v1.5 both": (TINY_V1_5, {"background_enhance": True, "foreground_enhance": True}, ("background",)),
    "v2 style": (TINY_V2, {"style_enhance": True}, ()),
    "v2 background": (TINY_V2, {"background_enhance": True, "background_factor": 0.5}, ()),
    "v2 all": (TINY_V2, {"background_enhance": True, "style_enhance": True, "merge": 0.3}, ("background",)),
}


def ellipse(size: tuple[int, int]) -> Image.Image:
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).ellipse((size[0] // 5, size[1] // 5, size[0] * 4 // 5, size[1] * 4 // 5), fill=255)
    return picture


def half(size: tuple[int, int]) -> Image.Image:
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2, size[1]), fill=255)
    return picture


@pytest.mark.parametrize("name", APART)
def test_the_picture_is_the_engines(
    host: Host, files: dict[str, Path], name: str, record_property: pytest.RecordProperty,
) -> None:
    from tests.webui.jobs import colour, engine, reference, sketch

    model, changes, further = APART[name]
    settings, behind, other = QUICK.with_(**changes), reference("sunrise"), reference("rose")
    masks = (ellipse((SIZE, SIZE)), ellipse(reference().size)) if "_enhance" in str(changes) else (None, None)
    extras = Extras(*masks, behind if "background" in further else None,
                    further=(FurtherReference(other, 1.0, half((SIZE, SIZE))),) if "second" in further else ())
    given = {"sketch_mask": extras.sketch_mask, "reference_mask": extras.reference_mask,
             "background": extras.background, "reference_2": other if extras.further else None,
             "reference_2_region": half((SIZE, SIZE)) if extras.further else None}
    arguments = {key: encode(image) for key, image in given.items() if image is not None}
    reply = colour(host, settings, model=model, arguments=arguments)
    assert reply.status == 200, reply.message
    file = files.get(model, DEFAULT_CHECKPOINT)
    expected = engine(file).colorize(sketch(SIZE, SIZE), reference(), settings, extras=extras)[0].image
    found = difference(reply.image, expected)
    record_property("difference", found)
    print(f"{host.kind} {name}: {found} of 255")
    assert found <= LIMIT
    assert spread(expected) > 5


def test_what_a_checkpoint_cannot_do_is_refused_and_the_next_job_is_coloured(host: Host) -> None:
    from tests.webui.jobs import colour

    refused = colour(host, QUICK.with_(style_enhance=True))
    assert refused.status == 422 and "only v2 checkpoints have it" in refused.message
    behind = colour(host, QUICK, arguments={"background": encode(half((SIZE, SIZE)))})
    assert behind.status == 422 and "not coloured apart" in behind.message
    assert colour(host, QUICK).status == 200
