"""What the rows of a guided call have in common is computed once.

The rows for one picture differ in their reference tokens only (as long as all of them see the sketch), so that up to
the first cross-attention they are equal: a convolution, a residual block and a self-attention, at full latent size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from ..errors import ColorizeError
from ..method.attach import Attached, replace_forward
from ..method.guidance import Branch
from ..method.injected_attention import InjectedAttention
from ..method.spatial_transformer import TransformerBlock
from ..method.unet_layers import ResBlock


@contextmanager
def share_rows(unet: Any, attached: Attached) -> Iterator[None]:
    """Inside, one picture's rows run as one until the first cross-attention tells them apart.

    unet: LDM layout, with `attach` open; a call's rows must be copies of one x and t, attached.branches set for them.
    Adding to a single row repeats it, so that the blocks need no change. The rows of several pictures (branch-major)
    are not added up so: there what costs, residual blocks and the self-attention, is computed for the pictures of one
    branch. Undone on the way out. While something injected is read the self-attention tells rows apart already: it is
    given the one row all the same, and makes all of it.
    """
    blocks = list(unet.input_blocks)
    place, attention = _first_cross_attention(blocks)
    own = attention.forward

    def shared() -> bool:
        return len(attached.branches) > 1 and Branch.NO_SKETCH not in attached.branches

    def first_row(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        count = len(attached.branches)
        return tuple(arg[:1] if isinstance(arg, Tensor) and len(arg) == count and shared() else arg for arg in args)

    def all_rows(x: Tensor) -> Tensor:
        return x.expand(len(attached.branches), *x.shape[1:]) if len(x) == 1 and shared() else x  # a view

    def after(module: nn.Module, args: object, output: Tensor) -> Tensor:
        return all_rows(output)  # it is a skip connection too

    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        attended: Tensor = own(all_rows(x), *args, **kwargs)
        return attended

    def for_one_branch(own: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def forward(x: Tensor, *args: Any) -> Tensor:
            count = len(attached.branches)
            if len(x) <= count or not shared() or (attached.reading and isinstance(own, InjectedAttention)):
                return own(x, *args)
            first = (arg[:len(x) // count] if isinstance(arg, Tensor) and len(arg) == len(x) else arg
                     for arg in (x, *args))
            output = own(*first)
            return output.repeat(count, *[1] * (output.ndim - 1))

        return forward

    with ExitStack() as undo:
        for module in _same_for_all(blocks[:place + 1]):
            replace_forward(undo, module, for_one_branch(module.forward))
        for block in blocks[:place + 1]:
            undo.callback(block.register_forward_pre_hook(first_row).remove)
        for block in blocks[:place]:
            undo.callback(block.register_forward_hook(after, prepend=True).remove)  # before the hint is added
        replace_forward(undo, attention, forward)
        yield


def _same_for_all(blocks: list[nn.Module]) -> list[Any]:
    """The residual blocks of ours up to the first cross-attention, and the self-attention before that one."""
    modules = [module for block in blocks for module in block.modules()]
    residual: list[Any] = [module for module in modules if isinstance(module, ResBlock)]
    transformers: list[Any] = [module for module in modules if isinstance(module, TransformerBlock)]
    return residual + [transformer.attn1 for transformer in transformers[:1]]


def _first_cross_attention(blocks: list[nn.Module]) -> tuple[int, Any]:
    for place, block in enumerate(blocks):
        for module in block.modules():
            if hasattr(module, "attn2"):
                return place, module.attn2
    raise ColorizeError("the U-Net has no cross-attention among its input blocks; load an SD 1.x or 2.x model")
