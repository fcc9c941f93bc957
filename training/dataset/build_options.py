"""What decides what the builder writes, and that a folder holds one build and no other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.dataset.about import About
from training.dataset.dedupe import MAX_BITS
from training.dataset.extractors import Choice
from training.dataset.inspection import Limits
from training.dataset.shard_plan import PLAN


@dataclass(frozen=True)
class BuildOptions:
    """Everything but the pictures that decides what the shards hold; OUT/work/options.json keeps it."""

    sources: tuple[str, ...]
    extractors: tuple[Choice, ...]
    limits: Limits = field(default_factory=Limits)
    tags: str = ""  # folder or file of an index with tags of the raw pictures
    where: tuple[str, ...] = ()
    masks: str = ""  # folder with a mask of every picture's name
    max_bits: int = MAX_BITS  # of the perceptual hash; -1 = keep duplicates
    max_side: int = 1024  # px; larger pictures are made smaller
    kind: str = "png"
    shard: int = 1000  # pictures
    tar: bool = False
    seed: int = 0

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()

    def weights(self) -> dict[str, str]:
        """Files that the extractors draw with -> sha256."""
        return {str(choice.weights): file_sha256(choice.weights) for choice in self.extractors if choice.weights}

    def about(self, licence: str = "", words: str = "") -> About:
        """What the built folder says of itself: these words, or the names of the folders that it was built from."""
        return About(licence, words or ", ".join(Path(source).resolve().name for source in self.sources))


def claim_build(options: BuildOptions, out: Path) -> None:
    """ColorizeError when the folder holds a build by other options or weights: half of each would be neither."""
    path, weights = out / "work" / "options.json", options.weights()
    if path.exists():
        before = json.loads(path.read_bytes())
        if before["digest"] != options.digest() or before.get("weights", weights) != weights:
            raise ColorizeError(f"{out}: holds a build by other options or weights ({path}); name another folder by "
                                "--out, or delete it")
    if (out / "color").exists() and not (path.exists() and (out / "work" / PLAN).exists()):
        raise ColorizeError(f"{out}: holds shards already, of which nothing says what they were built from; name "
                            "another folder by --out")
    made_from = {"digest": options.digest(), "weights": weights, **asdict(options)}
    write_whole(path, json.dumps(made_from, default=str, indent=1), parents=True)
