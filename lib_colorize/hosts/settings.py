"""The settings of a job in a WebUI: those of the core, less what the host itself asks for, and what only a host has."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from ..errors import ColorizeError
from ..method.setting_field import in_order, recorded_values, setting
from ..method.settings import Settings

SECOND_PASS = frozenset(("second_pass", "second_strength"))  # hires fix, and keep base at a larger size
HOST_OWNED = SECOND_PASS | {"steps", "sampler", "scheduler", "seed", "width", "height", "batch"}  # the host asks for it
PREFIX = "Colorize "  # of every infotext key: other extensions write theirs into the same text


class StartFrom(enum.Enum):
    """What sampling starts from in img2img."""

    NOISE = "pure noise"
    BASE = "keep base"


class LayerFile(enum.Enum):
    """What the layers of a result are written as, beside it."""

    NONE = "none"
    PSD = "psd"
    ORA = "ora"
    PNG = "png"


def _weight(label: str, name: str) -> Any:
    return setting(1.0, label, name, "How much this reference counts beside the others; 0 = not at all", 0.0, 10.0,
                   0.05, since=2, section="references")


@dataclass(frozen=True)
class JobSettings(Settings):
    """Settings of one WebUI job. HOST_OWNED fields keep their defaults and are not looked at."""

    start: StartFrom = setting(
        StartFrom.NOISE, "Start", "start",
        "pure noise = colour the sketch anew at any denoising strength; keep base = img2img's picture is coloured "
        "already, the denoising strength says how much of it may change, and the sketch is the extension's own picture",
        advanced=False)
    size_from_sketch: bool = setting(
        False, "Size from the sketch", "size from sketch",
        "Width and height follow the sketch's shape at the checkpoint's own size; off = as set above. In inpaint, "
        "\"Only masked\" paints at that size too. Not with inpainting of the whole picture, keep base, or another "
        "resize mode than the first", advanced=False)
    reference_weight: float = _weight("Weight of the first reference", "Reference weight")
    reference_2_weight: float = _weight("Weight of the second", "Reference 2 weight")
    reference_3_weight: float = _weight("Weight of the third", "Reference 3 weight")
    reference_4_weight: float = _weight("Weight of the fourth", "Reference 4 weight")
    layers: LayerFile = setting(
        LayerFile.NONE, "Layers", "Layers",
        "Lines, light, shade, flats and colour as layers of the sketch's own size, written beside the picture: psd, "
        "ora (OpenRaster), or a folder of png; over the API they come with the answer", since=2, section="finish")

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> JobSettings:
        """Settings by name; ColorizeError for an unknown name, one of the host's own, or a wrong value."""
        if SECOND_PASS & set(values):
            raise ColorizeError("second_pass, second_strength: a WebUI has a second pass of its own; use Hires. fix in "
                                "txt2img, or in img2img a larger size with keep base")
        owned = sorted(HOST_OWNED & set(values))
        if owned:
            raise ColorizeError(f"{', '.join(owned)}: set by the WebUI itself, not by this extension; give it there")
        return cls().with_(**values)

    @classmethod
    def from_job_infotext(cls, text: Mapping[str, str]) -> JobSettings:
        """Settings from a picture's infotext; a key that is not there means the default, as `job_infotext` has it,
        or what was before there was such a setting.
        """
        return cls.from_values(recorded_values(job_fields(), infotext_key, text))

    def job_infotext(self) -> dict[str, str]:
        """Infotext of what differs from the defaults, or meant something else once; `from_job_infotext` is the inverse.
        """
        every, usual = self.to_infotext(), JobSettings().to_infotext()
        said = ((str(f.metadata["infotext"]), f) for f in job_fields())
        return {infotext_key(f): every[core] for core, f in said
                if every[core] != usual[core] or f.metadata["before"] is not None}


def job_fields() -> tuple[Field[Any], ...]:
    """The settings that the extension asks for, in the order of the API's list: new ones are only ever appended."""
    return in_order(f for f in fields(JobSettings) if f.name not in HOST_OWNED)


def infotext_key(item: Field[Any]) -> str:
    """The key of one setting in a WebUI's infotext."""
    word = str(item.metadata["infotext"])
    return PREFIX + word[0].lower() + word[1:]
