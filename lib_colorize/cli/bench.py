"""Times in one run: a plain `ldm` step, our step with two and with three rows, the set-up, and the reference encoder.

Weights are random, so that no download is needed. The plain step is `ldm`'s U-Net with 77 text tokens and two rows of
classifier-free guidance; it has the same fused attention kernel as ours, so that what differs is the method.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ..errors import ColorizeError

if TYPE_CHECKING:
    from torch import Tensor

    from ..engine.engine import Engine
    from ..method.network_config import NetworkConfig, VisionConfig
    from ..method.reference_encoder import ReferenceEncoder
    from ..method.settings import Settings

TEXT_TOKENS = 77  # of the plain step
PLAIN, TWO, THREE, SETUP, VISION = (
    "plain ldm step, 2 rows, 77 text tokens", "our step, 2 rows (reference guidance)",
    "our step, 3 rows (both guidances)", "set-up (sketch, attach, keys and values)",
    "reference encoder, once a reference")


class Seconds(NamedTuple):
    """Time on the clock, and processor time of all threads."""

    wall: float
    cpu: float


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    command.add_argument("--network", choices=("released", "tiny"), default="released",
                         help="released: 865 M + 64 M parameters and ViT-H; default: released")
    command.add_argument("--pixels", type=int, default=256, help="side of the square picture; default: 256")
    command.add_argument("--repeats", type=int, default=5, help="interleaved, medians are printed; default: 5")
    command.add_argument("--threads", type=int, help="of torch; default: torch's own choice")
    command.add_argument("--no-reference-encoder", action="store_true", help="leave the time of the vision tower out")
    command.add_argument("--file", metavar="NEW.safetensors",
                         help="instead: write random weights there in the released layout (kept), load them, do one "
                              "step, and print times and peak memory")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """bench."""
    import torch

    if args.pixels < 64 or args.pixels % 64:
        raise ColorizeError(f"pixels: found {args.pixels}, expected a multiple of 64")
    if args.file is not None and args.network != "released":
        raise ColorizeError("--file writes the released size only: a small file would need metadata to be understood")
    if args.repeats < 1 or (args.threads is not None and args.threads < 1):
        raise ColorizeError("repeats, threads: expected at least 1")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    config, vision = sizes(args.network)
    print(f"{args.network} size, {args.pixels} px, {torch.get_num_threads()} thread(s), torch {torch.__version__}")
    if args.file is not None:
        released_file(Path(args.file), config, vision, args.pixels)
    else:
        print_times(measure(config, None if args.no_reference_encoder else vision, args.pixels, args.repeats))
        print(f"peak memory {peak_memory():.2f} GB")
    return 0


def sizes(name: str) -> tuple[NetworkConfig, VisionConfig]:
    """The released networks (method.md section 1), or small ones of the same shape."""
    from ..method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig

    mult = (1, 2, 4, 4)
    if name == "released":
        vision = VisionConfig(224, 14, 1280, 32, 80, 4.0, 1024)
        return NetworkConfig(UNetConfig(4, 4, 320, mult, 2, (4, 2, 1), 64, 1024, 1, False),
                             VAEConfig(128, (1, 2, 4, 4), 2, 4, 4), SketchConfig(320, mult)), vision
    vision = VisionConfig(56, 14, 32, 2, 16, 4.0, 32)
    return NetworkConfig(UNetConfig(4, 4, 32, mult, 1, (4, 2, 1), 16, 32, 1, False),
                         VAEConfig(32, (1, 1, 1, 1), 1, 4, 4), SketchConfig(32, mult)), vision


def random_state(part: str, config: NetworkConfig, half: bool = False) -> dict[str, Tensor]:
    """Random weights of one part, keys as in a file without the prefix."""
    from ..checkpoint.layout import expected_shapes

    return random_tensors(expected_shapes(part, config), half)


def vision_state(config: VisionConfig, half: bool = False) -> dict[str, Tensor]:
    """Random weights of a vision tower, in the keys of open_clip's `VisionTransformer`."""
    from ..checkpoint.layout import vision_shapes

    return random_tensors(vision_shapes(config), half)


