"""Small honest fakes of what a WebUI's scripts run in: a list of scripts, and the host's way to split a picture."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any


class ScriptRunner:
    """Runs the script that the first argument counts from 1; 0 = none."""

    def __init__(self, *scripts: Any) -> None:
        self.selectable_scripts = list(scripts)

    def run(self, p: Any, *args: Any) -> Any:
        return self.selectable_scripts[args[0] - 1].run(p) if args[0] else None


def script(title: str, run: Any) -> Any:
    return SimpleNamespace(title=lambda: title, run=run)


def split_grid(image: Any, tile_w: int = 64, tile_h: int = 64, overlap: int = 0) -> Any:
    """Tiles without an overlap, row by row: [y, height, [[x, width, tile], ...]]."""
    rows = []
    for y in range(0, image.height, tile_h):
        tiles = [[x, tile_w, image.crop((x, y, x + tile_w, y + tile_h))] for x in range(0, image.width, tile_w)]
        rows.append([y, tile_h, tiles])
    return SimpleNamespace(tiles=rows)


def batch_tab() -> dict[str, Any]:
    """img2img's batch tab as both hosts have it: one object `p` for all pictures; None when nothing was made."""

    def process_batch(p: Any, pictures: list[Any]) -> Any:
        host, made = sys.modules["modules.img2img"], None
        for i, picture in enumerate(pictures):
            sys.modules["modules.shared"].state.job = f"{i + 1} out of {len(pictures)}"
            p.init_images = [picture]
            processed = host.process_images(p)
            if processed and made:
                made.images += processed.images
            made = made or processed
        return made

    return {"process_batch": process_batch, "process_images": lambda p: p.paint()}
