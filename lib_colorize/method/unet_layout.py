"""Where a U-Net of LDM layout takes hints and tokens, read off its structure: `ldm`'s, a host's or ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..errors import ColorizeError

ENCODER_SLOTS = ((0, 1), (2, 3), (4, 5))  # SD's 16 blocks by level, see settings.BLOCK_GROUPS; deeper levels: the last
MIDDLE_SLOT = 6
DECODER_SLOTS = ((13, 14, 15), (10, 11, 12), (7, 8, 9))


@dataclass(frozen=True)
class Layout:
    """Where a U-Net takes hints, and its cross-attentions with their place among SD's 16 blocks, in forward order.

    attention_levels, skip_levels: how often the map of each attention, and the skip of each output block, is halved.
    """

    hint_blocks: tuple[int, ...]
    attentions: tuple[tuple[nn.Module, int], ...]
    attention_levels: tuple[int, ...]
    skip_levels: tuple[int, ...]


def find_layout(unet: Any) -> Layout:
    """Reads LDM's structure (input_blocks, middle_block, output_blocks, attn2) off a U-Net; ColorizeError if none.

    SD's own U-Net gives hints at 0, 3, 6, 9, 11 and the blocks 0-15. With other numbers of levels or blocks, hints go
    to the first block, each down-sampling one and the last, and a cross-attention takes the scale of the block of SD
    at its level (from the top) and relative place in it, so that the groups keep their meaning.
    """
    try:
        inputs, outputs = list(unet.input_blocks), list(unet.output_blocks)
        middle = unet.middle_block
    except (AttributeError, TypeError):
        raise ColorizeError(f"{type(unet).__name__} is no U-Net of LDM layout (input_blocks, middle_block, "
                            "output_blocks); load a Stable Diffusion 1.x or 2.x model") from None
    if len(inputs) != len(outputs) or len(inputs) < 2:
        raise ColorizeError(f"the U-Net has {len(inputs)} input and {len(outputs)} output blocks, expected as many of "
                            "each; load a Stable Diffusion 1.x or 2.x model")
    halves = [i > 0 and _halves(block) for i, block in enumerate(inputs)]
    levels = [sum(halves[:i + 1]) for i in range(len(inputs))]
    attentions = [
        *_by_level(inputs, levels, ENCODER_SLOTS),
        *((attn, MIDDLE_SLOT, levels[-1]) for attn in _cross_attentions(middle)),
        *_by_level(outputs, levels[::-1], DECODER_SLOTS)]  # output block j takes the skip of input block -1 - j
    if not attentions:
        raise ColorizeError("the U-Net has no cross-attention (attn2 with to_q, to_k, to_v, to_out, heads); "
                            "load a Stable Diffusion 1.x or 2.x model")
    hint_blocks = (0, *(i for i, half in enumerate(halves) if half), len(inputs) - 1)
    return Layout(hint_blocks, tuple((attn, slot) for attn, slot, _ in attentions),
                  tuple(level for _, _, level in attentions), tuple(levels[::-1]))


def _halves(block: nn.Module) -> bool:
    return any(getattr(module, "stride", 1) in (2, (2, 2)) for module in block.modules())


def _cross_attentions(block: nn.Module) -> list[nn.Module]:
    found = [getattr(module, "attn2", None) for module in block.modules()]
    parts = ("to_q", "to_k", "to_v", "to_out", "heads")
    return [attn for attn in found if isinstance(attn, nn.Module) and all(hasattr(attn, part) for part in parts)]


def _by_level(
    blocks: list[nn.Module], levels: list[int], slots: tuple[tuple[int, ...], ...],
) -> Iterator[tuple[nn.Module, int, int]]:
    """Each attention, its slot, its level."""
    for i, block in enumerate(blocks):
        peers = [j for j, other in enumerate(blocks) if levels[j] == levels[i] and _cross_attentions(other)]
        level_slots = slots[min(levels[i], len(slots) - 1)]
        for attn in _cross_attentions(block):
            yield attn, level_slots[peers.index(i) * len(level_slots) // len(peers)], levels[i]


def layout_for(unet: Any, hints: Sequence[Tensor]) -> Layout:
    """The layout of a U-Net that takes this number of hints."""
    layout = find_layout(unet)
    if len(hints) != len(layout.hint_blocks):
        raise ColorizeError(f"{len(hints)} sketch hints for a U-Net that takes {len(layout.hint_blocks)}; "
                            "use the sketch encoder of this model")
    return layout
