"""Frechet and kernel distance of two sets of features, as pytorch-fid, clean-FID and the KID paper compute them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lib_colorize.errors import ColorizeError

EPSILON = 1e-6  # added to the diagonals when their product is nearly singular (pytorch-fid)
SUBSETS, SUBSET_SIZE = 100, 1000  # of KID, as clean-FID


@dataclass(frozen=True)
class Gaussian:
    """Mean [D] and covariance [D, D] (unbiased), float64, of `count` feature vectors."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int

    @classmethod
    def of(cls, features: np.ndarray) -> Gaussian:
        """features: [N, D], N > 1."""
        if features.ndim != 2 or len(features) < 2:
            raise ColorizeError(f"features of shape {features.shape}; a distance of distributions needs at least two "
                                "pictures on each side, and thousands to mean something")
        x = features.astype(np.float64)
        return cls(x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False)), len(x))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel 2017, eq. 6; Dowson 1982)."""
    if a.mean.shape != b.mean.shape:
        raise ColorizeError(f"features of {len(a.mean)} and of {len(b.mean)} numbers; use one network for both")
    root = linalg.sqrtm(a.covariance @ b.covariance)
    if not np.isfinite(root).all():
        offset = EPSILON * np.eye(len(a.mean))
        root = linalg.sqrtm((a.covariance + offset) @ (b.covariance + offset))
    if np.iscomplexobj(root):
        if not np.allclose(np.diagonal(root).imag, 0, atol=1e-3):
            raise ColorizeError(f"the covariance root has an imaginary part of {np.abs(root.imag).max():.3g}; "
                                "use more pictures")
        root = root.real
    difference = a.mean - b.mean
    return float(difference @ difference + np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.trace(root))


def kernel_distance(
    a: np.ndarray, b: np.ndarray, subsets: int = SUBSETS, subset_size: int = SUBSET_SIZE, seed: int = 0,
) -> float:
    """KID (Binkowski 2018): mean over random subsets of the unbiased squared MMD with the kernel (x.y / D + 1)^3."""
    size = min(len(a), len(b), subset_size)
    if size < 2:
        raise ColorizeError(f"{size} pictures; a kernel distance needs two or more on each side")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(subsets):
        x, y = (z[rng.choice(len(z), size, replace=False)].astype(np.float64) for z in (a, b))
        xx, yy, xy = (((p @ q.T) / x.shape[1] + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
        own = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (size * (size - 1))
        found.append(own - 2 * xy.mean())
    return float(np.mean(found))
