"""colorize, for a folder of sketches: what the options ask for is checked, then every sketch is coloured."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from ..method.settings import Settings
from .extra_files import ExtraFiles
from .folder import colour_folder, list_sketches, planned_files
from .folder_jobs import FolderJobs
from .folder_report import FolderReport
from .hint_files import HintFiles
from .job_options import engine_of, make_job
from .layers_output import LayersOutput
from .output_paths import identities, output_paths, require_transparency
from .progress import bar, tell
from .references import References
from .result_file import check_format

if TYPE_CHECKING:
    from .sketch_files import SketchFiles


def colour_folder_of(
    args: argparse.Namespace, sketches: Path, reference: Path, settings: Settings, output: Path, extras: ExtraFiles,
) -> int:
    """The exit code: 1 when some were passed over."""
    suffix = f".{args.format or 'png'}"
    check_format(output / f"a{suffix}", args.quality)
    require_transparency(output / f"a{suffix}", settings, f"--format {suffix[1:]}")
    references = references_of(args, sketches, reference, output)
    layers, hints = LayersOutput.beside(args), HintFiles.of(args)
    others = [*references.paths(), *extras.paths(), *hints.paths(), *filter(None, [references.folder])]
    found = list_sketches(sketches, output, args.recursive, others)
    files = planned_files(found, output, suffix, settings.batch)
    table, sheet = (None if name is None else Path(name) for name in (args.report, args.contact_sheet))
    report = FolderReport(table, sheet, sketches, list(files))
    report.check([path for each in files.values() for path in output_paths(each, settings.batch)], output)
    engine, kept = engine_of(args), identities((*files, *references.paths(), *hints.paths()))

    note: Callable[[str], object] = str if args.quiet else tell
    told(found, note)
    for line in hints.notes(found.sketches):
        note(line)
    jobs = FolderJobs(lambda own: make_job(args, own, settings, extras, layers, kept, engine), engine, settings,
                      args.force, references, sketches, list(files.items()), hints, args.follow or 0.0)
    with report:
        summary = colour_folder(jobs, files, lambda name: bar(args.quiet, name), tell, note, report.note)
    summary.failed |= {Path(str(refused)): str(refused) for refused in found.closed}
    if not args.quiet:
        print(summary)
    return 1 if summary.failed else 0


def references_of(args: argparse.Namespace, sketches: Path, reference: Path, output: Path) -> References:
    """ColorizeError for what cannot be where each sketch has its own."""
    folder = None if args.own_references is None else Path(args.own_references)
    references = References.read(reference, folder, args.recursive)
    references.require_other_folder(sketches, output)
    if references.by_name and args.reference_mask is not None:
        raise ColorizeError("--reference-mask: belongs to one reference, and each sketch has its own; leave it out")
    return references


def told(found: SketchFiles, note: Callable[[str], object]) -> None:
    """What of the folder is left out."""
    for line in found.notes():
        note(line)
    for refused in found.closed:
        tell(f"passed over: {refused}")
