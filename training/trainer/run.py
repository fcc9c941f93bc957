"""Train a colorize checkpoint. To resume, run the same command again.

    accelerate launch training/train.py --preset v1-512 --data DATA --out RUN
    python training/train.py --preset pocket --data data/small --out runs/pocket --max-images 2000

Writes RUN/run.json (the configuration), log.jsonl, checkpoints/, samples/, and at the end final.safetensors.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import ensure_folder, write_whole
from training.trainer.recipe import Recipe
from training.trainer.recipes import RECIPES, recipe_of

if TYPE_CHECKING:
    from accelerate import Accelerator

    from training.dataset.pairs import Pairs
    from training.trainer.frozen_encoders import FrozenEncoders

MAX_SEED = 2**32 - 1  # numpy's
STOPPED = 143  # exit status, as of a process that SIGTERM ended
ONE_PROCESS = ("1 process trains, though accelerate was asked for more: on a CPU it starts one. For several there: "
               "ACCELERATE_USE_CPU=true torchrun --standalone --nproc_per_node 2 training/train.py ...")


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--preset", default="v1-512", metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="color/ and sketch/, see docs/data.md")
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    p.add_argument("--max-images", type=int, metavar="N", help="stop after so many images, before the stages' end")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v",
                   help="change a value of the recipe; --dry-run prints all of them")
    p.add_argument("--dry-run", action="store_true",
                   help="print the whole configuration, sizes, memory and time, and stop")
    return p


def make_accelerator(recipe: Recipe, out: Path) -> Accelerator:
    """By accelerate's own configuration; the recipe says into how many parts a step is cut."""
    from accelerate import Accelerator
    from accelerate.state import PartialState
    from accelerate.utils import DistributedDataParallelKwargs, parse_flag_from_env

    from training.trainer.feed import Share
    from training.trainer.logs import project

    world = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU")).num_processes
    if world == 1 and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ColorizeError(f"{os.environ['WORLD_SIZE']} processes were started and there is no GPU for them to share; "
                            "for processes on CPUs set ACCELERATE_USE_CPU=1")
    if world == 1 and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:  # as accelerate launch leaves it
        print(ONE_PROCESS, file=sys.stderr)
    parts = Share.of(recipe, 0, world).parts
    for tracker in recipe.run.trackers:
        if importlib.util.find_spec(tracker) is None:
            raise ColorizeError(f"run.trackers: found {tracker!r}, which is not installed; pip install {tracker}, or "
                                "leave it out (--set run.trackers=)")
    try:
        return Accelerator(
            mixed_precision=recipe.run.precision or None, gradient_accumulation_steps=parts,
            log_with=list(recipe.run.trackers) or None, project_config=project(out),
            kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)])
    except (ImportError, ValueError, RuntimeError) as error:
        raise ColorizeError(f"accelerate cannot start with this configuration: {error}") from None


def frozen_encoders(recipe: Recipe, accelerator: Accelerator) -> FrozenEncoders:
    """VAE and reference encoder, as far as the recipe names them."""
    from training.trainer.frozen_encoders import FrozenEncoders
    from training.trainer.initial_weights import load_reference_encoder, load_vae

    return FrozenEncoders(load_vae(recipe), load_reference_encoder(recipe), recipe.reference_encoder.inside,
                          accelerator.autocast)


def with_cache(
    pairs: Pairs, recipe: Recipe, encoders: FrozenEncoders, out: Path, accelerator: Accelerator,
) -> tuple[Pairs, FrozenEncoders]:
    """The pairs with what is cached of them, and the encoders that are needed besides."""
    from training.dataset.cache import Networks, build_cache, open_cache

    networks = Networks(encoders.vae, encoders.reference_encoder)
    if not recipe.run.cache or (networks.vae is None and networks.reference_encoder is None):
        return pairs, encoders
    if recipe.run.cache == "auto":
        if accelerator.is_main_process:
            build_cache(pairs, out / "cache", networks)
        accelerator.wait_for_everyone()
    folder = out / "cache" if recipe.run.cache == "auto" else Path(recipe.run.cache)
    off = pairs.options.cached()[1]
    if off:
        accelerator.print(f"cached, and so without: {', '.join(off)}")
    cache = open_cache(pairs, folder, networks)
    if "tokens" in cache.folders:
        encoders = replace(encoders, reference_encoder=None)  # the VAE stays: sample grids are decoded with it
    return pairs.with_cache(cache), encoders


def train_or_resume(args: argparse.Namespace) -> Path | None:
    """Train or resume; the finished checkpoint, None after --dry-run."""
    recipe = recipe_of(args.preset, args.settings)
    if args.max_images is not None and args.max_images < 1:
        raise ColorizeError(f"--max-images: found {args.max_images}, expected 1 or more")
    if not 0 <= args.seed <= MAX_SEED:
        raise ColorizeError(f"--seed: found {args.seed}, expected 0 to {MAX_SEED}")
    if args.out.exists() and not args.out.is_dir():
        raise ColorizeError(f"--out: found the file {args.out}, expected a folder, or a name for one")
    from training.dataset.pairs import open_pairs

    pairs = open_pairs(args.data, recipe.data)
    most = args.max_images or sys.maxsize
    if args.dry_run:
        from training.trainer.estimate import describe_run

        print(describe_run(recipe, pairs, most, args.out))
        return None
    return train_recipe(recipe, args.preset, pairs, most, args.seed, args.out, args.out / "final.safetensors")


def train_recipe(
    recipe: Recipe, preset: str, pairs: Pairs, most: int, seed: int, out: Path, final: Path,
) -> Path | None:
    """Train to the last stage's end or until so many images, or resume; `final`, which is the checkpoint then, None on
    all processes but one.
    """
    from training.trainer.export import export_run, keep_vae
    from training.trainer.loop import train
    from training.trainer.run_description import claim, description_of, read_description
    from training.trainer.trainer import Trainer

    accelerator = make_accelerator(recipe, out)
    if accelerator.is_main_process:
        ensure_folder(out)
        for told in claim(out, description_of(recipe, preset, pairs, seed)):
            print(f"{out}: {told}")
    accelerator.wait_for_everyone()
    description = read_description(out)
    recipe = recipe.in_images(description["epoch"])
    end = min(recipe.length(0), most)
    accelerator.print(pairs.report)
    encoders = frozen_encoders(recipe, accelerator)
    if accelerator.is_main_process and encoders.vae is not None:
        keep_vae(out, encoders.vae)
    pairs, encoders = with_cache(pairs, recipe, encoders.to(accelerator.device), out, accelerator)
    trainer = Trainer.build(accelerator, recipe, pairs, seed, out, encoders)
    if accelerator.is_main_process and not trainer.position.images:
        write_whole(out / "start.json", json.dumps(vars(trainer.start), indent=1))
        print(trainer.start)
    if not train(trainer, end, description):
        accelerator.print(f"stopped at {trainer.position.images} images; the same command goes on", file=sys.stderr)
        sys.exit(STOPPED)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        export_run(out, final, recipe.run.export)
    accelerator.end_training()
    return final if accelerator.is_main_process else None


def main() -> None:
    args = parser().parse_args()
    try:
        final = train_or_resume(args)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    if final:
        print(final)
