"""Every setting once: default, range, label, infotext key. UI, API, command line and PNG text are made from here."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from ..errors import ColorizeError, most_like, shortened
from .finish_settings import FinishSettings
from .injection_settings import InjectionSettings
from .large_settings import LargeSettings
from .mask_settings import MaskSettings
from .reading_settings import ReadingSettings
from .reference_settings import ReferenceSettings
from .setting_field import BLOCKS, checked, in_order, recorded_values, setting, to_text
from .text_settings import TextSettings


class Polarity(enum.Enum):
    """How the lines of a sketch differ from its paper."""

    AUTO = "auto"
    DARK_ON_LIGHT = "dark on light"
    LIGHT_ON_DARK = "light on dark"


BLOCK_GROUPS = {  # method.md section 2, "Cross-attention scale"
    "encoder": (0, 1, 2, 3, 4, 5),
    "colour": (2, 3, 10, 11, 12),
    "semantics": (4, 5, 7, 8, 9),
}
MAX_SIZE = 2048  # pixels, either side of a result
MAX_SEED = 2**32 - 1
EDGE = 1e-5  # of a guidance window: hosts round the last step differently, and both ends count in

_Settings = TypeVar("_Settings", bound="Settings")


@dataclass(frozen=True)
class Settings(FinishSettings, ReadingSettings, MaskSettings, InjectionSettings, TextSettings, ReferenceSettings,
               LargeSettings):
    """One colouring job, without its pictures. Immutable; `Settings(...)` raises ColorizeError when out of range."""

    reference_guidance: float = setting(
        5.0, "Reference guidance", "Reference guidance",
        "How hard the reference's colours are pulled in: more = stronger, too much burns them; 1 = off, twice as quick",
        1.0, 20.0, 0.5, advanced=False)
    sketch_guidance: float = setting(
        1.0, "Sketch guidance", "Sketch guidance",
        "How hard the picture is held to the lines; 1 = off. More takes longer", 1.0, 20.0, 0.5)
    reference_strength: float = setting(
        1.0, "Reference strength", "Reference strength",
        "How much of the reference is used: 0 = none of it, 1 = as trained", 0.0, 2.0, 0.05,
        advanced=False)
    sketch_strength: float = setting(
        1.0, "Sketch strength", "Sketch strength",
        "How much of the sketch is used: less lets the picture leave its lines, 1 = as trained", 0.0, 2.0, 0.05,
        advanced=False)
    semantics_strength: float = setting(
        1.0, "Semantics", "Semantics strength",
        "How much of the reference's shapes and things comes over (its faces, folds, leaves), beside its colours",
        0.0, 2.0, 0.05)
    colour_strength: float = setting(
        1.0, "Colour", "Colour strength", "How much of the reference's palette comes over, beside its shapes",
        0.0, 2.0, 0.05)
    encoder_strength: float = setting(
        1.0, "Encoder", "Encoder strength",
        "How much the reference counts while the picture is laid out; where it meets Semantics or Colour, they hold",
        0.0, 2.0, 0.05)
    block_strengths: tuple[float, ...] = setting(
        (), "16 blocks", "Block strengths",
        "For experiments: the reference's strength in each of the network's 16 layers, in their order, in place of the "
        "three above; empty = the three above",
        0.0, 2.0, 0.05)
    guidance_start: float = setting(
        0.0, "Reference from", "Reference from", "Progress at which the reference starts to act", 0.0, 1.0, 0.01)
    guidance_end: float = setting(
        1.0, "Reference until", "Reference until", "Progress at which the reference stops to act", 0.0, 1.0, 0.01)
    no_guidance_start: float = setting(
        0.0, "No reference from", "No reference from", "Start of a window without reference", 0.0, 1.0, 0.01)
    no_guidance_end: float = setting(
        0.0, "No reference until", "No reference until",
        "End of the window without reference; no window when not after its start", 0.0, 1.0, 0.01)
    polarity: Polarity = setting(
        Polarity.AUTO, "Lines", "Line polarity",
        "Dark lines on light paper, light on dark, or told by itself (which also makes the paper white)")
    extractor: str = setting(
        "none", "Line extractor", "Line extractor", "Draws lines from shaded or pencil input; none = lines as they are",
        advanced=False)
    line_overlay: float = setting(
        0.0, "Line overlay", "Line overlay",
        "Draws the sketch's own lines over the result, which then has the sketch's own size (Finishing: Result size); "
        "0 = off, 1 = full",
        0.0, 1.0, 0.05, advanced=False)
    steps: int = setting(20, "Steps", "Steps", "Sampling steps", 1, 150, 1, advanced=False)
    sampler: str = setting("DPM++ 2M", "Sampler", "Sampler", "Sampling method", advanced=False)
    scheduler: str = setting("Karras", "Scheduler", "Schedule type", "Noise level schedule", advanced=False)
    seed: int = setting(
        0, "Seed", "Seed", "Picture i of a batch uses seed + i", 0, MAX_SEED, 1, advanced=False)
    width: int = setting(0, "Width", "Width", "Pixels; 0 = from the sketch at the model's own size", 0, MAX_SIZE, 1)
    height: int = setting(0, "Height", "Height", "Pixels; 0 = from the sketch at the model's own size", 0, MAX_SIZE, 1)
    batch: int = setting(1, "Batch", "Batch size", "Pictures in one go", 1, 64, 1, advanced=False)

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, checked(item, getattr(self, item.name)))
        if self.guidance_start > self.guidance_end:
            raise ColorizeError(
                f"reference from {self.guidance_start:g} until {self.guidance_end:g}: the start lies after the end; "
                "swap them, or use 0 and 1 for the whole run")
        if (self.width == 0) != (self.height == 0):
            raise ColorizeError(f"size {self.width}x{self.height}: give both sides in pixels, or 0 for both")
        self.changes()

    def with_(self: _Settings, **changes: Any) -> _Settings:
        """A copy with some settings changed; unknown names raise ColorizeError."""
        names = [f.name for f in fields(self)]
        unknown = sorted(set(changes) - set(names))
        if unknown:
            near = most_like(unknown[0], names)
            raise ColorizeError(f"unknown setting {shortened(unknown[0])}; most like it are {near}")
        return replace(self, **changes)

    def block_scales(self) -> tuple[float, ...]:
        """The cross-attention scale of each of the 16 blocks (method.md section 2).

        Groups are applied encoder first, then colour and semantics over it; a block of no group takes the
        reference strength alone. (The authors' app leaves such a block at the value of the run before.)
        """
        scales = list(self.block_strengths) or [1.0] * BLOCKS
        if not self.block_strengths:
            groups = (("encoder", self.encoder_strength), ("colour", self.colour_strength),
                      ("semantics", self.semantics_strength))
            for name, value in groups:
                for block in BLOCK_GROUPS[name]:
                    scales[block] = value
        return tuple(s * self.reference_strength for s in scales)

    @property
    def windowed(self) -> bool:
        """Whether there is a progress where the reference does not act."""
        return self.guidance_start > 0 or self.guidance_end < 1 or self._has_gap

    @property
    def _has_gap(self) -> bool:
        return self.no_guidance_end > self.no_guidance_start

    def uses_reference_at(self, progress: float) -> bool:
        """True where the reference acts; progress = 1 - t / (T - 1), 0 at the start of sampling."""
        if not self.guidance_start - EDGE <= progress <= self.guidance_end + EDGE:
            return False
        return not (self._has_gap and self.no_guidance_start - EDGE <= progress <= self.no_guidance_end + EDGE)

    def to_infotext(self) -> dict[str, str]:
        """Infotext key -> value of every setting; `from_infotext` is the inverse."""
        return {f.metadata["infotext"]: to_text(getattr(self, f.name)) for f in in_order(fields(self))}

    @classmethod
    def from_infotext(cls, text: Mapping[str, str]) -> Settings:
        """Settings from infotext; keys of others are ignored, missing ones take the default or what was before."""
        found = recorded_values(fields(cls), lambda f: str(f.metadata["infotext"]), text)
        return cls(**found)  # type: ignore[arg-type]  # texts are parsed in __post_init__
