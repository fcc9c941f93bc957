"""Training as a user runs it: train, kill -9 after a checkpoint, the same command again, export, colour."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import ROOT, SHIPPED, example_pairs
from tools.gpu_check.findings import Finding
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_speed import TINY, recipe_on
from training.trainer.run_folder import POSITION, checkpoints

PICTURES = 48
MORE = 64  # images after the resumption


def run(notebook: Notebook) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        out, side = folder / "run", 64 if notebook.tiny else 128
        write_pictures(folder / "data", side)
        command = train_command(notebook, folder, out, side)
        begin = time.monotonic()
        killed_at = train_and_kill(command, out)
        notebook.add(Finding("train, kill -9", time.monotonic() - begin, "s", note=f"killed after {killed_at} images"))
        begin = time.monotonic()
        text = succeed([*command, "--max-images", str(killed_at + MORE)])
        images = images_of(out)
        notebook.add(Finding("the same command again", time.monotonic() - begin, "s", note=f"at {images} images",
                             failed=images < killed_at + MORE or "start:" in text))
        target = folder / "exported.safetensors"
        succeed([sys.executable, "-m", "training.export", "--run", str(out), str(target)])
        notebook.add(Finding("export", target.stat().st_size / 1e6, "MB"))
        notebook.attempt("colour with it", lambda: colour(notebook, target))


def write_pictures(folder: Path, side: int, count: int = PICTURES) -> None:
    """`count` random pairs as color/ and sketch/."""
    rng = np.random.default_rng(0)
    for part in ("color", "sketch"):
        (folder / part).mkdir(parents=True)
    for i in range(count):
        blocks = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8).repeat(side // 4, 0).repeat(side // 4, 1)
        lines = np.where(rng.random((side, side, 1)) < 0.1, 0, 255).astype(np.uint8).repeat(3, 2)
        Image.fromarray(blocks).save(folder / "color" / f"{i}.png")
        Image.fromarray(lines).save(folder / "sketch" / f"{i}.png")


def train_command(notebook: Notebook, folder: Path, out: Path, side: int) -> list[str]:
    """training/train.py with the recipe `pocket`, saving often; the batches come from processes, pinned on a card."""
    recipe = recipe_on(notebook, "pocket")
    settings = [f"data.resolution={side}", "optimizer.batch_size=8", "run.save_every=16", "run.log_every=16",
                "run.sample_every=0", "run.trackers=", f"run.precision={recipe.run.precision}", "run.workers=2",
                "run.compile=false"]
    if notebook.tiny:
        torch.manual_seed(1)
        from lib_colorize.engine.networks import AutoencoderKL

        assert recipe.networks.vae
        torch.save(AutoencoderKL(recipe.networks.vae).state_dict(), folder / "vae.pt")
    vae = folder / "vae.pt" if notebook.tiny else SHIPPED
    settings = [*(TINY if notebook.tiny else ()), *settings, f"start.vae={vae}"]
    return [sys.executable, str(ROOT / "training" / "train.py"), "--preset", "pocket", "--data", str(folder / "data"),
            "--out", str(out), *(word for setting in settings for word in ("--set", setting))]


def train_and_kill(command: Sequence[str], out: Path) -> int:
    """Kill the run as soon as it has a checkpoint; the images that this has seen."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        while not checkpoints(out):
            if process.poll() is not None:
                raise RuntimeError(f"training ended with status {process.returncode} before its first checkpoint")
            time.sleep(0.05)
    finally:
        process.kill()  # as kill -9, and on Windows too
        process.wait()
    return images_of(out)


def images_of(out: Path) -> int:
    """What the newest checkpoint has seen."""
    return int(json.loads((checkpoints(out)[-1] / POSITION).read_text(encoding="utf-8"))["images"])


def succeed(command: Sequence[str]) -> str:
    """What the program printed; RuntimeError with its last line when it fails."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", errors="replace")
    print(text)
    if done.returncode:
        raise RuntimeError(f"{Path(command[1]).name} ended with status {done.returncode}: "
                           f"{(text.strip().splitlines() or ['nothing printed'])[-1]}")
    return text


def colour(notebook: Notebook, checkpoint: Path) -> None:
    """A picture of its own size, that is not one colour."""
    engine = Engine.load(checkpoint, device=str(notebook.device))
    (sketch, reference), = example_pairs(1)
    picture = engine.colorize(sketch, reference, Settings(steps=4))[0].image
    spread = float(np.asarray(picture).std())
    notebook.add(Finding("colour with it", note=f"{picture.width} x {picture.height} px", failed=spread == 0))
