"""Conditioning onto any U-Net of LDM layout, as context managers that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .attached import Attached
from .attention import TokenAttention
from .conditioning import Conditioning
from .forwards import replace_forward
from .hint_hook import HintHook
from .injection import Injection
from .masked_attention import MaskedAttention
from .settings import Settings
from .unet_layout import Layout, layout_for
from .variants.hooks import DecoderHooks
from .variants.variant import V1, Variant

__all__ = ["Attached", "Attachment", "add_hints", "attach", "replace_forward"]


class Attachment:
    """Conditioning prepared for one U-Net: hints after its input blocks, our tokens in every attn2.

    The U-Net is touched only inside `applied`, which may be entered again and again (around each step, say): keys and
    values are kept in between. For sampling: no gradient reaches tokens and hints.
    """

    def __init__(
        self, unet: nn.Module, conditioning: Conditioning, settings: Settings, variant: Variant = V1,
    ) -> None:
        """ColorizeError when the U-Net is of another layout, or takes another number of hints or width of tokens.

        variant: what the checkpoint has besides v1's networks, on the U-Net's device.
        """
        self.attached = Attached(conditioning, settings)
        self._unet, self._closed_calls = unet, 0
        layout = layout_for(unet, conditioning.hints)
        blanks: Sequence[Tensor | None] = conditioning.blank_hints or [None] * len(conditioning.hints)
        picture = conditioning.injection
        written: Sequence[Tensor | None] = (picture and picture.hints) or [None] * len(blanks)
        self._hooks = [HintHook(place, hint, blank, self.attached.rows, own) for place, hint, blank, own
                       in zip(layout.hint_blocks, conditioning.hints, blanks, written)]
        self._bias = None if conditioning.token_bias is None else conditioning.token_bias.anew()
        self._attentions = self._in_place_of(layout, conditioning, settings.block_scales(), variant)
        self.decoder = DecoderHooks(unet, variant, conditioning.style, conditioning.background, layout.skip_levels)
        self.injection = None if picture is None else Injection(
            unet, [attention for _, attention in self._attentions], self._hooks, picture, settings, self.attached,
            self._bias)
        masked = conditioning.masked
        self.structure = (  # which operators run, as far as it is not seen in `constants`
            masked is not None, masked is not None and (masked.figure_lora, masked.background_lora),
            conditioning.style is not None, conditioning.background is not None)

    def _in_place_of(
        self, layout: Layout, conditioning: Conditioning, scales: Sequence[float], variant: Variant,
    ) -> list[tuple[nn.Module, TokenAttention]]:
        """Each cross-attention, and what stands in its place."""
        rows, masked = self.attached.reference_rows, conditioning.masked
        if masked is None:
            return [(attn, TokenAttention(attn, conditioning.tokens, scales[slot], rows, self._bias))
                    for attn, slot in layout.attentions]
        names = {module: name for name, module in self._unet.named_modules()}
        return [(attn, MaskedAttention(attn, masked, scales[slot], rows, level, variant.figure.of(names[attn]),
                                       variant.background.of(names[attn]), self._bias))
                for (attn, slot), level in zip(layout.attentions, layout.attention_levels)]

    def close(self) -> None:
        """Let go of all tensors; it cannot be applied any more."""
        self._closed_calls = self.calls
        self._hooks, self._attentions, self.injection = [], [], None
        self.decoder.close()

    def forget(self) -> None:
        """Let go of what calls have made: keys, values, what is laid out for their rows. The next call makes it anew.

        For several attachments of one U-Net that take turns: only one's are there at a time, and none are those that
        a captured step has been shown another's in.
        """
        for hook in self._hooks:
            hook.forget()
        for _, attention in self._attentions:
            attention.forget()
        if self._bias is not None:
            self._bias.forget()
        self.decoder.forget()

    @torch.no_grad()
    def constants(self, count: int, like: Tensor) -> list[Tensor]:
        """What the U-Net is shown in a call of `count` rows, made now and kept: laid out hints, keys and values,
        and how several references share.

        like: dtype, device and layout of the U-Net's hidden states. Another attachment's are of the same number and
        shapes when sizes, tokens, rows and block scales are: they may be copied into these.
        """
        hints = [hook.of_rows(count, like) for hook in self._hooks]
        written = [hint for hint in (hook.written_like(like) for hook in self._hooks) if hint is not None]
        rows, pictures = self.attached.reference_rows(count)
        bias = self._bias if rows else None
        sizes = sorted({hint.shape[-2] * hint.shape[-1] for hint in hints})
        shown = [attention for _, attention in self._attentions
                 if rows and attention.scale and attention.tokens is not None]
        biases = [part for size in sizes for part in bias.at(size, pictures, like) if part is not None] if bias else []
        if self.injection is not None:
            biases += self.injection.constants(count, sizes, like)
        return [*hints, *written, *biases,
                *(part for attention in shown for part in attention.keys_and_values(pictures, like, like)),
                *self.decoder.constants(like)]

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
            self.decoder.apply(undo)
            if self.injection is not None:
                self.injection.apply(undo)
            yield self.attached


@contextmanager
def attach(
    unet: nn.Module, conditioning: Conditioning, settings: Settings, variant: Variant = V1,
) -> Iterator[Attached]:
    """`Attachment.applied` for a single use."""
    with Attachment(unet, conditioning, settings, variant).applied() as attached:
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
