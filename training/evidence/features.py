"""The feature network of the benchmark's FID: small, trained here to tell what is drawn and in which colours.

    python -m training.evidence.features --data data/small --out data/evidence/features.safetensors

It learns two things at once from pictures of 64 px: which style or OpenMoji a picture shows the kind of, and its mean
colours on a 4 x 4 grid. A pure function of (data, recipe); the file keeps both, and reports name its hash.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.write import save
from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing
from training.dataset.cache_key import weights_hash
from training.dataset.catalog import scan
from training.dataset.collate import to_tensor
from training.dataset.decode import picture
from training.metrics.features import Features
from training.small.build_data import PACKAGES

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


def kind_of(member: str, groups: dict[str, str]) -> str:
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


def train(data: Path, out: Path, recipe: FeatureRecipe, packages: Path) -> FeatureNet:
    """Learn from a folder of `build_data` and write the file."""
    catalog = scan(data)
    entries = json.loads((packages / "openmoji" / "data" / "openmoji.json").read_text(encoding="utf-8"))
    kinds = [kind_of(key, {entry["hexcode"]: entry["group"] for entry in entries}) for key in catalog.keys]
    names = sorted(set(kinds))
    pictures = []
    for i in range(len(kinds)):
        content = catalog.content(i, "color")
        assert content is not None, "the catalog lists whole pairs"
        pictures.append(small(picture(content)))
    net = learn(torch.cat(pictures), torch.tensor([names.index(kind) for kind in kinds]), recipe)
    write(out, net, recipe, names, data=catalog.digest())
    return net


def write(out: Path, net: FeatureNet, recipe: FeatureRecipe, kinds: Sequence[str], data: str) -> None:
    """The weights with their recipe; data: digest of what they were learnt from."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as unfinished:
        save(unfinished, net.state_dict(), {"recipe": json.dumps(asdict(recipe)), "kinds": json.dumps(list(kinds)),
                                            "data": data})


def small(image: Image.Image) -> Tensor:
    """RGB -> [1, 3, 64, 64] in [-1, 1]."""
    return to_tensor([image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)])


def load(path: Path) -> Features:
    """ColorizeError when it is missing or another file."""
    if not path.is_file():
        raise ColorizeError(f"{path}: no such file, expected the feature network; make it with "
                            f"python -m training.evidence.features --out {path}")
    with open_tensors(path) as file:
        if "recipe" not in file.metadata:
            raise ColorizeError(f"{path}: found no recipe inside, expected a file of training.evidence.features")
        recipe = FeatureRecipe(**json.loads(file.metadata["recipe"]))
        net = FeatureNet(recipe.width, recipe.features, len(json.loads(file.metadata["kinds"])))
        net.load_state_dict({key: file.tensor(key) for key in file.entries})
    net.eval().requires_grad_(False)
    return Features("FD (evidence)", f"{path.name}, weights {weights_hash(net.state_dict())[:16]}",
                    lambda pictures: net(torch.cat([small(image) for image in pictures])))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/small"), help="what training.build_data wrote")
    parser.add_argument("--out", type=Path, default=Path("data/evidence/features.safetensors"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    args = parser.parse_args(arguments)
    try:
        net = train(args.data, args.out, FeatureRecipe(), args.packages)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{args.out}: weights {weights_hash(net.state_dict())}")


if __name__ == "__main__":
    take_any_text()
    main()
