"""Tiny runs for the tests of the training loop: pictures, networks small enough for a CPU, and the program itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tools.gpu_check.resume import write_pictures
from training.dataset.pairs import open_pairs
from training.trainer.feed import Share
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.recipe import Recipe
from training.trainer.recipes import recipe_of
from training.trainer.trainer import Trainer

ROOT = Path(__file__).parent.parent
SIZE = 64  # px
NETWORKS = (  # --set values that make any preset tiny
    "networks.unet.model_channels=32", "networks.unet.channel_mult=1,1,2,2", "networks.unet.num_head_channels=32",
    "networks.unet.context_dim=32", "networks.sketch.model_channels=32", "networks.sketch.channel_mult=1,1,2,2",
    "networks.vae.ch=32", "networks.vae.ch_mult=1,1,1,1", "networks.vae.num_res_blocks=0",
    "networks.reference.image_size=32", "networks.reference.patch_size=16", "networks.reference.width=32",
    "networks.reference.layers=1", "networks.reference.head_width=32", "networks.reference.mlp_ratio=2",
    "networks.reference.output_dim=32", f"data.resolution={SIZE}", "data.max_margin=8")
RUN = ("run.micro_batch=0", "run.workers=0", "run.cache=", "run.save_every=2", "run.log_every=2", "run.sample_every=0",
       "run.trackers=", "run.precision=no", "optimizer.batch_size=2", "start.checkpoint=none",
       "start.reference_encoder=none")


def tiny(preset: str, *settings: str) -> Recipe:
    """A preset at small width."""
    return recipe_of(preset, (*NETWORKS, *RUN, *settings))


def make_pictures(folder: Path, count: int = 6, size: int = SIZE) -> Path:
    """`count` random pairs as color/ and sketch/."""
    write_pictures(folder, size, count)
    return folder


def make_vae(path: Path) -> Path:
    """Random weights of the tiny auto-encoder."""
    config = tiny("pocket").networks.vae
    assert config
    torch.manual_seed(1)
    torch.save(AutoencoderKL(config).state_dict(), path)
    return path


def command(files: Path, out: Path, *settings: str, preset: str = "pocket") -> list[str]:
    """Arguments of train.py for a tiny run; files: the folder of the fixture `training_files`."""
    chosen = (*NETWORKS, *RUN, f"start.vae={files / 'vae.pt'}", *settings)
    return ["--preset", preset, "--data", str(files / "data"), "--out", str(out),
            *(word for setting in chosen for word in ("--set", setting))]


def environment(**more: str) -> dict[str, str]:
    """One thread, no GPU, nothing from the internet."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", **more}


def start(arguments: Sequence[str], program: str = "training/train.py", **env: str) -> subprocess.Popen[str]:
    """`python training/train.py ...` in the background."""
    return subprocess.Popen([sys.executable, program, *arguments], cwd=ROOT, env=environment(**env),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str], timeout: float = 1200) -> str:
    """Its output; AssertionError with it unless it ended well."""
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output
    return output


def start_together(
    arguments: Sequence[str], world: int = 2, program: str = "training/train.py", **env: str,
) -> list[subprocess.Popen[str]]:
    """`world` processes of one run over gloo, as torchrun starts them."""
    port = str(free_port())
    return [start(arguments, program, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world),
                  LOCAL_WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1", MASTER_PORT=port, **env)
            for rank in range(world)]


def finish_together(arguments: Sequence[str], program: str = "training/train.py", **env: str) -> list[str]:
    """Two processes of one run to their end; their outputs."""
    return [finish(process) for process in start_together(arguments, 2, program, **env)]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def encoders(recipe: Recipe) -> FrozenEncoders:
    """Random frozen encoders of a recipe's sizes."""
    vae, vision = recipe.networks.vae, recipe.networks.reference
    assert vae and vision
    torch.manual_seed(1)
    reference = None if recipe.reference_encoder.inside else ReferenceEncoder(vision).eval().requires_grad_(False)
    return FrozenEncoders(AutoencoderKL(vae).eval().requires_grad_(False), reference, recipe.reference_encoder.inside)


def trainer(recipe: Recipe, data: Path, out: Path, seed: int = 0) -> Trainer:
    """A run in this process, at its start or its last checkpoint."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=Share.of(recipe, 0, 1).parts)
    out.mkdir(parents=True, exist_ok=True)
    return Trainer.build(accelerator, recipe, open_pairs(data, recipe.data), seed, out, encoders(recipe))


def difference(a: Mapping[object, torch.Tensor], b: Mapping[object, torch.Tensor]) -> float:
    """L2 norm of the difference of two states, by the norm of the first."""
    assert a.keys() == b.keys()
    parts = [(float((a[k] - b[k]).double().square().sum()), float(a[k].double().square().sum())) for k in a]
    return float((sum(p[0] for p in parts) / sum(p[1] for p in parts)) ** 0.5)


def reset_accelerate() -> None:
    """accelerate keeps its state for a whole process, as if there were one run in it."""
    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    PartialState._reset_state()
