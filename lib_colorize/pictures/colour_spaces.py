"""Numbers of colour spaces: primaries, white points, transfer curves, and the way to linear and coded sRGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Colours = Callable[[np.ndarray], np.ndarray]  # [..., 3] -> [..., 3]

D65, D50 = (0.3127, 0.3290), (0.34567, 0.35850)  # x, y
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65, in XYZ
SRGB_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                        [0.0193339, 0.1191920, 0.9503041]])  # IEC 61966-2-1; rounded further greys get a tint
WHITE_NITS = 203.0  # of diffuse white in HDR: ITU-R BT.2408, table 1


@dataclass(frozen=True)
class Primaries:
    """x, y of red, green, blue and white."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = D65

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Primaries:
        """White, red, green, blue, as PNG's cHRM has them."""
        w, r, g, b = (tuple(numbers[i:i + 2]) for i in range(0, 8, 2))
        return cls(r, g, b, w)  # type: ignore[arg-type]

    def near(self, other: Primaries, within: float) -> bool:
        mine, others = (np.array([p.red, p.green, p.blue, p.white]) for p in (self, other))
        return bool(np.abs(mine - others).max() < within)

    def to_xyz(self) -> np.ndarray:
        """[3, 3]: linear RGB -> XYZ, white = Y 1 (SMPTE RP 177)."""
        columns = np.stack([xyz_of(*point) for point in (self.red, self.green, self.blue)], 1)
        return columns * np.linalg.solve(columns, xyz_of(*self.white))


def xyz_of(x: float, y: float) -> np.ndarray:
    """[3]: the XYZ of a chromaticity, Y 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y])


REC709 = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
PRIMARIES = {  # by the numbers of ITU-T H.273, table 2
    1: REC709, 9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


def xyz_to_srgb_matrix(white: tuple[float, float]) -> np.ndarray:
    """[3, 3]: XYZ seen under that white -> linear sRGB, adapted to D65 by Bradford (Lam 1985)."""
    scale = (BRADFORD @ xyz_of(*D65)) / (BRADFORD @ xyz_of(*white))
    adapted: np.ndarray = np.linalg.inv(BRADFORD) @ (scale[:, None] * BRADFORD)
    return np.asarray(np.linalg.inv(REC709.to_xyz()) @ adapted)


def to_srgb_matrix(primaries: Primaries) -> np.ndarray:
    """[3, 3]: linear RGB of these primaries -> linear sRGB."""
    return np.asarray(xyz_to_srgb_matrix(primaries.white) @ primaries.to_xyz())


def srgb_coded(linear: np.ndarray) -> np.ndarray:
    """Linear in [0, 1] (clipped) -> coded (IEC 61966-2-1)."""
    v = linear.clip(0, 1)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.power(v, 1 / 2.4) - 0.055)


def srgb_linear(coded: np.ndarray) -> np.ndarray:
    """The inverse of `srgb_coded`."""
    return np.where(coded <= 0.04045, coded / 12.92, np.power((coded + 0.055) / 1.055, 2.4))


def power_law(coded: np.ndarray, exponent: float) -> np.ndarray:
    """A curve that is a power alone."""
    return np.asarray(np.power(coded, exponent))


def pq_linear(coded: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084 -> linear, diffuse white = 1."""
    root = np.power(coded, 1 / 78.84375)
    ratio = (root - 0.8359375).clip(0) / (18.8515625 - 18.6875 * root)
    return np.asarray(np.power(ratio, 1 / 0.1593017578125) * 1e4 / WHITE_NITS)


def hlg_linear(coded: np.ndarray) -> np.ndarray:
    """Hybrid log-gamma (ITU-R BT.2100, table 5) on a display of 1,000 nits -> linear, diffuse white = 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(scene * np.power(luminance.clip(1e-6), 0.2)[..., None] * 1e3 / WHITE_NITS)


def lab_of(rgb: np.ndarray) -> np.ndarray:
    """sRGB [..., 3] in [0, 255] -> CIELAB [..., 3] of D65 (CIE 15, 8.2.1.1)."""
    xyz = srgb_linear(np.asarray(rgb, dtype=np.float64) / 255) @ SRGB_TO_XYZ.T / SRGB_WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def srgb_of_lab(lab: np.ndarray) -> np.ndarray:
    """The inverse of `lab_of`, but [..., 3] in [0, 1], cut to it."""
    return srgb_coded(lab_to_xyz(lab, SRGB_WHITE) @ np.linalg.inv(SRGB_TO_XYZ).T)


def lab_to_xyz(lab: np.ndarray, white: np.ndarray) -> np.ndarray:
    """CIE 15, 8.2.1.1, inverted. lab: [..., 3]; white: [3], its XYZ."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    return np.asarray(np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * white)


SRGB = (1, 6, 13, 14, 15)  # transfers of H.273 that are shown as sRGB is
TRANSFERS: dict[int, Colours] = {
    **{number: srgb_linear for number in SRGB}, 4: lambda v: power_law(v, 2.2), 5: lambda v: power_law(v, 2.8),
    8: lambda v: v, 16: pq_linear, 18: hlg_linear,
}
