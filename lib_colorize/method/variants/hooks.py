"""v2's changes of a U-Net's output blocks as hooks: skips warped to a background, what comes out styled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from ...errors import ColorizeError
from ..masking import BackgroundMaps
from .style import Style, StyleHook
from .variant import Variant
from .warp import Warp, WarpHook


class DecoderHooks:
    """Of one U-Net and one job; nothing when neither a style nor maps are given."""

    def __init__(
        self, unet: Any, variant: Variant, style: Sequence[Tensor] | None, background: BackgroundMaps | None,
        skip_levels: Sequence[int],
    ) -> None:
        """ColorizeError when the variant has no modules for them, or another number than the U-Net has blocks."""
        self.time: Tensor | None = None  # the time embedding of the call [B or 1, E]; whoever skips time_embed sets it
        self._unet = unet
        self._blocks: list[Any] = list(unet.output_blocks)
        self._styles = [StyleHook(_as(Style, module), y, self._time)
                        for module, y in self._pairs(variant.styles, style, "style")]
        maps = None if background is None else background.maps
        self._warps = [WarpHook(_as(Warp, module), g, background.mask, level)
                       for (module, g), level in zip(self._pairs(variant.warps, maps, "background"), skip_levels)
                       if background is not None]

    @property
    def needs_time(self) -> bool:
        """Whether the time embedding is looked at."""
        return bool(self._styles)

    def constants(self, like: Tensor) -> list[Tensor]:
        """All that a job's pictures have made: see `Attachment.constants`."""
        hooks: list[StyleHook | WarpHook] = [*self._styles, *self._warps]
        return [part for hook in hooks for part in hook.constants(like)]

    def apply(self, undo: ExitStack) -> None:
        """Onto the U-Net, until `undo` is left."""
        for block, warp in zip(self._blocks, self._warps):
            undo.callback(block.register_forward_pre_hook(warp).remove)
        for block, style in zip(self._blocks, self._styles):
            undo.callback(block.register_forward_hook(style).remove)
        if self._styles:
            undo.callback(self._unet.time_embed.register_forward_hook(self._note_time).remove)

    def forget(self) -> None:
        """Let go of what was made of a job's pictures; it is made anew when asked for."""
        for warp in self._warps:
            warp.forget()

    def close(self) -> None:
        """Let go of all tensors."""
        self._styles, self._warps, self.time = [], [], None

    def _note_time(self, module: nn.Module, args: object, output: Tensor) -> None:
        self.time = output

    def _time(self) -> Tensor:
        assert self.time is not None  # time_embed runs before any block
        return self.time

    def _pairs(
        self, modules: nn.ModuleList | None, given: Sequence[Tensor] | None, what: str,
    ) -> list[tuple[nn.Module, Tensor]]:
        if given is None:
            return []
        if modules is None or not len(modules) == len(given) == len(self._blocks):
            raise ColorizeError(f"a {what} for {len(given)} output blocks, the U-Net has {len(self._blocks)} and the "
                                f"model {len(modules or ())} modules for them; use the encoders of this model")
        return list(zip(modules, given))


def _as(kind: type[Any], module: nn.Module) -> Any:
    assert isinstance(module, kind)
    return module
