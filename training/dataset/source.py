"""Raw pictures: folders and zips with pictures in any arrangement, and what the builder asks of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from training.dataset import archive, decode
from training.dataset.archive import Member
from training.dataset.dedupe import fingerprint
from training.dataset.report import Report


@dataclass(frozen=True)
class Limits:
    """What a picture must be to be used."""

    min_side: int = 256  # px, shorter side
    max_aspect: float = 3.0  # longer side by shorter side
    min_colour: float = 0.0  # mean saturation of HSV, 0 to 1: above 0 leaves out black and white pages


@dataclass(frozen=True)
class Raw:
    """One raw picture; `key` is its name in the index and the report."""

    key: str
    path: str  # zip or folder
    name: str  # within it, without suffix
    member: tuple[int, ...]

    def picture(self) -> Image.Image:
        """RGB; BadPicture when it is damaged."""
        return decode.picture(archive.read(Path(self.path), self.name, Member(*self.member)))


def raw_pictures(source: Path, report: Report) -> Iterator[Raw]:
    """All pictures below a folder, in zips too, by name; what cannot be one is counted."""
    loose = archive.members(source, 0, report, zips_apart=True)
    for name, member in sorted(loose.items()):
        yield Raw(name, str(source), name, tuple(member))
    for path in sorted(source.rglob("*.zip")):
        inside = path.relative_to(source).with_suffix("").as_posix()
        for name, member in sorted(archive.members(path, 0, report).items()):
            yield Raw(f"{inside}/{name}", str(path), name, tuple(member))


def inspector(limits: Limits) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Job {"pictures": Raw as dicts} -> {"good": [...], "skipped": [[reason, key], ...]}; decodes every picture."""

    def work(job: dict[str, Any]) -> dict[str, Any]:
        good, skipped = [], []
        for fields in job["pictures"]:
            raw = Raw(**{**fields, "member": tuple(fields["member"])})
            try:
                picture = raw.picture()
                reason = _reason(picture, limits)
            except decode.BadPicture as error:
                reason = error.reason
            if reason:
                skipped.append([reason, raw.key])
                continue
            bits, colours = fingerprint(picture)
            good.append({**asdict(raw), "width": picture.width, "height": picture.height, "hash": bits.hex(),
                         "colours": colours.hex(), "colour": round(saturation(picture), 4)})
        return {"number": job["number"], "good": good, "skipped": skipped}

    return work


def _reason(picture: Image.Image, limits: Limits) -> str | None:
    """Why a picture is left out, None when it is not."""
    if min(picture.size) < limits.min_side:
        return f"shorter side below {limits.min_side} px"
    if max(picture.size) > limits.max_aspect * min(picture.size):
        return f"aspect ratio above {limits.max_aspect:g}"
    if saturation(picture) < limits.min_colour:
        return f"mean saturation below {limits.min_colour:g}"
    return None


def saturation(picture: Image.Image) -> float:
    """Mean S of HSV, 0 to 1, of the picture made small."""
    small = picture.resize((32, 32), Image.Resampling.BOX).convert("HSV").getchannel("S")
    return sum(i * count for i, count in enumerate(small.histogram())) / (32 * 32 * 255)
