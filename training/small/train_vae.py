"""The small model's auto-encoder: KL-f8 of Stable Diffusion's layout, trained from nothing on flat-coloured pictures.

    python -m training.train_vae --data data/pairs --out runs/vae [--steps 11000]

GroupNorm of 32 groups at width 32 is instance norm, which erases the very colour of a flat picture; three channels to a
group are the least that can carry it, and vae_init.py makes them do so from the first step. Crops are cheap,
so most steps see crops, and the last fifth whole pictures. Errors on lines weigh more: else thin ones between dark
colours are lost. `--decoder-of VAE.pt` goes on with the decoder alone: the
latents stay what they are, so that a U-Net can be trained on them meanwhile. Run the same command again to resume.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VAEConfig
from lib_colorize.whole_file import replacing
from training.dataset.pairs import Pairs, open_pairs
from training.small.vae_init import bias_of, pass_colour
from training.small.vae_losses import loss_terms, term_weights
from training.trainer.recipes import POCKET

CONFIG = VAEConfig(ch=96, ch_mult=(1, 1, 1, 1), num_res_blocks=0, z_channels=4, embed_dim=4)
CROP = 64  # px, in the first 80 % of the steps
DATA = replace(POCKET.data, flip=True, max_margin=0)


def batch(pairs: Pairs, step: int, seed: int, window: int, count: int) -> tuple[Tensor, Tensor]:
    """`count` pictures [B, 3, H, W] and their sketches, or random windows of them, a pure function of (seed, step)."""
    rng = np.random.default_rng((seed, step))
    made = pairs.batch(rng.integers(0, len(pairs), count).tolist(), seed, step, window)
    assert made.color is not None, "opened without a cache"
    return made.color, made.sketch


def rescale(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Make every latent channel of mean 0 and, scaled, of standard deviation 1, the reconstructions equal.

    Both are linear, so they go into the 1x1 convolutions on either side of the latent. pictures: [B, 3, H, W].
    """
    with torch.no_grad():
        means = torch.cat([vae.encode(part)[0] for part in torch.split(pictures, 64)])
        shift, scale = means.mean((0, 2, 3)), means.std((0, 2, 3)) * vae.scale_factor
        channels = len(scale)
        old_weight, post = vae.quant_conv.weight, vae.post_quant_conv
        bias_of(post).add_((post.weight[:, :, 0, 0] * shift).sum(1))
        post.weight *= scale.view(1, -1, 1, 1)
        old_weight[:channels] /= scale.view(-1, 1, 1, 1)
        bias = bias_of(vae.quant_conv)
        bias[:channels] = (bias[:channels] - shift) / scale
        bias[channels:] -= 2 * scale.log()


def save_state(path: Path, vae: AutoencoderKL, optimizer: torch.optim.Optimizer, step: int) -> None:
    """To resume from; a broken write leaves the old file."""
    with replacing(path) as unfinished:
        torch.save({"step": step, "model": vae.state_dict(), "optimizer": optimizer.state_dict()}, unfinished)


def load_state(path: Path, vae: AutoencoderKL, optimizer: torch.optim.Optimizer) -> int:
    """The number of finished steps, 0 when there is no file."""
    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    vae.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def train_auto_encoder(
    data: Path, out: Path, steps: int, batch_size: int, seed: int, lr: float, decoder_of: Path | None = None,
) -> AutoencoderKL:
    """Train or resume; writes out/state.pt now and then and out/vae.pt at the end."""
    pairs = open_pairs(data, DATA)
    torch.manual_seed(seed)
    vae = AutoencoderKL(CONFIG).to(memory_format=torch.channels_last)
    pass_colour(vae)
    if decoder_of:
        vae.load_state_dict(torch.load(decoder_of, weights_only=True))
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    trained = [p for p in vae.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.99), weight_decay=1e-4)
    out.mkdir(parents=True, exist_ok=True)
    start = load_state(out / "state.pt", vae, optimizer)
    since = time.time()
    for step in range(start, steps):
        progress = step / steps
        whole = progress >= 0.8
        window, count = (0, max(1, batch_size // 4)) if whole else (CROP, batch_size)
        x, sketch = batch(pairs, step, seed, window, count)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        noise = torch.randn(len(x), 4, x.shape[2] // 8, x.shape[3] // 8, generator=generator)
        terms = loss_terms(vae, x, sketch, noise)
        loss = torch.stack([w * terms[name] for name, w in term_weights(progress).items()]).sum()
        optimizer.param_groups[0]["lr"] = lr * min(1.0, step / 100) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        if (step + 1) % 25 == 0:
            record = {"step": step + 1, "seconds": round(time.time() - since, 1)}
            record.update({name: round(float(value), 4) for name, value in terms.items()})
            with open(out / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
        if (step + 1) % 100 == 0 or step + 1 == steps:
            save_state(out / "state.pt", vae, optimizer, step + 1)
    if not decoder_of:
        some = [pairs.batch([i], seed, 0).color for i in range(0, len(pairs), max(1, len(pairs) // 512))]
        rescale(vae, torch.cat([colour for colour in some if colour is not None]))
    with replacing(out / "vae.pt") as unfinished:
        torch.save(vae.state_dict(), unfinished)
    return vae


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/pairs"))
    parser.add_argument("--out", type=Path, default=Path("runs/vae"))
    parser.add_argument("--steps", type=int, default=11_000)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--decoder-of", type=Path, help="a finished vae.pt whose decoder is trained further")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=4e-4)
    args = parser.parse_args()
    try:
        train_auto_encoder(args.data, args.out, args.steps, args.batch_size, args.seed, args.lr, args.decoder_of)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
