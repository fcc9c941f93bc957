"""How different two colours look: CIEDE2000 (Sharma, Wu and Dalal, Color Res. Appl. 30, 2005)."""

from __future__ import annotations

import numpy as np


def colour_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: CIELAB [..., 3], broadcast together -> CIEDE2000 [...], by the numbered equations of the paper."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    mean_c = (np.hypot(a[..., 1], a[..., 2]) + np.hypot(b[..., 1], b[..., 2])) / 2  # (2), (3)
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))  # (4)
    a1, a2 = (1 + g) * a[..., 1], (1 + g) * b[..., 1]  # (5)
    c1, c2 = np.hypot(a1, a[..., 2]), np.hypot(a2, b[..., 2])  # (6)
    h1, h2 = (np.degrees(np.arctan2(y, x)) % 360 for y, x in ((a[..., 2], a1), (b[..., 2], a2)))  # (7)
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(c1 * c2 == 0, 0, turn)  # (10)
    dl, dc = b[..., 0] - a[..., 0], c2 - c1  # (8), (9)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))  # (11)
    lightness, c = (a[..., 0] + b[..., 0]) / 2, (c1 + c2) / 2  # (12), (13)
    h = np.where(c1 * c2 == 0, h1 + h2, (h1 + turn / 2) % 360)  # (14)
    t = (1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
         + 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63)))  # (15)
    rotation = 2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)  # (18)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t  # (19), (20)
    squares = (dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 - rotation * dc / sc * dh / sh  # (21), (22)
    found: np.ndarray = np.sqrt(np.maximum(squares, 0))
    return found
