"""`bench --file`: a file of random weights in the released layout, loaded and used once as a user would, and timed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from .random_networks import write_random
from .random_variants import variant_shapes

if TYPE_CHECKING:
    from ..method.network_config import NetworkConfig, VisionConfig


def released_file(
    path: Path, config: NetworkConfig, vision: VisionConfig, pixels: int, variant: str = "v1",
) -> None:
    """Write random weights in the released layout, load them as a user would, colour one picture in one step.

    variant: "v1.5" and "v2" colour figure and background apart, v2 with the style too.
    """
    import multiprocessing

    from PIL import Image, ImageDraw

    from ..engine.engine import Engine
    from ..method.schedule import Prediction
    from ..method.settings import Settings
    from ..pictures.extras import NO_EXTRAS, Extras

    tower = path.with_name(f"{path.stem}-vision.safetensors")
    if not (path.exists() and tower.exists()):  # in a process of its own: its memory is none of ours
        added = {} if variant == "v1" else variant_shapes(variant, config.unet)
        writer = multiprocessing.get_context("spawn").Process(
            target=write_random, args=(path, tower, config, vision, added))
        writer.start()
        writer.join()
        if writer.exitcode:
            raise ColorizeError(f"{path}: could not be written (see above)")
    sketch = Image.new("RGB", (pixels, pixels), "white")
    ImageDraw.Draw(sketch).ellipse((pixels // 4, pixels // 4, pixels // 2, pixels // 2), outline="black", width=3)
    settings = Settings(steps=1, width=pixels, height=pixels, background_enhance=variant != "v1",
                        foreground_enhance=variant == "v1.5", style_enhance=variant == "v2")
    start = time.perf_counter()
    engine = Engine.load(path, tower, Prediction.EPS, "cpu")  # a probe cannot tell what random weights predict
    loaded = time.perf_counter()
    engine.tokens(sketch)
    encoded, after_vision = time.perf_counter(), peak_memory()
    figure = Image.new("L", sketch.size)
    ImageDraw.Draw(figure).ellipse((pixels // 4, pixels // 4, pixels // 2, pixels // 2), fill=255)
    extras = Extras(figure, figure) if settings.background_enhance else NO_EXTRAS
    engine.colorize(sketch, sketch, settings, extras=extras)
    print(f"{path.stat().st_size / 1e9:.2f} GB checkpoint, {tower.stat().st_size / 1e9:.2f} GB reference encoder")
    print(f"load {loaded - start:.1f} s; reference tokens {encoded - loaded:.1f} s, peak memory until then "
          f"{after_vision:.2f} GB; set-up, one step and decoding {time.perf_counter() - encoded:.1f} s")
    print(f"peak memory {peak_memory():.2f} GB")


def peak_memory() -> float:
    """The largest resident size of this process so far, in GB, memory-mapped weights among it; nan where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
