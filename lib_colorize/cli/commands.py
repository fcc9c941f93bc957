"""The command line: colorize, inspect, convert, demo, bench. A bad input is one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import ColorizeError
from ..method.settings import Settings
from . import bench, demo

if TYPE_CHECKING:  # torch is imported when there is something to do
    from ..engine.engine import Engine, Progress
    from .job import Job
    from .png import Record

DEFAULT_CHECKPOINT = Path(__file__).resolve().parents[2] / "models" / "colorize-small.safetensors"
EXIT_CODES = "exit codes: 0 done, 1 some files of a folder passed over, 2 bad input, 130 interrupted"
SIZE_FIELDS = ("width", "height")  # one option, --size


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code (EXIT_CODES)."""
    try:
        args = parser().parse_args(argv)
        with warnings.catch_warnings():
            if not sys.warnoptions:  # of the libraries beneath; python -W brings them back
                warnings.simplefilter("ignore")
            return int(args.run(args))
    except ColorizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # ... | head
        sys.stderr.close()
        return 0
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        print("error: not enough memory; use a smaller --size, or --dtype float16 on a GPU", file=sys.stderr)
        return 2


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong argument is one line too."""

    def error(self, message: str) -> NoReturn:
        raise ColorizeError(f"{message} (see {self.prog} --help)")


def parser() -> Parser:
    """All commands and their options."""
    top = Parser("lib_colorize", description="Colour line art like a reference picture.", epilog=EXIT_CODES)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_colorize(commands.add_parser("colorize", help="colour a sketch, or a folder of sketches", epilog=EXIT_CODES))

    inspect = commands.add_parser("inspect", help="tell what a checkpoint file is")
    inspect.add_argument("file", metavar="FILE")
    inspect.set_defaults(run=run_inspect)

    convert = commands.add_parser("convert", help="write a checkpoint in another form, metadata kept")
    convert.add_argument("source", metavar="FILE")
    convert.add_argument("target", metavar="OUT.safetensors")
    convert.add_argument("--dtype", choices=("fp32", "fp16", "bf16"), help="of all weights; default: as they are")
    convert.add_argument("--projections", choices=("conv", "linear"),
                         help="1x1 convolutions (released files) or linear layers (Stability's); default: as they are")
    convert.add_argument("--prediction", choices=("eps", "v"), help="if the checkpoint does not say")
    convert.add_argument("--force", action="store_true", help="write over a file that is there")
    convert.set_defaults(run=run_convert)

    demo.add_arguments(commands.add_parser("demo", help="colour the example sketches"), DEFAULT_CHECKPOINT)
    bench.add_arguments(commands.add_parser("bench", help="time our sampling step beside a plain one"))
    return top


def _add_colorize(command: argparse.ArgumentParser) -> None:
    command.add_argument("inputs", nargs="*", metavar="SKETCH REFERENCE",
                         help="two picture files; SKETCH may be a folder, all files in it take the one reference")
    command.add_argument("-o", "--output", required=True, help="PNG to write; for a folder, an existing folder")
    command.add_argument("--from-png", metavar="FILE",
                         help="make a picture of this program again, bit for bit; name SKETCH REFERENCE if they moved")
    command.add_argument("--checkpoint", metavar="FILE", help=f"default: the shipped {DEFAULT_CHECKPOINT.name}")
    command.add_argument("--reference-encoder", metavar="FILE", help="CLIP vision tower, if not inside the checkpoint")
    command.add_argument("--prediction", choices=("eps", "v"), help="if the checkpoint does not say; default: probed")
    command.add_argument("--device", help="cpu, cuda, cuda:1, ...; default: cuda if there is one")
    command.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32; cuda: float16")
    command.add_argument("--force", action="store_true", help="write over other pictures of that name")
    command.add_argument("--quiet", action="store_true", help="no progress bar, only errors")
    group = command.add_argument_group("settings")
    group.add_argument("--size", metavar="WxH", help="pixels; default: the sketch's shape at the model's own size")
    names = known_names()
    for item in fields(Settings):
        if item.name not in SIZE_FIELDS:
            group.add_argument(f"--{item.name.replace('_', '-')}", help=_help(item, names.get(item.name, ())),
                               metavar=type(item.default).__name__.upper() if item.name not in names else "NAME")
    command.set_defaults(run=run_colorize)


def known_names() -> dict[str, Sequence[str]]:
    """Settings that are a name out of a table."""
    from ..engine.samplers import SAMPLERS, SCHEDULERS
    from ..method.settings import Polarity

    return {"sampler": tuple(SAMPLERS), "scheduler": SCHEDULERS, "polarity": tuple(p.value for p in Polarity),
            "extractor": ("none", "...")}


def _help(item: Any, names: Sequence[str]) -> str:
    about, low, high = item.metadata["help"], item.metadata["low"], item.metadata["high"]
    scope = f"{low:g} to {high:g}" if low is not None else ", ".join(names)
    default = getattr(item.default, "value", item.default)
    return f"{about}; {scope}; default: {default if default != () else 'none'}".replace("%", "%%")


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the options given; ColorizeError names the one that is out of range."""
    given = {f.name: getattr(args, f.name) for f in fields(Settings) if getattr(args, f.name, None) is not None}
    if args.size is not None:
        sides = args.size.lower().split("x")
        if len(sides) != 2:
            raise ColorizeError(f"size: found {args.size!r}, expected WIDTHxHEIGHT in pixels such as 512x768")
        given |= dict(zip(SIZE_FIELDS, sides))
    settings = Settings(**given)
    from ..engine.samplers import find_sampler, find_scheduler
    from ..method.lineart import extractor

    find_sampler(settings.sampler)
    find_scheduler(settings.scheduler)
    extractor(settings.extractor)
    return settings


