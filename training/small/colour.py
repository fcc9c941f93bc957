"""How different two colours look: CIELAB of sRGB, and CIEDE2000 (Sharma, Wu and Dalal 2005) by scikit-image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage.color import deltaE_ciede2000

_difference: Callable[..., np.ndarray] = deltaE_ciede2000  # it comes without types

WHITE = np.array([0.95047, 1.0, 1.08883])  # D65, of sRGB
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # IEC 61966-2-1; scikit-image's is rounded, greys get a tint


def lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in [0, 255] -> CIELAB [..., 3]."""
    x = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def ciede2000(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: CIELAB [..., 3], broadcast together -> [...]; below 1 nobody sees it, above 20 it is another colour."""
    return _difference(*np.broadcast_arrays(a, b))


def rgb_of(colour: str) -> np.ndarray:
    """#rrggbb -> [3] in [0, 255]."""
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)
