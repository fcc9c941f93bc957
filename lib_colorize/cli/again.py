"""colorize --from-png: the same picture from the same files, bit for bit."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import one_line
from ..errors import ColorizeError
from .extra_options import given_pictures
from .file_options import FOR_FOLDERS
from .loading import load_engine
from .options import given_settings, option_name
from .progress import bar

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from .record import Record

FROM_THE_PICTURE = ("size", "prediction", "device", "dtype")  # beside the settings


def run(args: argparse.Namespace) -> int:
    """Check what is asked for, find the files, make the picture."""
    from .extra_files import ExtraFiles
    from .file_job import FileJob
    from .input_picture import InputPicture
    from .layers_output import LayersOutput
    from .output_paths import check_output, identities, outputs_clear, require_transparency
    from .result_file import read_record

    check_arguments(args)
    picture, output = Path(args.from_png), Path(args.output)
    record = read_record(picture)
    given = args.inputs or (None, None)
    sketch = record.sketch.find(picture.parent, given[0], "sketch")
    reference = record.reference.find(picture.parent, given[1], "reference")
    extras = ExtraFiles.recorded(record, picture.parent, further_moved(args, record))
    check_output(output, (sketch, reference, picture, *extras.paths()), quality=args.quality)
    require_transparency(output, record.settings)
    outputs_clear([output], args.force)
    drawing, colours = InputPicture.read(sketch), InputPicture.read(reference)
    layers = LayersOutput.named(args)
    if layers is not None:
        layers.check(output, 1, identities((sketch, reference, picture, *extras.paths())), drawing.image.size)
    engine = recorded_engine(args, record, picture.parent, extras.models.get("text_encoder"))
    job = FileJob(engine, colours, record.settings, args.force, extras, args.quality, layers=layers)
    if record.lossy:
        print(one_line(f"note: {picture} was written with loss ({record.lossy}); a PNG made again is what it was made "
                       "from"), file=sys.stderr)
    with bar(args.quiet, sketch.name) as progress:
        job.colour(drawing, output, progress)
    if not args.quiet:
        print(one_line(str(output)))
    return 0


def check_arguments(args: argparse.Namespace) -> None:
    """ColorizeError for a setting beside --from-png, or for one picture of two."""
    changed = [*given_settings(args), *(name for name in FROM_THE_PICTURE if getattr(args, name) is not None)]
    if changed:
        raise ColorizeError(f"--from-png takes its settings from the picture; leave out {option_name(changed[0])}")
    for name in ("own_references", "report", "contact_sheet"):
        if getattr(args, name) is not None:
            raise ColorizeError(f"--from-png makes one picture; leave out {FOR_FOLDERS[name]}, which is for a folder "
                                "of sketches")
    if len(args.inputs) not in (0, 2):
        raise ColorizeError(f"found {len(args.inputs)} pictures, expected SKETCH and REFERENCE, or none")


def further_moved(args: argparse.Namespace, record: Record) -> dict[str, str]:
    """The further files that are typed; ColorizeError for one that the picture was made without."""
    files, weights = given_pictures(args)
    if weights or args.follow is not None:
        raise ColorizeError("--from-png takes weights from the picture; leave out --weight and --follow")
    files |= {"text_encoder": args.text_encoder} if args.text_encoder is not None else {}
    other = [name for name in files if name not in record.files]
    if other:
        raise ColorizeError(f"the picture was made without a {other[0].replace('_', ' ')}; leave out {files[other[0]]}")
    return files


def recorded_engine(args: argparse.Namespace, record: Record, folder: Path, texts: Path | None) -> Engine:
    """The engine as it was then; notes on stderr which packages are others. folder: where the picture lies.

    texts: the text half, None = there was none.
    """
    import torch

    from .record import versions

    checkpoint = record.checkpoint.find(folder, args.checkpoint, "checkpoint")
    encoder = args.reference_encoder
    if record.reference_encoder is not None:
        encoder = record.reference_encoder.find(folder, encoder, "reference encoder")
    elif encoder is not None:
        raise ColorizeError("the picture was made by the encoder in its checkpoint; leave out --reference-encoder")
    torch.set_num_threads(record.threads)
    other = [f"{name} {is_now or 'missing'} for {record.versions[name]}"
             for name in record.versions if (is_now := versions().get(name)) != record.versions[name]]
    if other:
        print(one_line(f"note: the picture may differ in its last bits: {', '.join(other)}"), file=sys.stderr)
    return load_engine(checkpoint, encoder, record.prediction, record.device, record.dtype, text_encoder=texts)
