"""The weights that a run begins with: SD2.1 / Waifu Diffusion 1.4, a released v1, one of ours, or none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.files import TensorFile, open_tensors
from lib_colorize.checkpoint.layout import is_projection
from lib_colorize.checkpoint.parts import part_of
from lib_colorize.checkpoint.read import read_reference_encoder
from lib_colorize.checkpoint.strict import Difference
from lib_colorize.engine.networks import AutoencoderKL, load_network
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.trainer.networks import Model, cross_attention_blocks
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Encoder, Tokens
from training.trainer.recipes import WARM

PROJECTION = "proj."  # CLSProjection in our files, as the released trainer names it
PREFIXES = {  # in a file -> in Model
    PARTS["unet"]: "unet.", PARTS["sketch_encoder"]: "sketch_encoder.", PROJECTION: PROJECTION,
    PARTS["reference_encoder"]: "reference_encoder.visual.",
}
SHOWN = 3  # keys of each list in one line; RUN/start.json has all
NONE = "none"
WHAT = {  # setting -> what its file is
    "start.checkpoint": "SD2.1, Waifu Diffusion 1.4 or a checkpoint",
    "start.vae": "a VAE, or a checkpoint with one",
    "start.reference_encoder": "OpenCLIP ViT-H-14, in open_clip's or Hugging Face's layout",
}
MADE_HERE = {WARM: f"python -m training.warm_up {WARM}"}  # start files that a command makes
ROOT = Path(__file__).parents[2]  # relative names are looked up here too: the small model is in models/


@dataclass(frozen=True)
class StartReport:
    """What became of the file's tensors; names are those of `Model`, of `unused` the parts of the file."""

    source: str
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # of the file: these keep their first weights
    unexpected: tuple[str, ...] = ()  # in the file, and this model has no place for them
    unused: tuple[tuple[str, int], ...] = ()  # parts that training does not touch: VAE, text encoder, ...

    def __str__(self) -> str:
        if self.source == NONE:
            return f"start: from nothing, {len(self.missing)} tensors with first weights"
        parts = Counter(key.partition(".")[0] for key in self.loaded)
        lines = [f"start: {self.source}: loaded {len(self.loaded)} tensors ("
                 + ", ".join(f"{part} {count}" for part, count in parts.items()) + ")"]
        for word, keys in (("missing, with first weights", self.missing), ("unexpected, left out", self.unexpected)):
            if keys:
                more = ", ..." if len(keys) > SHOWN else ""
                lines.append(f"  {len(keys)} {word}: {', '.join(keys[:SHOWN])}{more}")
        if self.unused:
            lines.append("  not of the trained part: " + ", ".join(f"{part} {n}" for part, n in self.unused))
        return "\n".join(lines)


def load_start(model: Model, recipe: Recipe) -> StartReport:
    """Put the recipe's start weights into the model; ColorizeError when the U-Net does not fit as a whole.

    A part that the file lacks (the sketch encoder of a plain SD file) keeps its first weights; half a part is an error.
    """
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    source = recipe.start.checkpoint
    if source == NONE:
        return StartReport(NONE, missing=tuple(expected))
    with open_tensors(_existing(source, "start.checkpoint")) as file:
        names = {key: name for key in file.entries if (name := _name_in_model(key)) is not None}
        state = {name: _shaped(file, key, expected[name]) for key, name in names.items() if name in expected}
        unused = Counter(part_of(key) for key in file.entries if key not in names)
    missing = tuple(key for key in expected if key not in state)
    unexpected = tuple(name for name in names.values() if name not in expected)
    _check(model, source, state, missing, unexpected)
    if recipe.reference_encoder is Encoder.FROZEN and not any(key.startswith("reference_encoder.") for key in state):
        raise ColorizeError(f"{source}: no reference encoder inside, and the recipe's is frozen as it starts; use a "
                            "file of training.warm_up, or --set reference_encoder=trained")
    model.load_state_dict(state, strict=False)
    return StartReport(source, tuple(state), missing, unexpected, tuple(unused.items()))


