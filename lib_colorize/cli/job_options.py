"""The job that the options of `colorize` ask for, and the networks that they name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..method.settings import Settings
from .extra_options import with_models
from .loading import checkpoint_of, load_engine
from .options import seed_is_drawn

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from .extra_files import ExtraFiles
    from .file_job import FileJob
    from .input_picture import InputPicture
    from .layers_output import LayersOutput
    from .output_paths import Identity


def make_job(
    args: argparse.Namespace, reference: InputPicture, settings: Settings, extras: ExtraFiles,
    layers: LayersOutput | None = None, kept: frozenset[Identity] = frozenset(), engine: Engine | None = None,
) -> FileJob:
    """A job by the networks that the options name, or by `engine`. Everything else was checked.

    kept: files that are never written over, beside those of the job.
    """
    from .file_job import FileJob

    engine = engine or engine_of(args)
    return FileJob(engine, reference, settings, args.force, with_models(extras, engine, settings), args.quality,
                   any_seed=seed_is_drawn(args), layers=layers, kept=kept)


def engine_of(args: argparse.Namespace) -> Engine:
    """The networks that the options name."""
    return load_engine(checkpoint_of(args.checkpoint), args.reference_encoder, args.prediction, args.device,
                       args.dtype, args.one_by_one, args.text_encoder)
