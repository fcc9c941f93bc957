"""What `bench` times: a plain step, ours with two and three rows, the set-up, the reference encoder.

The plain step is Stable Diffusion's: the same U-Net as it stands, with 77 text tokens and two rows of classifier-free
guidance, so that what differs is the method.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .random_networks import no_tower, random_engine, random_reference_encoder

if TYPE_CHECKING:
    from torch import Tensor

    from ..method.network_config import NetworkConfig, VisionConfig
    from ..method.settings import Settings

TEXT_TOKENS = 77  # of the plain step
PLAIN, TWO, THREE, SETUP, VISION = (
    "plain step, 2 rows, 77 text tokens", "our step, 2 rows (reference guidance)",
    "our step, 3 rows (both guidances)", "set-up (sketch, attach, keys and values)",
    "reference encoder, once a reference")


class Seconds(NamedTuple):
    """Time on the clock, and processor time of all threads."""

    wall: float
    cpu: float


def measure_rounds(
    config: NetworkConfig, vision: VisionConfig | None, pixels: int, repeats: int,
) -> dict[str, list[Seconds]]:
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

        self.engine = random_engine(config, no_tower)
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
            guided: Tensor = uncond + self.scale * (cond - uncond)
            return guided

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

        from ..method.attach import attach
        from ..method.unet_layout import find_layout

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
