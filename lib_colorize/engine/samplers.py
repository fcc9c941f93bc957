"""The tables of samplers and noise level schedules over `k_diffusion`, and how one of them is run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ColorizeError
from .k_diffusion_door import k_diffusion_sampling, without_waiting

if TYPE_CHECKING:
    from torch import Tensor

    from ..method.schedule import NoiseSchedule

Denoiser = Callable[..., "Tensor"]  # (x, sigma [B]) -> denoised x
Callback = Callable[[dict[str, Any]], None]  # k-diffusion's, once a step: i, sigma, denoised, ...
StepNoise = Callable[["Tensor", "Tensor"], "Tensor"]  # (sigma, next sigma) -> noise like x


@dataclass(frozen=True)
class Sampler:
    """One sampling method: its function in `k_diffusion.sampling` and what it needs."""

    function: str
    scheduler: str  # what "Automatic" means
    noise: str = ""  # "" none, "step" fresh noise for each step, "tree" a Brownian tree over sigma
    discard: bool = False  # takes one level more and drops the one before the 0
    span: bool = False  # is told only the ends of the schedule, and places the levels itself
    adaptive: bool = False  # and takes as many steps as it needs


SAMPLERS = {
    "DPM++ 2M": Sampler("sample_dpmpp_2m", "Karras"),
    "DPM++ SDE": Sampler("sample_dpmpp_sde", "Karras", "tree"),
    "DPM++ 2M SDE": Sampler("sample_dpmpp_2m_sde", "Exponential", "tree"),
    "DPM++ 3M SDE": Sampler("sample_dpmpp_3m_sde", "Exponential", "tree", discard=True),
    "DPM++ 2S a": Sampler("sample_dpmpp_2s_ancestral", "Karras", "step"),
    "Euler": Sampler("sample_euler", "Uniform"),
    "Euler a": Sampler("sample_euler_ancestral", "Uniform", "step"),
    "Heun": Sampler("sample_heun", "Uniform"),
    "LMS": Sampler("sample_lms", "Uniform"),
    "DPM2": Sampler("sample_dpm_2", "Karras", discard=True),
    "DPM2 a": Sampler("sample_dpm_2_ancestral", "Karras", "step", discard=True),
    "DPM fast": Sampler("sample_dpm_fast", "Uniform", "step", span=True),
    "DPM adaptive": Sampler("sample_dpm_adaptive", "Uniform", "step", span=True, adaptive=True),
}
SCHEDULERS = ("Automatic", "Karras", "Exponential", "Polyexponential", "Uniform", "SGM Uniform")


def find_sampler(name: str) -> Sampler:
    """The sampler of that name; ColorizeError with the known names otherwise."""
    if name not in SAMPLERS:
        raise ColorizeError(f"sampler: found {name!r}, expected one of {', '.join(SAMPLERS)}")
    return SAMPLERS[name]


def find_scheduler(name: str) -> str:
    """The name itself; ColorizeError with the known names if it is none of them."""
    if name not in SCHEDULERS:
        raise ColorizeError(f"scheduler: found {name!r}, expected one of {', '.join(SCHEDULERS)}")
    return name


def noise_levels(sampler: str, scheduler: str, steps: int, schedule: NoiseSchedule) -> Tensor:
    """Falling sigmas [steps + 1] with a 0 at the end (golden schedule.k_diffusion)."""
    import torch

    method, name = find_sampler(sampler), find_scheduler(scheduler)
    if name == "Automatic":
        name = method.scheduler
    count = steps + 1 if method.discard else steps
    low, high = float(schedule.sigmas[0]), float(schedule.sigmas[-1])
    last = len(schedule.sigmas) - 1
    kd = k_diffusion_sampling()
    if name == "Karras":
        sigmas = kd.get_sigmas_karras(count, low, high)
    elif name == "Exponential":
        sigmas = kd.get_sigmas_exponential(count, low, high)
    elif name == "Polyexponential":
        sigmas = kd.get_sigmas_polyexponential(count, low, high)
    else:
        t = torch.linspace(last, 0, count + 1)[:-1] if name == "SGM Uniform" else torch.linspace(last, 0, count)
        sigmas = kd.append_zero(schedule.sigma_of_t(t))
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if method.discard else sigmas


def run_sampler(
    sampler: str, denoise: Denoiser, x_T: Tensor, sigmas: Tensor, noise: StepNoise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample from x_T [B, C, h, w] of unit variance; starts at x_T * sigmas[0] as the authors' app does.

    With sigmas on the CPU and x_T elsewhere nothing waits for the device: `denoise` is given every sigma [1] on the CPU
    too. (DPM adaptive asks after each step how large its error was.)
    """
    import torch

    method = _method(sampler, sigmas)
    apart = x_T.device != sigmas.device and not method.adaptive
    if apart:
        asked = iter(asked_sigmas(sampler, sigmas))
        given = denoise

        def denoise(x: Tensor, sigma: Tensor) -> Tensor:
            denoised: Tensor = given(x, next(asked))
            return denoised

    function = getattr(k_diffusion_sampling(), method.function)
    options: dict[str, Any] = {"callback": callback, "disable": True}
    if method.noise:
        options["noise_sampler"] = noise
    with torch.no_grad():
        x = x_T * sigmas[0]
        if method.span:
            steps = () if method.adaptive else (len(sigmas) - 1,)
            sampled: Tensor = function(denoise, x, float(sigmas[-2]), float(sigmas[0]), *steps, **options)
        else:
            sampled = (without_waiting(function) if apart else function)(denoise, x, sigmas, **options)
    return sampled


def asked_sigmas(sampler: str, sigmas: Tensor) -> list[Tensor]:
    """Every sigma [1] at which this sampler will ask for a prediction, in its order; on the CPU, where sigmas lie.

    They do not depend on the picture (but DPM adaptive's).
    """
    return list(_rehearsed(sampler, tuple(sigmas.tolist())))


@functools.lru_cache(maxsize=16)
def _rehearsed(sampler: str, sigmas: tuple[float, ...]) -> tuple[Tensor, ...]:
    """The sampler is run on a single number."""
    import torch

    asked: list[Tensor] = []

    def note(x: Tensor, sigma: Tensor) -> Tensor:
        asked.append(sigma)
        return x

    nothing = torch.zeros(1, 1, 1, 1)
    run_sampler(sampler, note, nothing, torch.tensor(sigmas), lambda sigma, after: nothing)
    return tuple(asked)


def _method(sampler: str, sigmas: Tensor) -> Sampler:
    """All are one Euler step where there is one step; in k_diffusion 2M SDE and 3M SDE fail at it."""
    method = find_sampler(sampler)
    return SAMPLERS["Euler"] if len(sigmas) == 2 and not method.span else method