def random_tensors(shapes: Mapping[str, tuple[int, ...]], half: bool = False) -> dict[str, Tensor]:
    """Random numbers of such a size that activations stay near 1; norms near 1, biases near 0."""
    import torch

    generator = torch.Generator().manual_seed(0)
    state = {}
    for key, shape in shapes.items():
        value = torch.empty(shape).uniform_(-1, 1, generator=generator)
        if len(shape) > 1:
            value *= (3 / value[0].numel()) ** 0.5
        else:
            value = value * 0.02 + (1.0 if key.endswith("weight") else 0.0)
        state[key] = value.half() if half else value
    return state


def random_reference_encoder(config: VisionConfig) -> ReferenceEncoder:
    """A vision tower of random weights."""
    from ..engine import networks
    from ..method.reference_encoder import ReferenceEncoder

    state = {f"visual.{key}": value for key, value in vision_state(config).items()}
    return networks.load(lambda: ReferenceEncoder(config), state, "reference encoder")


def random_engine(config: NetworkConfig) -> Engine:
    """An engine of random weights; its reference encoder is not built."""
    from ..engine import networks
    from ..engine.engine import Engine
    from ..method.schedule import NoiseSchedule, Prediction, alphas_cumprod
    from ..method.sketch_encoder import SketchEncoder

    assert config.vae is not None and config.sketch is not None
    vae, sketch = config.vae, config.sketch
    unet = networks.load(lambda: networks.make_unet(config.unet), random_state("unet", config), "U-Net")
    autoencoder = networks.load(lambda: networks.AutoencoderKL(vae), random_state("vae", config), "VAE")
    encoder = networks.load(lambda: SketchEncoder(sketch.model_channels, sketch.channel_mult),
                            random_state("sketch_encoder", config), "sketch encoder")

    def none() -> NoReturn:
        raise AssertionError("the benchmark makes its own tokens")

    return Engine(unet, autoencoder, encoder, none, NoiseSchedule(alphas_cumprod()), Prediction.EPS)


def measure(config: NetworkConfig, vision: VisionConfig | None, pixels: int, repeats: int) -> dict[str, list[Seconds]]:
    """Times of each thing, `repeats` times in turn, every other round backwards, after one round to warm up."""
    rounds = _Rounds(config, vision, pixels)
    found: dict[str, list[Seconds]] = {name: [] for name in rounds.actions}
    for number in range(repeats + 1):
        for name in list(found)[:: -1 if number % 2 else 1]:
            seconds = rounds.actions[name]()
            if number:
                found[name].append(seconds)
    return found


class _Rounds:
    """The networks and inputs of a benchmark; `actions` give the time that each thing took."""

    def __init__(self, config: NetworkConfig, vision: VisionConfig | None, pixels: int) -> None:
        import torch

        from ..method.settings import Settings

        self.engine = random_engine(config)
        generator = torch.Generator().manual_seed(1)
        side, width, self.scale = pixels // self.engine.vae.factor, config.unet.context_dim, 5.0
        self.x = torch.randn((1, 4, side, side), generator=generator)
        self.text = torch.randn((2, TEXT_TOKENS, width), generator=generator)
        self.tokens = torch.randn((1, 257, width), generator=generator)
        self.sketch = torch.randn((1, 3, pixels, pixels), generator=generator)
        two = Settings(reference_guidance=self.scale)
        three = two.with_(sketch_guidance=2.0)
        self.actions: dict[str, Callable[[], Seconds]] = {
            PLAIN: lambda: timed(self.plain), TWO: lambda: self.ours(two), THREE: lambda: self.ours(three),
            SETUP: lambda: timed(lambda: self.set_up(two))}
        if vision is not None:
            encoder, picture = random_reference_encoder(vision), torch.rand((1, 3, 512, 512), generator=generator)
            self.actions[VISION] = lambda: timed(lambda: encoder(picture))

    def plain(self) -> Tensor:
        import torch

        with torch.no_grad():
            t = torch.tensor([600.0, 600.0])
            cond, uncond = self.engine.unet(self.x.repeat(2, 1, 1, 1), t, self.text).chunk(2)
            return uncond + self.scale * (cond - uncond)

    def ours(self, settings: Settings) -> Seconds:
        """One step as the sampler asks for it, guided and denoised; keys and values were made by a step before."""
        import torch

        sigma = torch.tensor([5.0])
        conditioning = self.engine.condition(self.sketch, self.tokens, settings)
        with self.engine.denoiser(conditioning, settings) as denoise:
            denoise(self.x, sigma)
            return timed(lambda: denoise(self.x, sigma))

    def set_up(self, settings: Settings) -> object:
        """What is done once a picture: hints, attaching, and the keys and values, which in use the first step makes."""
        import torch

        from ..method.attach import attach, find_layout

        conditioning = self.engine.condition(self.sketch, self.tokens, settings)
        with torch.no_grad(), attach(self.engine.unet, conditioning, settings):
            attentions: list[Any] = [attn for attn, _ in find_layout(self.engine.unet).attentions]
            return [(attn.to_k(conditioning.tokens), attn.to_v(conditioning.tokens)) for attn in attentions]


