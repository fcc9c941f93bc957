"""Conditioning onto any U-Net of LDM layout, as context managers that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .attention import TokenAttention
from .conditioning import Branch, Conditioning
from .guidance import Guidance
from .settings import Settings

ENCODER_SLOTS = ((0, 1), (2, 3), (4, 5))  # SD's 16 blocks by level, see settings.BLOCK_GROUPS; deeper levels: the last
MIDDLE_SLOT = 6
DECODER_SLOTS = ((13, 14, 15), (10, 11, 12), (7, 8, 9))


class Attached:
    """The rows of the next U-Net call, set by the caller.

    branches: one for each row, or one for each group of B rows (branch-major: all pictures of the first branch, then of
    the next), which a call of len(branches) * B rows tells. With one sketch and one reference the order is free.
    assigned: branch and picture of every row, in any order; when set it goes before `branches`.
    progress: 0 at the start of sampling to 1; the guidance window is decided from it.
    """

    assigned: Sequence[tuple[Branch, int]] | None = None

    def __init__(self, conditioning: Conditioning, settings: Settings) -> None:
        self.branches: Sequence[Branch] = Guidance.of(settings, conditioning.tokens is not None).branches
        self.progress = 0.0
        self._conditioning, self._settings = conditioning, settings
        self._pictures = conditioning.pictures

    def rows(self, count: int) -> list[tuple[Branch, int]]:
        """Branch and picture of each row of a call of `count` rows; ColorizeError when they do not fit."""
        if self.assigned is not None:
            if len(self.assigned) != count:
                raise ColorizeError(f"the U-Net was called with {count} rows, {len(self.assigned)} were assigned")
            return list(self.assigned)
        group, rest = divmod(count, len(self.branches) or count + 1)
        pictures = self._pictures
        if pictures > 1 and group == 1:  # a branch for every row
            rest = rest or count % pictures
        elif pictures not in (1, group):
            rest = count
        if rest:
            raise ColorizeError(f"the U-Net was called with {count} rows for {len(self.branches)} branches of "
                                f"{pictures} picture(s); set `branches` for each row of the call")
        return [(self.branches[row // group], row % pictures) for row in range(count)]

    def _reference_rows(self, count: int) -> tuple[list[int], list[int]]:
        rows = self.rows(count)
        if not self._settings.uses_reference_at(self.progress):
            return [], []
        shown = [(row, picture) for row, (branch, picture) in enumerate(rows) if branch is not Branch.NO_REFERENCE]
        return [row for row, _ in shown], [picture for _, picture in shown]


class HintHook:
    """Forward hook of one input block: adds its hint to the hidden state, and so to the skip connection too."""

    def __init__(
        self, place: int, hint: Tensor, blank: Tensor | None = None,
        rows: Callable[[int], list[tuple[Branch, int]]] | None = None,
    ) -> None:
        """hint: [B or 1, C, h, w]; blank: the same for NO_SKETCH rows; rows: None = row r takes hint r."""
        self.place, self.hint, self.blank, self.rows = place, hint, blank, rows
        self.calls = 0
        self._kept: tuple[object, Tensor] | None = None

    def __call__(self, module: nn.Module, args: object, output: Tensor) -> Tensor:
        self.calls += 1
        hint = self.hint.to(output) if self.rows is None else self._of_rows(self.rows(len(output)), output)
        if hint.shape[1:] != output.shape[1:] or len(hint) not in (1, len(output)):
            raise ColorizeError(f"sketch hint {list(hint.shape)} does not fit input block {self.place}, which gives "
                                f"{list(output.shape)}; use a sketch of the picture's size and the model's own encoder")
        return output + hint

    def _of_rows(self, rows: list[tuple[Branch, int]], output: Tensor) -> Tensor:
        """The hint of every row, [rows or 1, C, h, w]; kept over the steps, for it does not change."""
        chosen = [(branch is Branch.NO_SKETCH, picture) for branch, picture in rows]
        made_for = (chosen, output.dtype, output.device)
        if self._kept is None or self._kept[0] != made_for:
            if len(set(chosen)) == 1:
                chosen = chosen[:1]
            self._kept = made_for, torch.stack([self._one(*choice) for choice in chosen]).to(output)
        return self._kept[1]

    def _one(self, without_sketch: bool, picture: int) -> Tensor:
        source = self.blank if without_sketch else self.hint
        if source is None:
            raise ColorizeError("a row without sketch needs blank hints; encode with sketch guidance above 1")
        return source[picture % len(source)]


@dataclass(frozen=True)
class Layout:
    """Where a U-Net takes hints, and its cross-attentions with their place among SD's 16 blocks, in forward order."""

    hint_blocks: tuple[int, ...]
    attentions: tuple[tuple[nn.Module, int], ...]


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
        *((attn, MIDDLE_SLOT) for attn in _cross_attentions(middle)),
        *_by_level(outputs, levels[::-1], DECODER_SLOTS)]  # output block j takes the skip of input block -1 - j
    if not attentions:
        raise ColorizeError("the U-Net has no cross-attention (attn2 with to_q, to_k, to_v, to_out, heads); "
                            "load a Stable Diffusion 1.x or 2.x model")
    hint_blocks = (0, *(i for i, half in enumerate(halves) if half), len(inputs) - 1)
    return Layout(hint_blocks, tuple(attentions))


