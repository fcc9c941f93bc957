"""The noise schedule: alphas_cumprod, sigma <-> t, and what eps, v and x0 are of each other."""

from __future__ import annotations

import enum

import torch
from torch import Tensor

MIN_ALPHA = 5e-8  # a zero-terminal-SNR schedule would start from an infinite sigma; this is sigma 4472


class Prediction(enum.Enum):
    """What the U-Net's output means."""

    EPS = "eps"
    V = "v"


def _alphas_cumprod(linear_start: float, linear_end: float, timesteps: int, zero_snr: bool) -> Tensor:
    """[T] in float64."""
    betas = torch.linspace(linear_start**0.5, linear_end**0.5, timesteps, dtype=torch.float64) ** 2
    abar = torch.cumprod(1 - betas, 0)
    if zero_snr:  # Algorithm 1 of "Common Diffusion Noise Schedules and Sample Steps are Flawed", arXiv 2305.08891
        root = abar.sqrt()
        abar = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return abar


def alphas_cumprod(
    linear_start: float = 0.00085, linear_end: float = 0.012, timesteps: int = 1000, zero_snr: bool = False,
) -> Tensor:
    """[T], the cumulative product of 1 - beta of the "scaled linear" schedule (method, section 2); float32."""
    return _alphas_cumprod(linear_start, linear_end, timesteps, zero_snr).float()


def sampled_alphas(
    linear_start: float = 0.00085, linear_end: float = 0.012, timesteps: int = 1000, zero_snr: bool = False,
) -> Tensor:
    """The same for sampling: finite sigmas, at a zero SNR too."""
    return alphas_cumprod(linear_start, linear_end, timesteps, zero_snr).clamp(min=MIN_ALPHA)


def buffers(
    linear_start: float = 0.00085, linear_end: float = 0.012, timesteps: int = 1000, zero_snr: bool = False,
) -> dict[str, Tensor]:
    """The twelve buffers [T] that a released file carries, float32; eqs. 6 and 7 of DDPM (arXiv 2006.11239)."""
    abar = _alphas_cumprod(linear_start, linear_end, timesteps, zero_snr)
    prev = torch.cat([torch.ones(1, dtype=abar.dtype), abar[:-1]])
    alphas = abar / prev
    betas = 1 - alphas
    variance = betas * (1 - prev) / (1 - abar)
    table = {
        "betas": betas,
        "alphas_cumprod": abar,
        "alphas_cumprod_prev": prev,
        "sqrt_alphas_cumprod": abar.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - abar).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - abar).log(),
        "sqrt_recip_alphas_cumprod": (1 / abar).sqrt(),  # inf at the end of a zero-SNR schedule, as is the next
        "sqrt_recipm1_alphas_cumprod": (1 / abar - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": betas * prev.sqrt() / (1 - abar),
        "posterior_mean_coef2": (1 - prev) * alphas.sqrt() / (1 - abar),
    }
    return {name: value.float() for name, value in table.items()}


