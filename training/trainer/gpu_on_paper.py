"""Networks as a GPU would run them, without one and without a number: fake tensors, and what CUDA does otherwise.

Fake tensors have shapes, types and storages and no content, so that a step of any size takes seconds. They lie on the
"CPU", for autograd asks a real device for its streams; `LikeCUDA` puts back what differs there. Checked at v1-512: the
bytes that are alive after the forward pass are, to the byte, those of fake tensors on "cuda".
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only
from torch.utils.checkpoint import checkpoint

from lib_colorize.engine.networks import without_weights
from training.trainer.compiling import COSTLY

_Module = TypeVar("_Module", bound=nn.Module)
HALF = torch.bfloat16  # float16 takes as much
FLOAT32 = {F.layer_norm, F.group_norm, F.softmax, torch.softmax, Tensor.softmax}  # under CUDA's autocast


class LikeCUDA(TorchFunctionMode):
    """CUDA's autocast where the CPU's is another, its group norm, and its attention without an N x N matrix."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, half = kwargs or {}, torch.is_autocast_enabled("cpu")
        if half and func in FLOAT32:
            args, kwargs = tree_map_only(Tensor, Tensor.float, (args, kwargs))
        if func is F.group_norm:  # at::group_norm copies to NCHW unless the tensor is on a CPU
            args = (args[0].contiguous(), *args[1:])
        if func is F.interpolate:
            with torch.autocast("cpu", enabled=False):
                return func(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            q, k, v = (x.to(HALF) if half else x for x in args[:3])
            return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, False)[0]
        return func(*args, **kwargs)


@contextlib.contextmanager
def like_cuda(half: bool) -> Any:
    """Inside, fake tensors are computed with as a GPU would; half: under autocast."""
    with LikeCUDA(), torch.autocast("cpu", HALF, enabled=half):
        yield


def fake(make: Callable[[], _Module], channels_last: bool = False) -> _Module:
    """A module with fake parameters; to be called within a FakeTensorMode."""
    module = without_weights(make)
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                empty = _like(parameter, channels_last)
                part._parameters[name] = nn.Parameter(empty, parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = _like(buffer, False)
    return module


def _like(tensor: Tensor, channels_last: bool) -> Tensor:
    layout = torch.channels_last if channels_last and tensor.ndim == 4 else torch.contiguous_format
    return torch.empty(tensor.shape, dtype=tensor.dtype, memory_format=layout)


def checkpoint_like_cuda(unet: nn.Module) -> None:
    """`compiling.checkpoint_blocks`, with a second forward pass that is like CUDA's too: autograd leaves modes out."""
    for module in unet.modules():
        if isinstance(module, COSTLY):
            module.forward = functools.partial(  # type: ignore[method-assign]
                checkpoint, module.forward, use_reentrant=False, context_fn=_contexts)


def _contexts() -> tuple[Any, Any]:
    return contextlib.nullcontext(), LikeCUDA()
