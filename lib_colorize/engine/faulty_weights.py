"""Why a result holds values that are not numbers: looked for when it does, so that sound weights cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoint.config import PARTS
from ..checkpoint.not_finite import first_not_finite
from ..errors import ColorizeError


def fault_of_weights(
    networks: Mapping[str, nn.Module], load_reference_encoder: Callable[[], nn.Module] | None, path: Path | None,
    dtype: torch.dtype,
) -> ColorizeError | None:
    """The error that names the first weight that is no number; None when all are.

    networks: by names of PARTS. path: of the file, for the message.
    """
    found = first_not_finite(_named(networks))
    if not found and load_reference_encoder is not None:
        found = first_not_finite(_named({"reference_encoder": load_reference_encoder()}))
    if not found:
        return None
    half = "" if dtype == torch.float32 else f" (in {str(dtype).removeprefix('torch.')}; float32 may hold them)"
    return ColorizeError(f"{path or 'the checkpoint'}: {found}{half}; the file is damaged, or its training went wrong: "
                         "fetch it again, or use another")


def _named(networks: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    for part, network in networks.items():
        for name, tensor in network.state_dict().items():
            yield PARTS[part] + name.removeprefix("visual."), tensor