def timed(action: Callable[[], object]) -> Seconds:
    """How long the action takes."""
    import torch

    with torch.no_grad():
        wall, cpu = time.perf_counter(), time.process_time()
        action()
        return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def print_times(found: dict[str, list[Seconds]]) -> None:
    """Medians, and the median of the ratios to the plain step of the same round, of wall and of processor time.

    On a busy machine only the processor time (of all threads together) tells something.
    """
    print(f"{'':<42}     wall              processor time")
    for name, seconds in found.items():
        columns = []
        for kind in ("wall", "cpu"):
            mine, plain = ([getattr(s, kind) for s in times] for times in (seconds, found[PLAIN]))
            ratio = statistics.median(a / b for a, b in zip(mine, plain))
            columns.append(f"{statistics.median(mine):8.3f} s {ratio:6.3f} x")
        print(f"{name:<42} {'  '.join(columns)}")


def released_file(path: Path, config: NetworkConfig, vision: VisionConfig, pixels: int) -> None:
    """Write random weights in the released layout, load them as a user would, colour one picture in one step."""
    import multiprocessing

    from PIL import Image, ImageDraw

    from ..engine.engine import Engine
    from ..method.schedule import Prediction
    from ..method.settings import Settings

    tower = path.with_name(f"{path.stem}-vision.safetensors")
    if not (path.exists() and tower.exists()):  # in a process of its own: its memory is none of ours
        writer = multiprocessing.get_context("spawn").Process(target=write_random, args=(path, tower, config, vision))
        writer.start()
        writer.join()
        if writer.exitcode:
            raise ColorizeError(f"{path}: could not be written (see above)")
    sketch = Image.new("RGB", (pixels, pixels), "white")
    ImageDraw.Draw(sketch).ellipse((pixels // 4, pixels // 4, pixels // 2, pixels // 2), outline="black", width=3)
    settings = Settings(steps=1, width=pixels, height=pixels)
    start = time.perf_counter()
    engine = Engine.load(path, tower, Prediction.EPS, "cpu")  # a probe cannot tell what random weights predict
    loaded = time.perf_counter()
    engine.tokens(sketch)
    encoded, after_vision = time.perf_counter(), peak_memory()
    engine.colorize(sketch, sketch, settings)
    print(f"{path.stat().st_size / 1e9:.2f} GB checkpoint, {tower.stat().st_size / 1e9:.2f} GB reference encoder")
    print(f"load {loaded - start:.1f} s; reference tokens {encoded - loaded:.1f} s, peak memory until then "
          f"{after_vision:.2f} GB; set-up, one step and decoding {time.perf_counter() - encoded:.1f} s")
    print(f"peak memory {peak_memory():.2f} GB")


def write_random(path: Path, tower: Path, config: NetworkConfig, vision: VisionConfig) -> None:
    """A checkpoint of random weights as released (no metadata, VAE in fp16), and a vision tower in fp16."""
    from ..checkpoint.config import PARTS
    from ..checkpoint.write import save
    from ..method.schedule import buffers
    from ..whole_file import replacing

    tensors = {PARTS[part] + key: value for part in ("unet", "vae", "sketch_encoder")
               for key, value in random_state(part, config, half=part == "vae").items()}
    with replacing(path) as unfinished:
        save(unfinished, {**tensors, **buffers()}, {})
    del tensors
    with replacing(tower) as unfinished:
        save(unfinished, {f"visual.{key}": value for key, value in vision_state(vision, half=True).items()}, {})


def peak_memory() -> float:
    """The largest resident size of this process so far, in GB, memory-mapped weights among it; nan where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
