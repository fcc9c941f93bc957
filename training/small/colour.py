"""How different two colours look: CIEDE2000 (Sharma, Wu and Dalal 2005) by scikit-image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage.color import deltaE_ciede2000

_difference: Callable[..., np.ndarray] = deltaE_ciede2000  # it comes without types


def ciede2000(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: CIELAB [..., 3], broadcast together -> [...]; below 1 nobody sees it, above 20 it is another colour."""
    return _difference(*np.broadcast_arrays(a, b))


def rgb_of(colour: str) -> np.ndarray:
    """#rrggbb -> [3] in [0, 255]."""
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)
