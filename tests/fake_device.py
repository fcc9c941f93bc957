"""A CUDA device that is not there: its tensors have shapes and no numbers, those of the CPU are real.

What is left on the CPU by mistake is an error, as on a real one (of a single number it is none there either), and so is
a question about a value, which on a real one waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_flatten

CUDA = torch.device("cuda", 0)


class FakeCuda(FakeTensorMode):
    """`crossings`: the copies between devices since it was emptied."""

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.crossings: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        flat, _ = tree_flatten((args, kwargs or {}))
        fake = any(isinstance(value, FakeTensor) for value in flat)
        if func is torch.ops.aten._pin_memory.default:  # asks for a driver; here it is memory like any other
            return args[0]
        if not fake and not any(isinstance(value, torch.device) and value.type == "cuda" for value in flat):
            return func(*args, **(kwargs or {}))
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if func.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            devices = {value.device.type for value in (*flat, result) if isinstance(value, Tensor)}
            if len(devices) > 1:
                self.crossings.append(str(func))
        return result

    def takes(self, network: nn.Module) -> None:
        """The network's parameters as those of the device."""
        for module in network.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    fake = self.from_tensor(parameter.detach()).to(CUDA)
                    module._parameters[name] = nn.Parameter(fake, requires_grad=parameter.requires_grad)
