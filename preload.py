"""Read by the WebUI before it parses its command line; nothing heavy may be imported here."""

from __future__ import annotations

import argparse


def preload(parser: argparse.ArgumentParser) -> None:
    """Add our option; the WebUI keeps it in `shared.cmd_opts`."""
    parser.add_argument(
        "--colorize-models-dir", type=str, default=None, metavar="DIR",
        help="folder of ColorizeDiffusion's reference encoders (default: models/ColorizeDiffusion)")
