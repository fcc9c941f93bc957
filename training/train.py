"""Train a colorize checkpoint: the paper's noisy stage, then refinement. One process; run the same command to resume.

    python -m training.train --preset pocket --data data/small --vae runs/vae/vae.pt --out runs/pocket

Writes RUN/log.jsonl (one object per logged step), RUN/state.pt (to resume) and RUN/final.safetensors.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from lib_colorize.attach import add_hints
from lib_colorize.reference_encoder import ReferenceEncoder
from lib_colorize.schedule import NoiseSchedule, alphas_cumprod
from lib_colorize.sketch_encoder import SketchEncoder
from lib_colorize.standalone.networks import AutoencoderKL, make_unet
from training.dataset import Batch, PairDataset
from training.export import export
from training.objective import diffusion_loss, drop_reference, drop_sketch, erase_margins, noisy_tokens
from training.recipes import RECIPES, Recipe, Stage
from training.state import load_state, save_state


class Model(nn.Module):
    """What is trained: U-Net, sketch encoder and, in a small model, the reference encoder."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        networks = recipe.networks
        assert networks.sketch and networks.reference, "a recipe names every network"
        self.unet = make_unet(networks.unet)
        self.sketch_encoder = SketchEncoder(**dataclasses.asdict(networks.sketch))
        self.reference_encoder = ReferenceEncoder(networks.reference)
        self.reference_encoder.requires_grad_(recipe.train_reference_encoder)
        if recipe.train_reference_encoder:
            fix_token_scale(self.reference_encoder)

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, sketch: Tensor) -> Tensor:
        """x: [B, 4, h, w] at step t [B]; tokens: [B, N, D]; sketch: [B, 3, H, W] -> the U-Net's output, like x."""
        with add_hints(self.unet, self.sketch_encoder(sketch)):
            output: Tensor = self.unet(x, t, context=tokens)
        return output


def fix_token_scale(encoder: ReferenceEncoder) -> None:
    """Tokens of unit variance for ever: a plain `ln_post`, and a rotation for a projection, both frozen.

    An encoder that learns beside the U-Net would else outgrow the noise of eq. 1 by scaling its tokens up.
    """
    visual = encoder.visual
    nn.init.orthogonal_(visual.proj)
    for parameter in (visual.proj, visual.ln_post.weight, visual.ln_post.bias):
        parameter.requires_grad_(False)


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, updates: int, max_decay: float) -> None:
    """decay = min(max_decay, (1 + n) / (10 + n)), n counts from 1 (as ldm's LitEma)."""
    decay = min(max_decay, (1 + updates) / (10 + updates))
    for shadow, parameter in zip(ema.parameters(), model.parameters()):
        shadow.lerp_(parameter, 1 - decay)


def schedule_of(recipe: Recipe) -> Iterator[tuple[Stage, float]]:
    """Stage and progress within it, in [0, 1), of every step."""
    for stage in recipe.stages:
        steps = stage.images // recipe.batch_size
        for step in range(steps):
            yield stage, step / steps


def training_loss(
    model: Model, batch: Batch, stage: Stage, recipe: Recipe, noise_schedule: NoiseSchedule, generator: torch.Generator,
) -> Tensor:
    """Loss per sample, [B]; every draw comes from `generator`."""
    count = len(batch.mean)

    def keep(rate: float) -> Tensor:
        return (torch.rand(count, generator=generator) >= rate).float()

    x0 = batch.mean + batch.std * torch.randn(batch.mean.shape, generator=generator)
    t = torch.randint(0, len(noise_schedule.alphas_cumprod), (count,), generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    margins = torch.randint(0, recipe.max_margin + 1, (count, 2), generator=generator)
    margins = margins * (torch.rand(count, 2, generator=generator) < recipe.margin_rate)
    sketch = drop_sketch(erase_margins(batch.sketch, margins), keep(stage.drop_sketch))
    tokens = model.reference_encoder(batch.reference)[:, 1:]
    token_noise = torch.randn(tokens.shape, generator=generator)
    tokens = noisy_tokens(tokens, t, token_noise, noise_schedule, stage.token_noise)
    tokens = drop_reference(tokens, keep(stage.drop_reference))
    output = model(noise_schedule.add_noise(x0, noise, t), t, tokens, sketch)
    return diffusion_loss(output, x0, noise, t, noise_schedule, recipe.prediction)


def train(
    recipe: Recipe, data: Path, vae_file: Path, out: Path, seed: int = 0, pictures: int | None = None,
    log_every: int = 25, save_every: int = 200,
) -> Path:
    """Train or resume; returns the finished checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    vae = AutoencoderKL(recipe.networks.vae)
    vae.load_state_dict(torch.load(vae_file, weights_only=True))
    dataset = PairDataset(data, vae, pictures)
    torch.manual_seed(seed)
    model = Model(recipe).to(memory_format=torch.channels_last)
    ema = copy.deepcopy(model).requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1.0, betas=(0.9, 0.99), weight_decay=recipe.weight_decay)
    parts = {"model": model, "ema": ema, "optimizer": optimizer}
    start = load_state(out / "state.pt", parts)
    (out / "recipe.json").write_text(json.dumps(dataclasses.asdict(recipe), indent=1, default=lambda e: e.value))
    noise_schedule = NoiseSchedule(alphas_cumprod())
    since, losses = time.time(), []
    for step, (stage, progress) in enumerate(schedule_of(recipe)):
        if step < start:
            continue
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        batch = dataset.batch(step, seed, recipe.batch_size, stage.window)
        loss = training_loss(model, batch, stage, recipe, noise_schedule, generator).mean()
        lr = stage.final_lr + (stage.lr - stage.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
        optimizer.param_groups[0]["lr"] = lr * min(1.0, (step + 1) / 100)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        update_ema(ema, model, step + 1, recipe.ema_decay)
        losses.append(float(loss.detach()))
        done = step + 1
        if done % log_every == 0:
            seconds = time.time() - since
            record = {"images": done * recipe.batch_size, "stage": stage.name, "loss": sum(losses) / len(losses),
                      "lr": lr, "images_per_second": len(losses) * recipe.batch_size / seconds}
            with open(out / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            since, losses = time.time(), []
        if done % save_every == 0:
            save_state(out / "state.pt", parts, done)
    final = out / "final.safetensors"
    export(final, ema, vae, recipe)
    return final


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", choices=sorted(RECIPES), default="pocket")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, help="use only so many of the pictures")
    args = parser.parse_args()
    print(train(RECIPES[args.preset], args.data, args.vae, args.out, args.seed, args.pictures))


if __name__ == "__main__":
    main()
