"""The small feature network of the evidence, and how it learns: kinds of drawings, and their colours on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from lib_colorize.errors import ColorizeError
from training.dataset.collate import to_tensor

SIDE = 64  # px
GRID = 4


@dataclass(frozen=True)
class FeatureRecipe:
    """What decides the network's weights, beside the data."""

    width: int = 32
    features: int = 64
    steps: int = 600
    batch_size: int = 64
    lr: float = 2e-3
    seed: int = 0


class FeatureNet(nn.Module):
    """forward(x [B, 3, 64, 64] in [-1, 1]) -> features [B, D]; `kind` and `colours` are the heads it is trained by."""

    def __init__(self, width: int, features: int, kinds: int) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width, 4 * width)
        self.body = nn.Sequential(*(layer for a, b in pairwise(widths) for layer in (
            nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(4, b), nn.SiLU())))
        self.features = nn.Linear(4 * width * GRID**2, features)
        self.kind = nn.Linear(features, kinds)
        self.colours = nn.Linear(features, 3 * GRID**2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.features(self.body(x).flatten(1))
        return found


def group_of(member: str, groups: dict[str, str]) -> str:
    """The style of an avatar or the OpenMoji group, from a member's name as `build_data` writes it."""
    name = member.rsplit("/", 1)[-1]
    source, _, rest = name.partition("-")
    code = rest.rpartition("-")[0]  # without the variant
    if source == "dicebear" and "-" in code:
        return code.rpartition("-")[0]
    if source == "openmoji" and code in groups:
        return groups[code]
    raise ColorizeError(f"{member}: found no kind of picture in its name, expected one of training.build_data; name "
                        "the folder that it wrote")


def learn(x: Tensor, kinds: Tensor, recipe: FeatureRecipe) -> FeatureNet:
    """x: [N, 3, 64, 64] in [-1, 1]; kinds: [N] long."""
    torch.manual_seed(recipe.seed)
    net = FeatureNet(recipe.width, recipe.features, int(kinds.max()) + 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, total_steps=recipe.steps)
    generator = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.steps):
        index = torch.randint(len(x), (recipe.batch_size,), generator=generator)
        batch = x[index]
        found = net(batch)
        loss = F.cross_entropy(net.kind(found), kinds[index]) + 4 * F.mse_loss(
            net.colours(found), F.adaptive_avg_pool2d(batch, GRID).flatten(1))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return net.eval().requires_grad_(False)


def small(image: Image.Image) -> Tensor:
    """RGB -> [1, 3, 64, 64] in [-1, 1]."""
    return to_tensor([image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)])
