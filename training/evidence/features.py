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
from dataclasses import asdict
from pathlib import Path

import torch

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.write import save_tensors
from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing
from training.dataset.cache_key import weights_hash
from training.dataset.catalog import list_samples
from training.dataset.decode import picture
from training.evidence.feature_net import FeatureNet, FeatureRecipe, group_of, learn, small
from training.metrics.features import Features
from training.small.svg_sources import PACKAGES


def train_features(data: Path, out: Path, recipe: FeatureRecipe, packages: Path) -> FeatureNet:
    """Learn from a folder of `build_data` and write the file."""
    catalog = list_samples(data)
    entries = json.loads((packages / "openmoji" / "data" / "openmoji.json").read_text(encoding="utf-8"))
    kinds = [group_of(key, {entry["hexcode"]: entry["group"] for entry in entries}) for key in catalog.keys]
    names = sorted(set(kinds))
    pictures = []
    for i in range(len(kinds)):
        content = catalog.content(i, "color")
        assert content is not None, "the catalog lists whole pairs"
        pictures.append(small(picture(content)))
    net = learn(torch.cat(pictures), torch.tensor([names.index(kind) for kind in kinds]), recipe)
    write_features(out, net, recipe, names, data=catalog.digest())
    return net


def write_features(out: Path, net: FeatureNet, recipe: FeatureRecipe, kinds: Sequence[str], data: str) -> None:
    """The weights with their recipe; data: digest of what they were learnt from."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as unfinished:
        made_from = {"recipe": json.dumps(asdict(recipe)), "kinds": json.dumps(list(kinds)), "data": data}
        save_tensors(unfinished, net.state_dict(), made_from)


def load_features(path: Path) -> Features:
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
                    small, net)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data/small"), help="what training.build_data wrote")
    parser.add_argument("--out", type=Path, default=Path("data/evidence/features.safetensors"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    args = parser.parse_args(arguments)
    try:
        net = train_features(args.data, args.out, FeatureRecipe(), args.packages)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"{args.out}: weights {weights_hash(net.state_dict())}")


if __name__ == "__main__":
    take_any_text()
    main()
