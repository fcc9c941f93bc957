"""Read a run's checkpoints on one machine, whatever wrote them: one process, DDP, DeepSpeed ZeRO or FSDP2."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lib_colorize.errors import ColorizeError

POSITION = "position.json"
MILESTONE = "milestone.txt"  # in a checkpoint that is kept for good: why
RUN = "run.json"
PLAIN = ("pytorch_model.bin", "pytorch_model_fsdp.bin")  # accelerate's names
SHARDED = "pytorch_model_fsdp_0"  # folder of torch.distributed.checkpoint
DEEPSPEED = "pytorch_model"  # folder, a tag of DeepSpeed


def checkpoints(out: Path) -> list[Path]:
    """The finished checkpoints of a run, oldest first."""
    folder = out / "checkpoints"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.name.isdigit() and (path / POSITION).is_file())


def weights(checkpoint: Path) -> dict[str, Tensor]:
    """Model's whole state dict, float32 where the optimizer has it so."""
    for name in PLAIN:
        if (checkpoint / name).is_file():
            return _unwrapped(torch.load(checkpoint / name, map_location="cpu", weights_only=True))
    if (checkpoint / SHARDED).is_dir():
        from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

        with tempfile.TemporaryDirectory(dir=checkpoint.parent) as folder:
            dcp_to_torch_save(checkpoint / SHARDED, Path(folder) / "whole.pt")
            return _unwrapped(torch.load(Path(folder) / "whole.pt", map_location="cpu", weights_only=True)["model"])
    if (checkpoint / DEEPSPEED).is_dir():
        from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint

        return _unwrapped(get_fp32_state_dict_from_zero_checkpoint(str(checkpoint), tag=DEEPSPEED))
    raise ColorizeError(f"{checkpoint}: no weights inside, expected {', '.join((*PLAIN, SHARDED, DEEPSPEED))}")


def averages(checkpoint: Path, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """The moving averages, in the order of the trained parameters; shards are put together along their first axis."""
    files = sorted(checkpoint.glob("ema-*.pt"), key=lambda path: int(path.stem.partition("-")[2]))
    if not files:
        raise ColorizeError(f"{checkpoint}: no moving average inside, expected ema-0.pt; export with --no-ema")
    shards = [torch.load(file, map_location="cpu", weights_only=True)["shadow"] for file in files]
    whole = [torch.cat(pieces) if len(pieces) > 1 else pieces[0] for pieces in zip(*shards, strict=True)]
    for tensor, shape in zip(whole, shapes, strict=True):
        if tuple(tensor.shape) != shape:
            raise ColorizeError(f"{checkpoint}: a moving average of {list(tensor.shape)}, expected {list(shape)}; "
                                "shards of some process are missing")
    return whole


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the names that wrappers put before: DDP's "module."."""
    return {key.removeprefix("module."): value.detach() for key, value in state.items()}
