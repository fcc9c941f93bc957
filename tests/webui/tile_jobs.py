"""Jobs of scripts that paint a picture in parts.

COLORIZE_TILES_DIR names a folder in which the pictures are kept, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_colorize.method.settings import Settings
from tests.webui.reply import Reply, encode

if TYPE_CHECKING:
    from PIL import Image

    from tests.webui.host import Host

EIGHT = Settings(steps=8, sampler="Euler", scheduler="Automatic", width=128, height=128, seed=5)
ULTIMATE = "ultimate-upscale-for-automatic1111"
# what the scripts' own ui() asks for, in its order
SD_UPSCALE = {"script_name": "SD upscale", "script_args": ["", 32, "Lanczos", 2.0]}
ULTIMATE_UPSCALE = {"script_name": "Ultimate SD upscale", "script_args": [
    "", 128, 128, 8, 16, 64, 0.35, 16, 0, False, 0, False, 4, 0, 2, 256, 256, 2]}



def coloured(host: Host, name: str = "cow") -> Image.Image:
    """What the user wants larger, 128x128."""
    from tests.webui.jobs import colour, sketch

    reply = colour(host, EIGHT, drawing=sketch(128, 128, name))
    assert reply.status == 200, reply.message
    return reply.image


def upscaled(host: Host, base: Image.Image, script: dict[str, Any], sketch: Image.Image | None, **more: Any) -> Reply:
    from tests.webui.jobs import colour

    arguments = {**({} if sketch is None else {"sketch": encode(sketch)}), **more.pop("arguments", {})}
    return colour(host, EIGHT, drawing=base, arguments=arguments, **{"denoising_strength": 0.5, **script, **more})


def kept(host: Host, name: str, *pictures: Image.Image) -> None:
    folder = os.environ.get("COLORIZE_TILES_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(pictures):
            picture.save(Path(folder) / f"{host.kind}-{name}-{i}.png")
