"""What the small model's auto-encoder is trained to do: pixels, colours, edges, a latent that begins as the colour."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL

LINES = 4.0  # how much more an error on a line weighs
STRONG = 4.0  # by how much the weight of an edge's error falls with the contrast: 1 / (1 + STRONG contrast)


def line_weights(sketch: Tensor) -> Tensor:
    """[B, 3, H, W], lines +1 on -1 -> [B, 1, H, W]: 1, and LINES more on lines and one pixel around."""
    return 1 + LINES * F.max_pool2d((sketch[:, :1] > 0).float(), 3, stride=1, padding=1)


def edge_loss(y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Error of the differences of neighbouring pixels, weighed, and less so where x itself has a strong edge.

    So a black line counts in a dark area too, where a plain mean hardly sees it. weight: [B, 1, H, W].
    """
    found = []
    for dim in (2, 3):
        true = x.diff(dim=dim)
        near = weight.narrow(dim, 1, weight.shape[dim] - 1) / (1 + STRONG * true.abs())
        found.append((near * (y.diff(dim=dim) - true).abs()).mean())
    return torch.stack(found).mean()


def loss_terms(vae: AutoencoderKL, x: Tensor, sketch: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """x, sketch: [B, 3, H, W]; noise: [B, 4, H/8, W/8]. Every term is a mean; `train` weighs them."""
    mean, logvar = vae.encode(x)
    latent = mean + (0.5 * logvar).exp() * noise
    y = vae.decode(latent * vae.scale_factor)
    weight, coarse = line_weights(sketch), F.avg_pool2d(x, 8)
    return {
        "pixels": (weight * (y - x).abs()).mean(),
        "colour": F.l1_loss(F.avg_pool2d(y, 8), coarse),
        "edges": edge_loss(y, x, weight),
        "anchor": F.mse_loss(mean[:, :3], coarse),
        "kl": 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean(),
    }


def term_weights(progress: float) -> dict[str, float]:
    """The weight of each term; progress in [0, 1]."""
    return {"pixels": 1.0, "colour": 1.0, "edges": 3.0, "anchor": 0.1 if progress < 0.3 else 0.01, "kl": 2e-4}
