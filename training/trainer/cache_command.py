"""Encode all samples once: latent moments by the VAE, tokens by the reference encoder, on disk.

    python -m training.cache --preset v1-512 --data data/shards --out data/cache [--set data.resolution=512] [--dry-run]

Says first how large it gets. Running it again goes on; it may be killed at any moment. What was made by other weights,
pictures or options lies under another name and is never read; --prune deletes it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from functools import partial
from pathlib import Path

import torch

from lib_colorize.errors import ColorizeError
from training.dataset.cache import Networks, build_cache, estimate, stale_folders
from training.dataset.cache_store import KINDS
from training.dataset.pairs import open_pairs
from training.dataset.workers import ENGINES
from training.trainer.initial_weights import load_reference_encoder, load_vae
from training.trainer.recipes import RECIPES, recipe_of

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def _load(preset: str, settings: tuple[str, ...], kinds: tuple[str, ...], device: str) -> Networks:
    """The frozen networks of a recipe."""
    recipe = recipe_of(preset, list(settings))
    vae = load_vae(recipe) if "latents" in kinds else None
    encoder = load_reference_encoder(recipe) if "tokens" in kinds else None
    return Networks(vae.to(device) if vae else None, encoder.to(device) if encoder else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", choices=sorted(RECIPES), required=True)
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v", help="as of train.py")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the cache's folder; several caches may share one")
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS), help="default: both")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="float16")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch-size", type=int, default=8, help="pictures encoded at once")
    parser.add_argument("--engine", choices=ENGINES, default="local")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0: this one, or all that Ray has room for")
    parser.add_argument("--gpus", type=float, default=0.0, help="GPUs of each Ray worker")
    parser.add_argument("--dry-run", action="store_true", help="say the size and stop")
    parser.add_argument("--prune", action="store_true", help="delete caches in --out that nothing here makes")
    args = parser.parse_args()
    try:
        for name, least in (("batch_size", 1), ("workers", 0), ("gpus", 0)):
            found = getattr(args, name)
            if not least <= found < float("inf"):
                raise ColorizeError(f"--{name.replace('_', '-')}: found {found}, expected {least} or more")
        pairs = open_pairs(args.data, recipe_of(args.preset, args.settings).data)
        print(pairs.report)
        load = partial(_load, args.preset, tuple(args.settings), tuple(args.kinds), args.device)
        if args.dry_run:
            print(estimate(pairs, args.out, load(), DTYPES[args.dtype]))
            return
        cache = build_cache(pairs, args.out, load, dtype=DTYPES[args.dtype], batch_size=args.batch_size,
                            engine_name=args.engine, workers=args.workers, gpus=args.gpus)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    for folder in stale_folders(args.out, cache.folders):
        print(f"{folder}: made from something else{', deleted' if args.prune else '; --prune deletes it'}")
        if args.prune:
            shutil.rmtree(folder)
    print(", ".join(str(folder) for folder in cache.folders.values()))
