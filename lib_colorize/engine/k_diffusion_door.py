"""The one door to `k_diffusion`: its module of samplers, and each of them so that it does not wait for a device.

It is imported on first use, and without its package file: that one pulls in CLIP, training metrics and a deprecated
setuptools module, none of which a sampler needs.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ColorizeError

if TYPE_CHECKING:
    from torch import Tensor


def k_diffusion_sampling() -> Any:
    """The module `k_diffusion.sampling`, without running `k_diffusion/__init__.py`."""
    if "k_diffusion.sampling" in sys.modules:
        return sys.modules["k_diffusion.sampling"]
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None:
        raise ColorizeError("the package k-diffusion is not installed; pip install k-diffusion")
    already = "k_diffusion" in sys.modules
    if not already:
        sys.modules["k_diffusion"] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module("k_diffusion.sampling")
    finally:
        if not already:  # a later `import k_diffusion` finds the whole package
            del sys.modules["k_diffusion"]


def without_waiting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A sampler for sigmas on the CPU and pictures on a device, so that no decision on a sigma asks the device.

    All of it combines the two but for `to_d`, which makes of a single number a tensor of four axes first, and such a
    one must lie where the picture does. This is the same code with a `to_d` of ours; the module stays as it is.
    """
    own: Any = getattr(function, "__wrapped__", function)  # inside torch.no_grad
    return types.FunctionType(own.__code__, {**own.__globals__, "to_d": _to_d}, own.__name__, own.__defaults__)


def _to_d(x: Tensor, sigma: Tensor, denoised: Tensor) -> Tensor:
    """(x - x0) / sigma, Karras et al. 2022, algorithm 1, line 4; sigma: []."""
    return (x - denoised) / sigma
