"""Which models are needed, which are there, and where the missing ones go: what the models panel shows."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from ..checkpoint.kinds import VARIANTS
from .catalogue import CATALOGUE, Folders, KnownFile, Purpose
from .disk import amount, recorded_sha256
from .encoders import FoundEncoder
from .scan import FoundCheckpoint, Scan, Skipped
from .scan import scan as look_through

RELEASED_CONTEXT = 1024  # width of the released checkpoints' tokens


class Need(enum.Enum):
    """Whether to get a file; the value is for people."""

    NEEDED = "needed"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class FileStatus:
    """One row of the panel: a known file, or a file that was found under a name that is not known."""

    name: str
    purpose: Purpose
    about: str
    size: str
    licence: str
    non_commercial: bool
    need: Need
    path: Path | None  # where it lies; None = missing
    folder: Path  # where it lies or goes
    entry: KnownFile | None = None  # None = not from the catalogue
    sha256: str | None = None  # as recorded when it was downloaded or imported


def models_status(
    folders: Folders, context_dim: int = RELEASED_CONTEXT, encoder_inside: bool = False, scan: Scan | None = None,
) -> list[FileStatus]:
    """Every known file and every found one: needed first, then what is there, then the rest.

    context_dim, encoder_inside: of the loaded checkpoint, whose reference encoder may be in the same file.
    scan: a finished `model_files.scan`, else the folders are looked through now.
    """
    found = scan or look_through(folders)
    rows: list[FileStatus] = []
    satisfied = {Purpose.CHECKPOINT: bool(found.checkpoints),
                 Purpose.REFERENCE_ENCODER: encoder_inside or any(e.fits(context_dim) for e in found.encoders)}
    there: dict[Path, FoundCheckpoint | FoundEncoder] = {c.path: c for c in found.checkpoints}
    there.update({e.path: e for e in found.encoders})
    for entry in CATALOGUE:
        path = next((p for p, item in there.items() if _is(entry, p, item)), None)
        if path:
            rows.append(_present(entry, there.pop(path)))
        else:
            missing = entry.recommended and not satisfied[entry.purpose] and (
                entry.purpose is Purpose.CHECKPOINT or context_dim == RELEASED_CONTEXT)
            rows.append(FileStatus(
                entry.name, entry.purpose, entry.about, entry.size_text, entry.licence.name,
                entry.licence.non_commercial, Need.NEEDED if missing else Need.OPTIONAL, None,
                folders.target(entry.purpose), entry))
    rows += [_present(None, item) for item in there.values()]
    return sorted(rows, key=lambda row: (row.need is not Need.NEEDED, row.path is None))


def _is(entry: KnownFile, path: Path, item: FoundCheckpoint | FoundEncoder) -> bool:
    """Whether a found file is that entry: by name, and by what is in it."""
    if path.name.lower() != entry.name.lower():
        return False
    if isinstance(item, FoundCheckpoint):
        return entry.purpose is Purpose.CHECKPOINT and VARIANTS[item.kind] == entry.variant
    return entry.purpose is Purpose.REFERENCE_ENCODER and item.fits(RELEASED_CONTEXT)


def _present(entry: KnownFile | None, item: FoundCheckpoint | FoundEncoder) -> FileStatus:
    if isinstance(item, FoundEncoder):
        purpose, about = Purpose.REFERENCE_ENCODER, f"{item.layout.value}, {item.dtype}, tokens of {item.output_dim}"
    else:
        inside = ", reference encoder inside" if item.encoder_inside else ""
        purpose, about = Purpose.CHECKPOINT, f"{item.kind.value}{inside}"
    licence = entry.licence if entry else None
    return FileStatus(
        item.path.name, purpose, about, amount(item.size), licence.name if licence else "",
        licence.non_commercial if licence else False, Need.OPTIONAL, item.path, item.path.parent, entry,
        recorded_sha256(item.path))


def describe_status(rows: list[FileStatus], skipped: tuple[Skipped, ...] = ()) -> str:
    """Markdown: one table for each purpose, then what was found and cannot be used."""
    lines = []
    for purpose in Purpose:
        lines += [f"**{purpose.value.capitalize()}** (any one that is there will do)", "",
                  "| file | what it is | size | licence | state |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in rows if row.purpose is purpose]
        lines.append("")
    if skipped:
        lines += ["**Found, but not usable**", "", *(f"- `{path}`: {_cell(reason)}" for path, reason in skipped), ""]
    return "\n".join(lines).rstrip() + "\n"


def _line(row: FileStatus) -> str:
    licence = f"{row.licence}: **no commercial use**" if row.non_commercial else row.licence or "not known"
    if row.path:
        state = f"found: `{row.path}`" + (f", sha256 {row.sha256[:10]}" if row.sha256 else "")
    else:
        missing = "**missing, needed**" if row.need is Need.NEEDED else "not there, optional"
        state = f"{missing}: goes into `{row.folder}`"
    return "| " + " | ".join(_cell(cell) for cell in (row.name, row.about, row.size, licence, state)) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