def run_colorize(args: argparse.Namespace) -> int:
    """colorize, for one sketch, a folder, or a picture to repeat."""
    if args.from_png is not None:
        return run_again(args)
    settings = settings_of(args)
    if len(args.inputs) != 2:
        raise ColorizeError(f"found {len(args.inputs)} pictures, expected SKETCH and REFERENCE")
    sketch, reference, output = (Path(name) for name in (*args.inputs, args.output))
    from ..method.images import open_image
    from .folder import colour_folder, plan

    open_image(reference)
    if sketch.is_dir():
        files = plan(sketch, output)
        summary = colour_folder(_job(args, reference, settings), files, lambda name: bar(args.quiet, name),
                                lambda line: print(line, file=sys.stderr))
        if not args.quiet:
            print(summary)
        return 1 if summary.failed else 0
    open_image(sketch)
    check_output(output, (sketch, reference))
    job = _job(args, reference, settings)
    with bar(args.quiet, sketch.name) as progress:
        written = job.colour(sketch, output, progress)
    if not args.quiet:
        print("\n".join(map(str, written)) or f"{output}: finished before")
    return 0


def run_inspect(args: argparse.Namespace) -> int:
    """inspect."""
    from ..checkpoint.report import describe, inspect

    print(describe(inspect(args.file)))
    return 0


def run_convert(args: argparse.Namespace) -> int:
    """convert."""
    from ..checkpoint.convert import convert
    from ..checkpoint.report import describe
    from ..method.schedule import Prediction

    prediction = None if args.prediction is None else Prediction(args.prediction)
    print(describe(convert(args.source, args.target, args.dtype, args.projections, prediction, overwrite=args.force)))
    return 0


def run_again(args: argparse.Namespace) -> int:
    """--from-png: the same picture from the same files."""
    from .job import output_clear
    from .png import read_record

    changed = [f.name for f in fields(Settings) if getattr(args, f.name, None) is not None]
    changed += [name for name in ("size", "prediction", "device", "dtype") if getattr(args, name) is not None]
    if changed:
        name = changed[0].replace("_", "-")
        raise ColorizeError(f"--from-png takes its settings from the picture; leave out --{name}")
    if len(args.inputs) not in (0, 2):
        raise ColorizeError(f"found {len(args.inputs)} pictures, expected SKETCH and REFERENCE, or none")
    picture, output = Path(args.from_png), Path(args.output)
    record = read_record(picture)
    given = args.inputs or (None, None)
    sketch = record.sketch.find(picture.parent, given[0], "sketch")
    reference = record.reference.find(picture.parent, given[1], "reference")
    check_output(output, (sketch, reference, picture))
    output_clear(output, args.force)
    job = _job_again(args, record, picture.parent, reference)
    with bar(args.quiet, sketch.name) as progress:
        job.colour(sketch, output, progress)
    if not args.quiet:
        print(output)
    return 0


def check_output(output: Path, inputs: Sequence[Path]) -> None:
    """ColorizeError for an output that could not be written in the end, before any work."""
    if output.suffix.lower() != ".png":
        raise ColorizeError(f"{output}: expected a name that ends in .png (the settings travel in the PNG)")
    if not output.parent.is_dir():
        raise ColorizeError(f"{output}: the folder {output.parent} does not exist; make it first")
    if output.is_dir():
        raise ColorizeError(f"{output}: is a folder; name a PNG file")
    for path in inputs:
        if output.exists() and output.samefile(path):
            raise ColorizeError(f"{output}: is one of the inputs; name another file")


def _job(args: argparse.Namespace, reference: Path, settings: Settings) -> Job:
    from .job import Job

    checkpoint = args.checkpoint or DEFAULT_CHECKPOINT
    if args.checkpoint is None and not DEFAULT_CHECKPOINT.exists():
        raise ColorizeError(f"the shipped checkpoint {DEFAULT_CHECKPOINT} is missing; name one with --checkpoint")
    engine = _load(checkpoint, args.reference_encoder, args.prediction, args.device, args.dtype)
    return Job(engine, reference, settings, args.force)


def _job_again(args: argparse.Namespace, record: Record, folder: Path, reference: Path) -> Job:
    import torch

    from .job import Job, versions

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
        print(f"note: the picture may differ in its last bits: {', '.join(other)}", file=sys.stderr)
    engine = _load(checkpoint, encoder, record.prediction, record.device, record.dtype)
    return Job(engine, reference, record.settings, force=True)


def _load(checkpoint: Any, encoder: Any, prediction: str | None, device: str | None, dtype: str | None) -> Engine:
    import torch

    from ..engine.engine import Engine
    from ..method.schedule import Prediction

    torch.backends.cudnn.deterministic = True  # a picture repeats bit for bit; slower by a few per cent on a GPU
    return Engine.load(checkpoint, encoder, None if prediction is None else Prediction(prediction), device, dtype)


@contextlib.contextmanager
def bar(quiet: bool, name: str) -> Iterator[Progress | None]:
    """A progress bar on stderr, or None."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=name, unit="step", file=sys.stderr, leave=False) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress
