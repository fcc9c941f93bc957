"""The heatmap command: what a text finds in a reference, drawn over it, so that thresholds are not set blindly."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from ..console import one_line
from ..errors import ColorizeError
from ..method.settings import Settings
from ..method.text_settings import TextSettings
from .file_options import file_name, filled
from .loading import DEFAULT_CHECKPOINT, checkpoint_of
from .options import add_options_of, settings_of


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `heatmap`."""
    command.add_argument("reference", type=file_name, metavar="REFERENCE")
    command.add_argument("text", metavar="TEXT", help="what to look for, such as \"the girl's hair\"")
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="OUT.png")
    command.add_argument("--checkpoint", type=file_name, metavar="FILE",
                         help=f"its encoder is used if none is named; default: the shipped {DEFAULT_CHECKPOINT.name}")
    command.add_argument("--reference-encoder", type=file_name, metavar="FILE",
                         help="CLIP vision tower, if not inside the checkpoint")
    command.add_argument("--text-encoder", type=file_name, metavar="FILE",
                         help="CLIP's text half; default: found in the reference encoder's file or beside it")
    command.add_argument("--device", type=filled, help="cpu, cuda, cuda:1, ...; default: cuda if there is one")
    command.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32; cuda: float16")
    own = ["trim_reference", "reference_padding", *(item.name for item in fields(TextSettings))]
    add_options_of(command, [item for item in fields(Settings) if item.name in own])
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """heatmap."""
    from ..engine.heat_map import heat_map
    from ..engine.weights import DTYPES, Files, named_device
    from ..pictures.picture_files import open_image
    from .output_paths import check_output
    from .png_output import require_png, write_png

    settings = settings_of(args)
    if not args.text.strip():
        raise ColorizeError("heatmap: found an empty text, expected what to look for")
    reference, output = Path(args.reference), Path(args.output)
    picture = open_image(reference)
    require_png(output)
    check_output(output, (reference,))
    encoder, text = (None if name is None else Path(name) for name in (args.reference_encoder, args.text_encoder))
    device = named_device(args.device)
    dtype = DTYPES[args.dtype or ("float16" if device.type == "cuda" else "float32")]
    files = Files(encoder or checkpoint_of(args.checkpoint), encoder, text)
    drawn = heat_map(files, picture, args.text, settings, device, dtype)
    write_png(drawn, output)
    print(one_line(f"{output}: {args.text} at the thresholds "
                   f"{' '.join(f'{threshold:g}' for threshold in settings.text_thresholds)}"))
    return 0
