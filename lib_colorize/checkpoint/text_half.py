"""The text half of a CLIP file, in open_clip's or Hugging Face's layout, brought to the keys of our `TextTower`.

Any prefix is accepted before the keys: that of a full CLIP, that of the authors' own files
(`cond_stage_model.transformer.model.`), and that of a plain Stable Diffusion 2 (`cond_stage_model.model.`), whose text
encoder is the same frozen tower.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import ColorizeError
from ..method.text.tower import HEAD_WIDTH, TextConfig
from .config import Shapes
from .files import open_tensors
from .keys import Keys, layer
from .layout import block_shapes
from .reference import HUGGING_FACE, hugging_face_sources, shapes_of, tensors_of
from .strict import difference

EMBEDDING = "token_embedding.weight"
HF_EMBEDDING = "text_model.embeddings.token_embedding.weight"
OWN = re.compile(r"transformer\.resblocks\.|token_embedding\.|positional_embedding$|ln_final\.|text_projection$")
HF_NAMES = (("embeddings.token_embedding.", "token_embedding."), ("final_layer_norm.", "ln_final."),
            ("embeddings.position_embedding.weight", "positional_embedding"), *HUGGING_FACE)
CLIP_WIDTH = 1024  # of ViT-H-14, the encoder of every released checkpoint
PICKLES = ("open_clip_pytorch_model.bin",)  # others are not opened for a look
NEEDED = ("expected OpenCLIP ViT-H-14 with its text half, such as open_clip_pytorch_model.bin of "
          "laion/CLIP-ViT-H-14-laion2B-s32B-b79K")


@dataclass(frozen=True)
class TextLayout:
    """Where in a file a text tower lies, and how it is named."""

    prefix: str  # before open_clip's own keys, or before Hugging Face's "text_model."
    hugging_face: bool


def find_text_half(keys: Iterable[str]) -> TextLayout | None:
    """The text tower in a file with these keys, None when there is none that ends in the space of pictures."""
    names = set(keys)
    for key in sorted(names, key=len):
        prefix = key.removesuffix(HF_EMBEDDING)
        if prefix != key and f"{prefix}text_projection.weight" in names:
            return TextLayout(prefix, True)
        prefix = key.removesuffix(EMBEDDING)
        if prefix != key and {f"{prefix}positional_embedding", f"{prefix}text_projection"} <= names:
            return TextLayout(prefix, False)
    return None


def find_text_file(files: Iterable[Path], beside: Path | None, width: int) -> Path | None:
    """The first of the files that has a text half of this width inside, else the first file in the folder `beside`."""
    near = [] if beside is None else sorted(path for path in beside.glob("*")
                                            if path.suffix == ".safetensors" or path.name in PICKLES)
    for path in dict.fromkeys((*files, *near)):
        with contextlib.suppress(ColorizeError), open_tensors(path) as file:
            if text_width({key: entry.shape for key, entry in file.entries.items()}) == width:
                return path
    return None


def text_width(shapes: Shapes) -> int:
    """How many numbers a text of this file has; 0 when there is no text half."""
    layout = find_text_half(shapes)
    if layout is None:
        return 0
    name = "text_projection.weight" if layout.hugging_face else "text_projection"
    shape = shapes[f"{layout.prefix}{name}"]
    return 0 if len(shape) != 2 else shape[0] if layout.hugging_face else shape[1]


def text_sources(keys: Iterable[str], layout: TextLayout) -> dict[str, tuple[str, ...]]:
    """open_clip's key -> the file's key, or its three keys of queries, keys and values in that order."""
    names, prefix = set(keys), layout.prefix
    if layout.hugging_face:
        found = hugging_face_sources(names, f"{prefix}text_model.", HF_NAMES)
        return {**found, "text_projection": (f"{prefix}text_projection.weight",)}
    return {name: (key,) for key in names if key.startswith(prefix) and OWN.match(name := key.removeprefix(prefix))}


def read_text_half(path: str | os.PathLike[str], head_width: int = HEAD_WIDTH) -> tuple[dict[str, Tensor], TextConfig]:
    """The text tower of a file, without its last block, and its sizes; ColorizeError when there is none.

    head_width: it cannot be seen in shapes, and is the same in every published tower.
    """
    with open_tensors(path) as file:
        shapes = {key: entry.shape for key, entry in file.entries.items()}
        layout = find_text_half(shapes)
        if layout is None:
            raise ColorizeError(f"{file.path}: has no text half; {NEEDED}")
        found = text_sources(shapes, layout)
        projection = "text_projection" if layout.hugging_face else ""
        config = infer_text(shapes_of(shapes, found, projection), head_width, file.path)
        last = f"transformer.resblocks.{config.layers}."
        return tensors_of({name: keys for name, keys in found.items() if not name.startswith(last)},
                          file.tensor, projection), config


def infer_text(shapes: Shapes, head_width: int, where: object) -> TextConfig:
    """Sizes of the tower with these shapes; ColorizeError when some are missing, unexpected or wrong."""
    blocks = {int(key.split(".")[2]) for key in shapes if key.startswith("transformer.resblocks.")}
    table, places, projection, hidden = (shapes.get(key, ()) for key in (
        EMBEDDING, "positional_embedding", "text_projection", "transformer.resblocks.0.mlp.c_fc.weight"))
    if not all(len(shape) == 2 for shape in (table, places, projection, hidden)) or len(blocks) < 2:
        raise ColorizeError(f"{where}: its text half is not that of an OpenCLIP; {NEEDED}")
    width = table[1]
    if width % head_width:
        raise ColorizeError(f"{where}: found a text half of width {width}, expected a multiple of {head_width}; "
                            f"{NEEDED}")
    config = TextConfig(places[0], table[0], width, len(blocks) - 1, width // head_width, hidden[0] / width,
                        projection[1])
    difference(shapes, text_shapes(config)).require_none(where)
    return config


def text_shapes(c: TextConfig) -> Keys:
    """open_clip's `TextTransformer`, the last block with it."""
    keys: Keys = {EMBEDDING: (c.vocab_size, c.width), "positional_embedding": (c.context_length, c.width),
                  "text_projection": (c.width, c.output_dim)}
    for i in range(c.layers + 1):
        block_shapes(keys, f"transformer.resblocks.{i}", c.width, int(c.width * c.mlp_ratio))
    layer(keys, "ln_final", c.width)
    return keys


def text_half_needed(context_dim: int, what_to_do: str) -> str:
    """What to say when there is no text half for a U-Net of this context width. what_to_do: once it is downloaded."""
    if context_dim != CLIP_WIDTH:
        return (f"changes by text need a reference encoder of CLIP ({CLIP_WIDTH} numbers a token), and this "
                f"checkpoint's own encoder ({context_dim}) knows no texts; use a released checkpoint")
    return ("changes by text need CLIP's text half, and none was found in or beside the reference encoder; download "
            f"open_clip_pytorch_model.bin (3.94 GB) of laion/CLIP-ViT-H-14-laion2B-s32B-b79K and {what_to_do}")


def require_text_width(where: object, sizes: TextConfig, context_dim: int) -> None:
    """ColorizeError when its texts are of another width than the reference's tokens."""
    if sizes.output_dim != context_dim:
        raise ColorizeError(f"{where}: texts of {sizes.output_dim} numbers, the reference has tokens of {context_dim}; "
                            "use the text half of the CLIP that encodes the reference")