def load_vae(recipe: Recipe) -> AutoencoderKL | None:
    """The frozen auto-encoder; None when neither start.vae nor start.checkpoint is given."""
    source, setting = (recipe.start.vae, "start.vae")
    if source == NONE:
        source, setting = recipe.start.checkpoint, "start.checkpoint"
    config = recipe.networks.vae
    if source == NONE or config is None:
        return None
    with open_tensors(_existing(source, setting)) as file:
        prefix = PARTS["vae"] if any(key.startswith(PARTS["vae"]) for key in file.entries) else ""
        keys = [key for key in file.entries if key.startswith((f"{prefix}encoder.", f"{prefix}decoder.",
                                                               f"{prefix}quant_conv.", f"{prefix}post_quant_conv."))]
        if not keys:
            raise ColorizeError(f"{source}: no VAE inside; name a file that has one with --set start.vae=FILE")
        state = {key.removeprefix(prefix): file.tensor(key) for key in keys}
    return load_network(lambda: AutoencoderKL(config), state, f"{source}, VAE")


def load_reference_encoder(recipe: Recipe) -> ReferenceEncoder | None:
    """The frozen reference encoder; None when the recipe trains it, or names none (all tokens are cached then)."""
    source, config = recipe.start.reference_encoder, recipe.networks.reference
    if recipe.reference_encoder.inside or source == NONE or config is None:
        return None
    path = _existing(source, "start.reference_encoder")
    state, found = read_reference_encoder(path, config.head_width)
    if found != config:
        raise ColorizeError(f"{source}: a reference encoder of {found}, the recipe has {config}")
    return load_network(lambda: ReferenceEncoder(config), {f"visual.{k}": v for k, v in state.items()}, source)


def _existing(source: str, setting: str) -> Path:
    path = next((p for p in (Path(source), ROOT / source) if p.exists()), None)
    if path is None:
        make = f"make it with {MADE_HERE[source]}" if source in MADE_HERE else "put it there"
        raise ColorizeError(f"{source}: no such file; {setting} of the recipe is {WHAT[setting]}: {make}, or name it "
                            f"with --set {setting}=FILE (--set {setting}=none: without)")
    return path


def _name_in_model(key: str) -> str | None:
    return next((ours + key.removeprefix(theirs) for theirs, ours in PREFIXES.items() if key.startswith(theirs)), None)


def _shaped(file: TensorFile, key: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor, a projection of the U-Net as 1x1 convolution or linear layer as the model has it."""
    found = file.entries[key].shape
    if found == shape:
        return file.tensor(key)
    if is_projection(key) and found[:2] == shape[:2] and set(found[2:] + shape[2:]) <= {1}:
        return file.tensor(key).reshape(shape)
    raise ColorizeError(f"{file.path}: {key} {list(found)}, the recipe's networks have {list(shape)}; use a file of "
                        "its sizes, or change them with --set networks...")


def _check(
    model: Model, source: str, state: dict[str, Tensor], missing: tuple[str, ...], unexpected: tuple[str, ...],
) -> None:
    """A U-Net is whole, other parts are whole or absent, nothing is left over but what an ablation does not have."""
    whole = {key.partition(".")[0] for key in state}
    if "unet" not in whole:
        raise ColorizeError(f"{source}: no U-Net inside (model.diffusion_model.*); expected SD2.1, Waifu Diffusion 1.4 "
                            "or a ColorizeDiffusion checkpoint")
    lacking = [key for key in missing if key.partition(".")[0] in whole]
    dropped = {f"unet.{name}.attn2.{layer}.weight" for name, _ in cross_attention_blocks(model.unet)
               for layer in ("to_q", "to_k")} if model.kind is Tokens.CLS else set()
    extra = [key for key in unexpected if key.startswith(("unet.", "sketch_encoder.")) and key not in dropped]
    Difference(tuple(lacking), tuple(extra)).require_none(source)
