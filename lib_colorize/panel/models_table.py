"""What the panel says about model files, as HTML: which are there, which are missing, what a licence allows."""

from __future__ import annotations

from collections.abc import Container
from html import escape
from typing import TYPE_CHECKING

from ..models.catalogue import CATALOGUE, Folders, Licence, Purpose, known
from ..models.scan import Skipped, scan
from ..models.status import FileStatus, Need, models_status
from .texts import Texts

if TYPE_CHECKING:
    from ..hosts.checkpoint_status import Status


def downloads(texts: Texts) -> list[tuple[str, str]]:
    """(what the user reads, id) of every file that can be downloaded and used; the needed ones first."""
    entries = sorted(CATALOGUE, key=lambda entry: not entry.recommended)
    return [(f"{entry.name} - {texts(_key(entry.purpose))}, {entry.size_text}, {entry.licence.name}", entry.id)
            for entry in entries]


def licence_note(id: str, texts: Texts) -> str:
    """HTML: what is downloaded from whom, where it goes, and what its licence allows."""
    entry = known(id)
    about = f"<b>{escape(entry.name)}</b>: {escape(entry.about)}, {entry.size_text}."
    return f"<p>{about}</p><p>{_licence(entry.licence)}: {escape(entry.licence.text)}</p>" + (
        f"<p><b>{texts('non_commercial')}</b></p>" if entry.licence.non_commercial else "")


def _licence(licence: Licence) -> str:
    return f'<a href="{escape(licence.url)}" target="_blank" rel="noreferrer">{escape(licence.name)}</a>'


def models_table(folders: Folders, texts: Texts, in_use: Container[Purpose] = ()) -> str:
    """HTML: which files there are and which are missing, and what was found and cannot be used.

    in_use: what the host has already, wherever it lies. What is neither there nor needed lies folded below.
    """
    found = scan(folders)
    shown: list[str] = []
    others: list[str] = []
    for row in models_status(folders, scan=found):
        needed = row.need is Need.NEEDED and row.purpose not in in_use
        (shown if needed or row.path else others).append(_row(row, texts, needed))
    table = _table(shown, texts) if shown else f"<p>{texts('models_in_use')}</p>"
    return table + (_folded(others, texts) if others else "") + _skipped(found.skipped, texts)


def _folded(rows: list[str], texts: Texts) -> str:
    title = texts("models_others", count=len(rows))
    return f"<details><summary>{title}</summary>{_table(rows, texts)}</details>"


def _table(rows: list[str], texts: Texts) -> str:
    columns = ("column_file", "column_size", "column_licence", "column_state")
    heads = "".join(f"<th>{texts(key)}</th>" for key in columns)
    return f"<table><tr>{heads}</tr>{''.join(rows)}</table>"


def table_beside(now: Status, folders: Folders, t: Texts) -> str:
    """HTML: the table for a page whose loaded checkpoint is known: what that has is not called missing."""
    in_use = [Purpose.CHECKPOINT] if now.is_colorize and now.resolution else []
    in_use += [Purpose.REFERENCE_ENCODER] if now.reference_encoder else []
    return models_table(folders, t, in_use)


def _row(row: FileStatus, texts: Texts, needed: bool) -> str:
    if row.path:
        state = texts("state_found", folder=escape(str(row.folder)))
    else:
        state = texts("state_needed" if needed else "state_optional", folder=escape(str(row.folder)))
    file = f"<b>{escape(row.name)}</b><br>{texts(_key(row.purpose))}: {escape(row.about)}"
    return f"<tr><td>{file}</td><td>{escape(row.size)}</td><td>{escape(row.licence)}</td><td>{state}</td></tr>"


def _skipped(skipped: tuple[Skipped, ...], texts: Texts) -> str:
    items = "".join(f"<li>{escape(str(path))}: {escape(reason)}</li>" for path, reason in skipped)
    return f"<p>{texts('unusable')}</p><ul>{items}</ul>" if items else ""


def _key(purpose: Purpose) -> str:
    return {Purpose.CHECKPOINT: "purpose_checkpoint", Purpose.REFERENCE_ENCODER: "purpose_encoder"}[purpose]
