"""A larger reference encoder that begins as a smaller one: more patches of the same size, and more blocks."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder

POSITIONS = "positional_embedding"
SILENT = ("attn.out_proj.weight", "attn.out_proj.bias", "mlp.c_proj.weight", "mlp.c_proj.bias")  # of a new block


def grown_encoder(state: dict[str, Tensor], old: VisionConfig, new: VisionConfig) -> dict[str, Tensor]:
    """Keys of open_clip's tower. Positions are interpolated between the old ones; new blocks come last and add nothing
    until they learn. ColorizeError for sizes between which nothing can be carried over.
    """
    same = replace(new, image_size=old.image_size, layers=old.layers)
    if same != old or new.layers < old.layers or new.image_size < old.image_size:
        raise ColorizeError(f"reference encoder: found {old}, expected one that {new} can begin as: the same widths "
                            "and patches, no more blocks, no larger pictures; begin with --start none")
    fresh = ReferenceEncoder(new).visual.state_dict()
    grown = {key: value for key, value in fresh.items()} | {k: v.float() for k, v in state.items()}
    for number in range(old.layers, new.layers):
        for name in SILENT:
            grown[f"transformer.resblocks.{number}.{name}"].zero_()
    grown[POSITIONS] = _more_positions(state[POSITIONS].float(), new.image_size // new.patch_size)
    return grown


def _more_positions(positions: Tensor, side: int) -> Tensor:
    """[1 + n * n, D] -> [1 + side * side, D]; the first is CLS's."""
    cls, local = positions[:1], positions[1:]
    old = round(len(local) ** 0.5)
    grid = local.T.reshape(1, -1, old, old)
    wider = F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    return torch.cat([cls, wider[0].flatten(1).T])
