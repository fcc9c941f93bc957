"""Where the tiles of SD upscale and Ultimate SD Upscale meet, with us and without, in live hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.webui.reply import encode
from tests.webui.seams import Seam, seam
from tests.webui.tile_jobs import EIGHT, coloured, kept, upscaled

if TYPE_CHECKING:
    from PIL import Image

    from tests.webui.host import Host

STRIPS = {"SD upscale": ((64, 128), 32), "Ultimate SD upscale": ((112,), 32)}  # where tiles blend in 256 pixels, width


def test_seams_are_no_worse_than_the_scripts_own(tiled: Host, upscale: dict[str, Any]) -> None:
    """Over three pictures, against the same script, tiles, denoising and checkpoint with the extension off.

    Those without a sketch change more everywhere, so that both the step and what it exceeds its surroundings by count.
    """
    from tests.webui.jobs import SMALL, plain, sketch

    ours, theirs, one_sketch_for_all = [], [], []
    for name in ("cow", "dog", "gift"):
        base, drawing = coloured(tiled, name), sketch(512, 512, name)
        replies = [
            upscaled(tiled, base, upscale, drawing),
            plain(tiled, SMALL, "img2img", prompt="", seed=EIGHT.seed, steps=EIGHT.steps, width=128, height=128,
                  cfg_scale=1.0, init_images=[encode(base)], denoising_strength=0.5, **upscale)]
        assert [reply.status for reply in replies] == [200, 200], [reply.message for reply in replies]
        kept(tiled, f"seams-{name}-{upscale['script_name'].replace(' ', '-')}", *(reply.images[0] for reply in replies))
        for found, reply in zip((ours, theirs), replies):
            found.append(seam(reply.images[0], base, *STRIPS[upscale["script_name"]]))
        one_sketch_for_all.append(seam(mosaic(tiled, base, drawing), base, *STRIPS[upscale["script_name"]]))
    print(tiled.kind, upscale["script_name"], *map(mean, (ours, theirs, one_sketch_for_all)))
    assert mean(ours).across < mean(theirs).across
    assert mean(ours).across - mean(ours).beside < max(0, mean(theirs).across - mean(theirs).beside) + 8
    assert mean(one_sketch_for_all).across > 1.5 * mean(ours).across, "what the measure must find"


def mean(seams: list[Seam]) -> Seam:
    return Seam(*(sum(values) / len(values) for values in zip(*seams)))


def mosaic(host: Host, base: Image.Image, drawing: Image.Image) -> Image.Image:
    """Four tiles, each painted with the whole sketch: what must not be."""
    from PIL import Image

    large, found = base.resize((256, 256)), Image.new("RGB", (256, 256))
    for x, y in ((0, 0), (128, 0), (0, 128), (128, 128)):
        reply = upscaled(host, large.crop((x, y, x + 128, y + 128)), {}, drawing, arguments={"start": "keep base"})
        found.paste(reply.image, (x, y))
    return found
