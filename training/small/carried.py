"""RUN/carry: all that a run needs to go on elsewhere, in files of at most 15 MB, less than 60 MB together.

Weights are kept in half precision, in eight bits what their moving average differs by, the optimizer's moments not at
all: they come back in some hundred steps, over which the learning rate rises anew. Pairs are drawn again from their
numbers.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lib_colorize.checkpoint.write import save_tensors
from lib_colorize.errors import ColorizeError
from training.small.trainee import Trainee

MOST = 15_000_000  # bytes of a file
WHERE = "where.json"
OLD = "unfinished-old-carry"  # beside the folder, while a new one takes its place


@dataclass(frozen=True)
class Where:
    """How far a run has come; the rest follows from it."""

    images: int = 0  # that the U-Net has seen
    steps: int = 0
    pieces: int = 0  # that were drawn and taken
    seconds: float = 0.0  # of training, over all machines
    auto_encoder_images: int = 0  # -1: it is finished, or came with the start
    decoder_images: int = 0
    updates: int = 0  # of the moving average


def write_carry(folder: Path, trainee: Trainee, where: Where) -> None:
    """A kill at any moment leaves the folder of before, or this one; see `bring_back`."""
    tensors = {f"model.{k}": v.half() for k, v in trainee.model.state_dict().items()}
    for i, (average, weight) in enumerate(zip(trainee.ema.shadow, trainee.trained, strict=True)):
        difference = average.float() - weight.detach().half().float()
        step = difference.abs().amax().clamp(min=1e-12) / 127
        tensors |= {f"ema.{i:04d}": (difference / step).round().to(torch.int8), f"step.{i:04d}": step}
    tensors |= {f"vae.{k}": v.half() for k, v in trainee.vae.state_dict().items()}
    tensors |= {f"head.{k}": v.half() for k, v in trainee.head.state_dict().items()}
    unfinished, old = folder.with_name("unfinished-carry"), folder.with_name(OLD)
    for leftover in (unfinished, old):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for number, part in enumerate(_packed(tensors)):
        save_tensors(unfinished / f"part-{number}.safetensors", part, {})
    (unfinished / WHERE).write_text(json.dumps(asdict(where)), encoding="utf-8")
    if folder.exists():
        folder.replace(old)
    unfinished.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def bring_back(folder: Path) -> None:
    """After a kill between the two renames of `write_carry`: the folder of before."""
    old = folder.with_name(OLD)
    if old.exists() and not folder.exists():
        old.replace(folder)


def _packed(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Parts of at most MOST bytes, in order."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, tensor in tensors.items():
        length = tensor.numel() * tensor.element_size()
        if parts[-1] and size + length > MOST:
            parts.append({})
            size = 0
        parts[-1][key] = tensor
        size += length
    return parts


def read_carry(folder: Path, trainee: Trainee) -> Where:
    """Put everything back; the beginning when there is no such folder, ColorizeError when it is another run's."""
    if not folder.exists():
        return Where(auto_encoder_images=0 if trainee.from_nothing else -1)
    try:
        where = Where(**json.loads((folder / WHERE).read_text(encoding="utf-8")))
        found = {key: value for file in sorted(folder.glob("part-*.safetensors"))
                 for key, value in load_file(file).items()}

        def below(prefix: str) -> dict[str, Tensor]:
            return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}

        trainee.model.load_state_dict(below("model."))
        trainee.vae.load_state_dict(below("vae."))
        trainee.head.load_state_dict(below("head."))
        steps = below("step.")
        shadow = [weight.detach().cpu() + steps[number] * value.float() for weight, (number, value) in zip(
            trainee.trained, sorted(below("ema.").items()), strict=True)]
        trainee.ema.load_state_dict({"updates": where.updates, "shadow": shadow})
    except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise ColorizeError(f"{folder}: found {str(error).splitlines()[0]!r}, expected what make_small wrote there; "
                            "bring the whole folder, or name another --out") from None
    return where


def averaged(trainee: Trainee) -> dict[str, Tensor]:
    """The model's state dict with the moving averages of what is trained."""
    state = dict(trainee.model.state_dict())
    names = [name for name, parameter in trainee.model.named_parameters() if parameter.requires_grad]
    return state | dict(zip(names, trainee.ema.shadow, strict=True))


