"""Conditioning onto any U-Net of LDM layout, as context managers that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .attention import TokenAttention
from .conditioning import Branch, Conditioning
from .guidance import Guidance
from .hint_hook import HintHook
from .settings import Settings
from .unet_layout import layout_for


class Attached:
    """The rows of the next U-Net call, set by the caller.

    branches: one for each row, or one for each group of B rows (branch-major: all pictures of the first branch, then of
    the next), which a call of len(branches) * B rows tells. With one sketch and one reference the order is free.
    assigned: branch and picture of every row, in any order; when set it goes before `branches`.
    progress: 0 at the start of sampling to 1; the guidance window is decided from it.
    """

    assigned: Sequence[tuple[Branch, int]] | None = None

    def __init__(self, conditioning: Conditioning, settings: Settings) -> None:
        self.branches: Sequence[Branch] = Guidance.of(settings, conditioning.has_reference).branches
        self.progress = 0.0
        self._conditioning, self._settings = conditioning, settings
        self._pictures = conditioning.pictures
        self._rows: tuple[object, int, Sequence[tuple[Branch, int]]] | None = None  # as asked for last
        self._shown: tuple[object, bool, tuple[Sequence[int], Sequence[int]]] | None = None

    def rows(self, count: int) -> Sequence[tuple[Branch, int]]:
        """Branch and picture of each row of a call of `count` rows; ColorizeError when they do not fit.

        Each block asks for them: the same again as long as `assigned` or `branches` is the very same tuple.
        """
        given = self.branches if self.assigned is None else self.assigned
        if self._rows is None or self._rows[0] is not given or self._rows[1] != count or not isinstance(given, tuple):
            self._rows = given, count, self._laid_out(count)
        return self._rows[2]

    def _laid_out(self, count: int) -> tuple[tuple[Branch, int], ...]:
        if self.assigned is not None:
            if len(self.assigned) != count:
                raise ColorizeError(f"the U-Net was called with {count} rows, {len(self.assigned)} were assigned")
            return tuple(self.assigned)
        group, rest = divmod(count, len(self.branches) or count + 1)
        pictures = self._pictures
        if pictures > 1 and group == 1:  # a branch for every row
            rest = rest or count % pictures
        elif pictures not in (1, group):
            rest = count
        if rest:
            raise ColorizeError(f"the U-Net was called with {count} rows for {len(self.branches)} branches of "
                                f"{pictures} picture(s); set `branches` for each row of the call")
        return tuple((self.branches[row // group], row % pictures) for row in range(count))

    def reference_rows(self, count: int) -> tuple[Sequence[int], Sequence[int]]:
        """The rows of such a call that show the reference now, and which picture each is of."""
        rows, acts = self.rows(count), self._settings.uses_reference_at(self.progress)
        if self._shown is None or self._shown[0] is not rows or self._shown[1] != acts:
            shown = tuple((row, picture) for row, (branch, picture) in enumerate(rows)
                          if acts and branch is not Branch.NO_REFERENCE)
            self._shown = rows, acts, (tuple(row for row, _ in shown), tuple(picture for _, picture in shown))
        return self._shown[2]


class Attachment:
    """Conditioning prepared for one U-Net: hints after its input blocks, our tokens in every attn2.

    The U-Net is touched only inside `applied`, which may be entered again and again (around each step, say): keys and
    values are kept in between. For sampling: no gradient reaches tokens and hints.
    """

    def __init__(self, unet: nn.Module, conditioning: Conditioning, settings: Settings) -> None:
        """ColorizeError when the U-Net is of another layout, or takes another number of hints or width of tokens."""
        self.attached = Attached(conditioning, settings)
        self._unet, self._closed_calls = unet, 0
        layout = layout_for(unet, conditioning.hints)
        blanks: Sequence[Tensor | None] = conditioning.blank_hints or [None] * len(conditioning.hints)
        self._hooks = [HintHook(place, hint, blank, self.attached.rows)
                       for place, hint, blank in zip(layout.hint_blocks, conditioning.hints, blanks)]
        scales = settings.block_scales()
        self._bias = None if conditioning.token_bias is None else conditioning.token_bias.anew()
        self._attentions = [
            (attn, TokenAttention(attn, conditioning.tokens, scales[slot], self.attached.reference_rows, self._bias))
            for attn, slot in layout.attentions]

    def close(self) -> None:
        """Let go of all tensors; it cannot be applied any more."""
        self._closed_calls = self.calls
        self._hooks, self._attentions = [], []

    @torch.no_grad()
    def constants(self, count: int, like: Tensor) -> list[Tensor]:
        """What the U-Net is shown in a call of `count` rows, made now and kept: laid out hints, keys and values,
        and how several references share.

        like: dtype, device and layout of the U-Net's hidden states. Another attachment's are of the same number and
        shapes when sizes, tokens, rows and block scales are: they may be copied into these.
        """
        hints = [hook.of_rows(count, like) for hook in self._hooks]
        rows, pictures = self.attached.reference_rows(count)
        bias = self._bias if rows else None
        sizes = sorted({hint.shape[-2] * hint.shape[-1] for hint in hints})
        shown = [attention for _, attention in self._attentions
                 if rows and attention.scale and attention.tokens is not None]
        biases = [part for size in sizes for part in bias.at(size, pictures, like) if part is not None] if bias else []
        return [*hints, *biases,
                *(part for attention in shown for part in attention.keys_and_values(pictures, like, like))]

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
                replace_forward(undo, attn, attention)
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
    layout = layout_for(unet, hints)
    _require_free(unet)
    with ExitStack() as undo:
        for place, hint in zip(layout.hint_blocks, hints):
            _hook(undo, unet, HintHook(place, hint))
        yield


def _require_free(unet: Any) -> None:
    if any(isinstance(hook, HintHook) for block in unet.input_blocks for hook in block._forward_hooks.values()):
        raise ColorizeError("something is attached to this U-Net already; leave that `with` first")


def _hook(undo: ExitStack, unet: Any, hook: HintHook) -> None:
    undo.callback(unet.input_blocks[hook.place].register_forward_hook(hook).remove)


def replace_forward(undo: ExitStack, module: nn.Module, forward: Callable[..., Tensor]) -> None:
    """Sets `forward` on the instance; on the way out the attribute is again what it was, or again absent."""
    own = vars(module)
    if "forward" in own:
        undo.callback(own.__setitem__, "forward", own["forward"])
    else:
        undo.callback(own.pop, "forward", None)
    own["forward"] = forward
