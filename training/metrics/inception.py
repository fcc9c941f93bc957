"""The Inception network of FID: torchvision's blocks with the pooling of TensorFlow's, and pytorch-fid's weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import inception

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.errors import ColorizeError

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"  # release fid_weights of github.com/mseitzer/pytorch-fid
SIDE = 299  # px


def _average(x: Tensor) -> Tensor:
    """TensorFlow's average does not count the zeros of the border."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    """The last block of the network that FID is defined by takes the maximum."""
    return F.max_pool2d(x, 3, stride=1, padding=1)


def pooled(block: Any, pool: Callable[[Tensor], Tensor] = _average) -> Any:
    """One of torchvision's blocks with its last branch behind another pooling; its weights keep their names."""
    branches, last = block._forward, block.branch_pool
    block._forward = lambda x: [*branches(x)[:-1], last(pool(x))]
    return block


class FIDInception(nn.Module):
    """forward(x [B, 3, 299, 299] in [-1, 1]) -> pooled features [B, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        net: Any = inception.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
        for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b"):
            pooled(net.get_submodule(f"Mixed_{name}"))
        pooled(net.Mixed_7c, _maximum)
        net.fc = nn.Identity()
        net.dropout = nn.Identity()
        net.transform_input = False
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.net(x)
        return features


def load_inception(path: Path | None, device: str = "cpu") -> FIDInception:
    """The network with pytorch-fid's weights; ColorizeError that names the file when it is missing or another one."""
    if path is None or not path.is_file():
        raise ColorizeError(
            f"{path or WEIGHTS}: no such file; FID needs {WEIGHTS} (95 MB, release fid_weights of "
            "github.com/mseitzer/pytorch-fid): name it with --inception, or measure with --features reference-encoder, "
            "which the checkpoint brings along")
    with torch.device("meta"):
        network = FIDInception()
    wanted = network.net.state_dict()
    with open_tensors(path) as file:
        state = {key: file.tensor(key) for key in file.entries if not key.startswith("fc.")}
    lacking = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key, value in state.items() if key not in wanted or wanted[key].shape != value.shape]
    if lacking or wrong:
        raise ColorizeError(f"{path}: not {WEIGHTS}: {len(lacking)} keys missing, {len(wrong)} unexpected or of wrong "
                            f"shape ({', '.join((lacking + wrong)[:3])})")
    counters = {key: torch.zeros(()) for key in wanted if key not in state}
    network.net.load_state_dict({**state, **counters}, assign=True)
    return network.eval().requires_grad_(False).to(device)
