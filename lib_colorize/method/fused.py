"""Kernels of our own where they save passes over memory: on CUDA, where triton is there, and without a gradient.

`torch.compile` makes its own of the same lines, so that under it torch's operators stay.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MODULES = {"group_norm": "triton_norm", "geglu": "triton_geglu"}  # kernel -> its file here
_compiling: Callable[[], bool] = getattr(torch.compiler, "is_compiling", lambda: False)  # newer than torch 2.1
_broken: set[str] = set()  # what this machine cannot compile


def fused(name: str, x: Tensor, *args: Any) -> Tensor | None:
    """What kernel `name` gives for x; None where torch's own operators have to do it."""
    if _compiling() or not x.is_cuda or type(x) is not Tensor or torch.is_grad_enabled() or name in _broken:
        return None
    kernel = kernel_named(name)
    if kernel is None:
        return None
    try:
        with torch.cuda.device(x.device):
            return kernel(x, *args)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as problem:  # no C compiler, a card too old, ...: found at the first call
        logging.getLogger(__name__).info("%s runs in torch's own kernels: %s", name, problem)
        _broken.add(name)
        return None


@functools.cache
def kernel_named(name: str) -> Callable[..., Tensor] | None:
    """The function; None = there is no triton, as on some platforms."""
    try:
        module = importlib.import_module(f".{MODULES[name]}", __package__)
    except ImportError:
        return None
    kernel: Callable[..., Tensor] = getattr(module, name)
    return kernel
