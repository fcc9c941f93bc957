"""The noise of each picture, by its seed alone: to begin with, and of the steps; drawn on the CPU for every device."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .k_diffusion_door import k_diffusion_sampling
from .samplers import StepNoise, find_sampler

if TYPE_CHECKING:
    from torch import Tensor


def first_noise(shape: tuple[int, ...], seed: int) -> tuple[Tensor, Any]:
    """x_T [1, C, h, w] of unit variance, and the generator that goes on to draw this picture's step noise."""
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)  # on the CPU: the same picture on every device
    return torch.randn((1, *shape[1:]), generator=generator), generator


def step_noise(sampler: str, x: Tensor, sigmas: Tensor, seed: int, generator: Any) -> StepNoise | None:
    """The noise source of one picture, x: [1, C, h, w]; None for a sampler that draws none."""
    import torch

    kind = find_sampler(sampler).noise
    if kind == "tree" and len(sigmas) > 2:  # one step down to 0 adds no noise
        return _tree_noise(x, sigmas[sigmas > 0].cpu(), seed)
    if kind == "step":
        return lambda sigma, after: _moved(torch.randn(x.shape, generator=generator, dtype=x.dtype), x.device)
    return None


def step_noises(
    sampler: str, x: Tensor, sigmas: Tensor, seeds: Sequence[int], generators: Sequence[Any],
) -> StepNoise | None:
    """The noise source of several pictures, x: [P, C, h, w]: what each alone would be given, one beside the other."""
    import torch

    on_cpu = torch.zeros((1, *x.shape[1:]), dtype=x.dtype)
    sources = [step_noise(sampler, on_cpu, sigmas, *its_own) for its_own in zip(seeds, generators)]
    known = [source for source in sources if source is not None]
    if not known:
        return None
    return lambda sigma, after: _moved(torch.cat([source(sigma, after) for source in known]), x.device)


def _moved(noise: Tensor, device: Any) -> Tensor:
    """On the device, which is not waited for."""
    if device.type != "cuda":
        return noise.to(device)
    return noise.pin_memory().to(device, non_blocking=True)


def _tree_noise(x: Tensor, levels: Tensor, seed: int) -> StepNoise:
    """Noise like x from a Brownian motion over the levels, so that it does not depend on the number of steps."""
    import torch

    # of a last digit beyond the ends, which it clamps; for good, as `catch_warnings` is one for all threads
    warnings.filterwarnings("ignore", "Should have t", UserWarning, "torchsde")
    like = torch.zeros(x.shape, dtype=x.dtype)  # on the CPU, as above
    tree = k_diffusion_sampling().BrownianTreeNoiseSampler(like, levels.min(), levels.max(), seed=[seed])

    def noise(sigma: Tensor, after: Tensor) -> Tensor:
        return _moved(tree(sigma.cpu(), after.cpu()), x.device)

    return noise