class NoiseSchedule:
    """x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps, and in k-diffusion's terms sigma_t = sqrt((1 - abar_t) / abar_t).

    t is a step in 0 .. T - 1, [B], whole or (interpolated in log sigma, as k-diffusion does) fractional.
    """

    def __init__(self, alphas_cumprod: Tensor) -> None:
        """alphas_cumprod: [T], falling.

        Tables are float32 and rounded correctly (float's own sqrt and log are not, and differ by machine): near T one
        last bit of t changes a guided picture by 2e-5.
        """
        self.alphas_cumprod = alphas_cumprod.float()
        ratio = (1 - self.alphas_cumprod) / self.alphas_cumprod
        self.sigmas = ratio.double().sqrt().float()  # [T], rising; inf at a zero SNR
        self._log_sigmas = self.sigmas.double().log().float()

    def t_of_sigma(self, sigma: Tensor) -> Tensor:
        """sigma: any shape, >= 0 -> t as float, same shape, clamped to 0 .. T - 1."""
        return interpolated_t(sigma, self._log_sigmas)

    def sigma_of_t(self, t: Tensor) -> Tensor:
        """t: any shape, whole or fractional -> sigma, same shape."""
        table = self._log_sigmas.to(t.device)
        t = t.float().clamp(0, len(table) - 1)
        low, high, part = t.floor().long(), t.ceil().long(), t.frac()
        between = (1 - part) * table[low] + part * table[high]
        return torch.where(part == 0, table[low], between).exp()  # without `where`, 0 * inf at a zero SNR

    def x0(self, x: Tensor, output: Tensor, t: Tensor, prediction: Prediction) -> Tensor:
        """The denoised picture that the U-Net's output for x_t stands for. x, output: [B, C, h, w]; t: [B]."""
        signal, noise = self._roots(x, t)
        if prediction is Prediction.EPS:
            return (x - noise * output) / signal
        return signal * x - noise * output

    def eps(self, x: Tensor, output: Tensor, t: Tensor, prediction: Prediction) -> Tensor:
        """The noise that the U-Net's output for x_t stands for. x, output: [B, C, h, w]; t: [B]."""
        if prediction is Prediction.EPS:
            return output
        signal, noise = self._roots(x, t)
        return signal * output + noise * x

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t. x0, noise: [B, ...] of one shape; t: [B]. Eq. 1 of the paper is this on reference tokens."""
        signal, sigma = self._roots(x0, t)
        return signal * x0 + sigma * noise

    def target(self, x0: Tensor, noise: Tensor, t: Tensor, prediction: Prediction) -> Tensor:
        """What the U-Net should give for add_noise(x0, noise, t)."""
        if prediction is Prediction.EPS:
            return noise
        signal, sigma = self._roots(x0, t)
        return signal * noise - sigma * x0  # v of "Progressive Distillation", arXiv 2202.00512

    def _roots(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(abar_t) and sqrt(1 - abar_t), shaped to multiply x."""
        if t.is_floating_point():
            sigma = self.sigma_of_t(t)
            signal = (1 + sigma**2).rsqrt()
            noise = (sigma * signal).nan_to_num(nan=1.0)  # nan = inf * 0 at a zero SNR
        else:
            abar = self.alphas_cumprod.to(t.device)[t]
            signal, noise = abar.sqrt(), (1 - abar).sqrt()
        shape = (-1, *[1] * (x.ndim - 1))
        return signal.to(x).view(shape), noise.to(x).view(shape)


def denoised(x: Tensor, output: Tensor, sigma: Tensor, prediction: Prediction) -> Tensor:
    """`NoiseSchedule.x0` in k-diffusion's terms: x = x0 + sigma eps [B, C, h, w], of which the U-Net saw
    x / sqrt(1 + sigma^2); sigma: [B], finite.
    """
    sigma = sigma.view(-1, 1, 1, 1)
    if prediction is Prediction.EPS:
        return x - sigma * output
    return x / (1 + sigma**2) - output * sigma / (1 + sigma**2).sqrt()


def interpolated_t(sigma: Tensor, log_sigmas: Tensor) -> Tensor:
    """sigma: any shape, >= 0; log_sigmas: [T], rising -> t as float, like sigma; linear in log sigma."""
    table = log_sigmas.cpu()  # some devices have no float64
    log_sigma = sigma.cpu().double().log().float().clamp(table[0], table[-1])
    low = (torch.searchsorted(table, log_sigma, right=True) - 1).clamp(0, len(table) - 2)
    part = (table[low] - log_sigma) / (table[low] - table[low + 1])
    part = part.nan_to_num(nan=1.0)  # nan = inf / inf: sigma of a zero-SNR schedule's last step
    t = (1 - part) * low + part * (low + 1)  # in k-diffusion's order, for the same last bit
    return t.to(sigma.device)
