"""Settings: attention injection (variants.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from .setting_field import setting


@dataclass(frozen=True)
class InjectionSettings:
    """Attention injection (variants.md section 4)."""

    injection: float = setting(
        0.0, "Injection", "Injection",
        "How much self-attention looks at the reference's own features too: its style, at twice the time; 0 = off",
        0.0, 1.0, 0.05, since=2, section="injection")
    injection_fidelity: float = setting(
        0.5, "Injection fidelity", "Injection fidelity",
        "Share of the prediction without reference that is kept free of injection; 1 = all: guidance pulls harder",
        0.0, 1.0, 0.05, since=2, section="injection")
    injection_control: float = setting(
        0.0, "Injection control", "Injection control",
        "Strength of the reference's own lines while its features are taken", 0.0, 2.0, 0.05,
        since=2, section="injection")
    injection_start: float = setting(
        0.0, "Injection from", "Injection from", "Progress at which injection starts to act", 0.0, 1.0, 0.01,
        since=2, section="injection")
