"""The learned line extractor's weights: pairs are drawn while it learns, on one thread.

    python -m training.train_lines --drawings runs/drawings.jsonl.xz --out models/lines.safetensors [--minutes 7]

Learned from nothing, on drawings of CC BY 4.0, CC0 and MIT alone: OpenMoji (CC BY-SA) are left out, and so are what
the extractor is measured with. A batch is windows of the newest pairs. The export is the moving average of the
weights, batch norms folded into the convolutions, as float16.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.line_net import LineNet, line_net
from lib_colorize.whole_file import replacing
from training.small.drawing_file import read_drawings
from training.small.drawings import Drawing
from training.small.line_pairs import LinePair, draw_line_pair

SIZE, WINDOW, BATCH = 192, 128, 8  # px, px, windows
KEPT, FRESH = 256, 2  # pairs in the pool, and new ones a step
RATE, GOING_ON, AVERAGE = 3e-3, 6e-4, 0.995
EXCLUDED = "openmoji/"
LOG = 50  # steps


def normed_block(before: int, after: int, stride: int) -> nn.Module:
    """`line_net.plain_block` with a batch norm between; `folded` takes it away again."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after),
                         nn.ReLU(inplace=True))


def folded(network: nn.Module) -> dict[str, Tensor]:
    """The state of the same network made of plain blocks; the batch norms' running statistics go into the weights."""
    state = network.state_dict()
    found: dict[str, Tensor] = {}
    for key in [key for key in state if key.endswith("running_mean")]:
        block = key.removesuffix("1.running_mean")
        scale = state[f"{block}1.weight"] / (state[f"{block}1.running_var"] + 1e-5).sqrt()
        found[f"{block}0.weight"] = state[f"{block}0.weight"] * scale[:, None, None, None]
        found[f"{block}0.bias"] = state[f"{block}1.bias"] - state[key] * scale
    found |= {key: value for key, value in state.items() if key.startswith("out.")}
    return found


def loss_of(logits: Tensor, lines: Tensor) -> Tensor:
    """Cross entropy, and one less the overlap (Milletari 2016): lines are a twentieth of a picture."""
    cross = F.binary_cross_entropy_with_logits(logits, lines)
    drawn = logits.sigmoid()
    overlap = (2 * (drawn * lines).sum() + 1) / (drawn.sum() + lines.sum() + 1)
    return cross + 0.5 * (1 - overlap)


def batch_of(pool: Sequence[LinePair], rng: random.Random) -> tuple[Tensor, Tensor]:
    """Pictures [B, 3, WINDOW, WINDOW] and their lines [B, 1, ...], in [0, 1]; colours change places."""
    pictures, lines = [], []
    for _ in range(BATCH):
        pair = rng.choice(pool)
        y, x = rng.randint(0, SIZE - WINDOW), rng.randint(0, SIZE - WINDOW)
        turned, order = rng.randint(0, 3), rng.sample(range(3), 3)
        window = pair.picture[y:y + WINDOW, x:x + WINDOW][..., order]
        pictures.append(np.rot90(window, turned).copy())
        lines.append(np.rot90(pair.lines[y:y + WINDOW, x:x + WINDOW], turned).copy())
    shown = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return shown, torch.from_numpy(np.stack(lines))[:, None].float() / 255


def learn_lines(
    drawings: Sequence[Drawing], minutes: float, seed: int, start: LineNet | None = None, say: bool = True,
) -> LineNet:
    """The averaged network after so many minutes of a processor, of which the learning rate rises in a twentieth.

    start: goes on from there, without batch norms and at a lower rate.
    """
    torch.manual_seed(seed)
    rng = random.Random(f"lines {seed}")
    network, rate = (LineNet(block=normed_block), RATE) if start is None else (start, GOING_ON)
    average = torch.optim.swa_utils.AveragedModel(
        network, avg_fn=lambda kept, new, _: AVERAGE * kept + (1 - AVERAGE) * new, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-4)
    pool: deque[LinePair] = deque(maxlen=KEPT)
    begin, step, mean = time.process_time(), 0, math.nan
    while (done := (time.process_time() - begin) / (60 * minutes)) < 1:
        for _ in range(FRESH if pool else 4 * BATCH):
            pool.append(draw_line_pair(rng.choice(drawings), SIZE, rng))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, done / 0.05 + 0.01) * 0.5 * (1 + math.cos(math.pi * done))
        pictures, lines = batch_of(pool, rng)
        loss = loss_of(network(pictures), lines)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        average.update_parameters(network)
        step += 1
        now = loss.item()
        mean = now if math.isnan(mean) else 0.98 * mean + 0.02 * now
        if say and step % LOG == 0:
            print(f"{done:5.0%}  step {step}  loss {mean:.4f}", flush=True)
    averaged = average.module
    assert isinstance(averaged, LineNet)
    return averaged


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--drawings", type=Path, required=True, help="as training.make_small --prepare writes them")
    parser.add_argument("--out", type=Path, required=True, help="safetensors")
    parser.add_argument("--minutes", type=float, default=7, help="of one processor; default: 7")
    parser.add_argument("--start", type=Path, help="go on from these weights; default: from nothing")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        found = [sized.drawing for sized in read_drawings(args.drawings)]
        start = None if args.start is None else line_net(args.start).requires_grad_(True).train()
        network = learn_lines([each for each in found if not each.name.startswith(EXCLUDED)], args.minutes, args.seed,
                              start)
        whole = folded(network) if start is None else network.state_dict()
        state = {key: value.half().contiguous() for key, value in whole.items()}
        with replacing(args.out) as unfinished:
            save_file(state, unfinished)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")