def _halves(block: nn.Module) -> bool:
    return any(getattr(module, "stride", 1) in (2, (2, 2)) for module in block.modules())


def _cross_attentions(block: nn.Module) -> list[nn.Module]:
    found = [getattr(module, "attn2", None) for module in block.modules()]
    parts = ("to_q", "to_k", "to_v", "to_out", "heads")
    return [attn for attn in found if isinstance(attn, nn.Module) and all(hasattr(attn, part) for part in parts)]


def _by_level(
    blocks: list[nn.Module], levels: list[int], slots: tuple[tuple[int, ...], ...],
) -> Iterator[tuple[nn.Module, int]]:
    for i, block in enumerate(blocks):
        peers = [j for j, other in enumerate(blocks) if levels[j] == levels[i] and _cross_attentions(other)]
        level_slots = slots[min(levels[i], len(slots) - 1)]
        for attn in _cross_attentions(block):
            yield attn, level_slots[peers.index(i) * len(level_slots) // len(peers)]


class Attachment:
    """Conditioning prepared for one U-Net: hints after its input blocks, our tokens in every attn2.

    The U-Net is touched only inside `applied`, which may be entered again and again (around each step, say): keys and
    values are kept in between. For sampling: no gradient reaches tokens and hints.
    """

    def __init__(self, unet: nn.Module, conditioning: Conditioning, settings: Settings) -> None:
        """ColorizeError when the U-Net is of another layout, or takes another number of hints or width of tokens."""
        self.attached = Attached(conditioning, settings)
        self._unet, self._closed_calls = unet, 0
        layout = _layout_for(unet, conditioning.hints)
        blanks: Sequence[Tensor | None] = conditioning.blank_hints or [None] * len(conditioning.hints)
        self._hooks = [HintHook(place, hint, blank, self.attached.rows)
                       for place, hint, blank in zip(layout.hint_blocks, conditioning.hints, blanks)]
        scales = settings.block_scales()
        self._attentions = [
            (attn, TokenAttention(attn, conditioning.tokens, scales[slot], self.attached._reference_rows))
            for attn, slot in layout.attentions]

    def close(self) -> None:
        """Let go of all tensors; it cannot be applied any more."""
        self._closed_calls = self.calls
        self._hooks, self._attentions = [], []

    @property
    def calls(self) -> int:
        """How often the U-Net has shown the conditioning; 0 after sampling means that another network was sampled."""
        return self._hooks[0].calls if self._hooks else self._closed_calls

    @contextmanager
    def applied(self) -> Iterator[Attached]:
        """Inside, the U-Net shows the conditioning, whatever context it is given; undone whatever the way out.

        Set `assigned` or `branches`, and `progress`, of the result before each call.
        """
        _require_free(self._unet)
        with ExitStack() as undo:
            for hook in self._hooks:
                _hook(undo, self._unet, hook)
            for attn, attention in self._attentions:
                _replace_forward(undo, attn, attention)
            yield self.attached


@contextmanager
def attach(unet: nn.Module, conditioning: Conditioning, settings: Settings) -> Iterator[Attached]:
    """`Attachment.applied` for a single use."""
    with Attachment(unet, conditioning, settings).applied() as attached:
        yield attached


@contextmanager
def add_hints(unet: nn.Module, hints: Sequence[Tensor]) -> Iterator[None]:
    """For training: inside, hints are added with their gradient; attention stays the U-Net's own, over the context.

    hints: each [B or 1, C_i, h_i, w_i], as SketchEncoder gives them.
    """
    layout = _layout_for(unet, hints)
    _require_free(unet)
    with ExitStack() as undo:
        for place, hint in zip(layout.hint_blocks, hints):
            _hook(undo, unet, HintHook(place, hint))
        yield


def _layout_for(unet: Any, hints: Sequence[Tensor]) -> Layout:
    """The layout of a U-Net that takes this number of hints."""
    layout = find_layout(unet)
    if len(hints) != len(layout.hint_blocks):
        raise ColorizeError(f"{len(hints)} sketch hints for a U-Net that takes {len(layout.hint_blocks)}; "
                            "use the sketch encoder of this model")
    return layout


def _require_free(unet: Any) -> None:
    if any(isinstance(hook, HintHook) for block in unet.input_blocks for hook in block._forward_hooks.values()):
        raise ColorizeError("something is attached to this U-Net already; leave that `with` first")


def _hook(undo: ExitStack, unet: Any, hook: HintHook) -> None:
    undo.callback(unet.input_blocks[hook.place].register_forward_hook(hook).remove)


def _replace_forward(undo: ExitStack, module: nn.Module, forward: Callable[..., Tensor]) -> None:
    """Sets `forward` on the instance; on the way out the attribute is again what it was, or again absent."""
    own = vars(module)
    if "forward" in own:
        undo.callback(own.__setitem__, "forward", own["forward"])
    else:
        undo.callback(own.pop, "forward", None)
    own["forward"] = forward
