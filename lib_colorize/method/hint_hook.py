"""A sketch hint, added to what one input block of a U-Net gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .guidance import Branch


class Misfit(ColorizeError):
    """The network runs at another size than its sketch was made for, or it is another network's sketch encoder."""


def with_hint(place: int, output: Tensor, hint: Tensor) -> Tensor:
    """What input block `place` gives [B, C, h, w], plus its hint [B or 1, C, h, w]; Misfit when they differ in size."""
    if hint.shape[1:] != output.shape[1:] or len(hint) not in (1, len(output)):
        raise Misfit(f"sketch hint {list(hint.shape)} does not fit input block {place}, which gives "
                     f"{list(output.shape)}; use a sketch of the picture's size and the model's own encoder")
    return output + hint.to(output)


class HintHook:
    """Forward hook of one input block: adds its hint to the hidden state, and so to the skip connection too."""

    def __init__(
        self, place: int, hint: Tensor, blank: Tensor | None = None,
        rows: Callable[[int], Sequence[tuple[Branch, int]]] | None = None, written: Tensor | None = None,
    ) -> None:
        """hint: [B or 1, C, h, w]; blank: the same for NO_SKETCH rows; rows: None = row r takes hint r.

        written: [1, C, h, w] of every row while `writing`, None = none then.
        """
        self.place, self.hint, self.blank, self.rows = place, hint, blank, rows
        self.written = None if written is None else written.clone()  # a captured step is shown the next job's in it
        self.calls, self.writing = 0, False
        self._kept: tuple[object, object, Tensor] | None = None
        self._chosen: object = None  # sketch and picture of each row that is kept

    def __call__(self, module: nn.Module, args: object, output: Tensor) -> Tensor:
        self.calls += 1
        if self.writing:
            hint = self.written_like(output)
            return output if hint is None else with_hint(self.place, output, hint)
        hint = self.hint if self.rows is None else self.of_rows(len(output), output)
        return with_hint(self.place, output, hint)

    def forget(self) -> None:
        """Let go of what is laid out for the rows of a call; the next makes it anew."""
        self._kept = None

    def of_rows(self, count: int, output: Tensor) -> Tensor:
        """The hint of every row [count or 1, C, h, w], like output; kept over the steps, for it does not change."""
        assert self.rows is not None
        rows = self.rows(count)
        made_for = (output.dtype, output.device)
        if self._kept is None or self._kept[0] is not rows or self._kept[1] != made_for:
            chosen = tuple((branch is Branch.NO_SKETCH, picture) for branch, picture in rows)
            if self._kept is None or self._kept[1] != made_for or self._chosen != chosen:
                hints = [self._one(*choice) for choice in (chosen[:1] if len(set(chosen)) == 1 else chosen)]
                laid_out = _laid_out(torch.stack(hints), output)
            else:
                laid_out = self._kept[2]
            self._kept, self._chosen = (rows, made_for, laid_out), chosen
        return self._kept[2]

    def written_like(self, output: Tensor) -> Tensor | None:
        """What rows take while `writing`, like output; kept."""
        if self.written is not None:
            self.written = _laid_out(self.written, output)
        return self.written

    def _one(self, without_sketch: bool, picture: int) -> Tensor:
        source = self.blank if without_sketch else self.hint
        if source is None:
            raise ColorizeError("a row without sketch needs blank hints; encode with sketch guidance above 1")
        return source[picture % len(source)]


def _laid_out(hint: Tensor, output: Tensor) -> Tensor:
    """Like output in type, device and layout."""
    channels_last = output.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return hint.to(output).contiguous(memory_format=layout)
