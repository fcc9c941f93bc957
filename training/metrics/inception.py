"""The Inception network of FID: torchvision's blocks with the pooling of TensorFlow's, and pytorch-fid's weights."""

from __future__ import annotations

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


class _Pooling:
    """In front of one of torchvision's blocks: its last branch behind another pooling."""

    pool = staticmethod(_average)

    def _forward(self, x: Tensor) -> list[Tensor]:
        return [*super()._forward(x)[:-1], self.branch_pool(self.pool(x))]  # type: ignore[misc]


class A(_Pooling, inception.InceptionA):
    pass


class C(_Pooling, inception.InceptionC):
    pass


class E(_Pooling, inception.InceptionE):
    pass


class LastE(_Pooling, inception.InceptionE):
    pool = staticmethod(_maximum)


class FIDInception(nn.Module):
    """forward(x [B, 3, 299, 299] in [-1, 1]) -> pooled features [B, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        net: Any = inception.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
        net.Mixed_5b, net.Mixed_5c, net.Mixed_5d = A(192, 32), A(256, 64), A(288, 64)
        net.Mixed_6b, net.Mixed_6c, net.Mixed_6d, net.Mixed_6e = C(768, 128), C(768, 160), C(768, 160), C(768, 192)
        net.Mixed_7b, net.Mixed_7c = E(1280), LastE(2048)
        net.fc = nn.Identity()
        net.dropout = nn.Identity()
        net.transform_input = False
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.net(x)
        return features


def load(path: Path | None, device: str = "cpu") -> FIDInception:
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
