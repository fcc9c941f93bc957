"""Attention injection: each call of the U-Net becomes two, of the noised reference and then of the picture itself.

variants.md section 4. The first writes down what every self-attention looks at; in the second it looks at that too.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .attached import Attached
from .attention import TokenAttention
from .forwards import replace_forward
from .hint_hook import HintHook
from .injected_attention import AllWritten, InjectedAttention, RowGroup
from .injected_picture import InjectedPicture, NoisedPicture
from .injection_plan import Plan, planned
from .rows import take_rows
from .settings import EDGE, Settings
from .token_bias import TokenBias
from .unet import UNet

LEFT_OUT = ("control",)  # of a call's arguments: what another extension makes of the sketch is not of the reference


class Injection:
    """The two passes of one U-Net; stands in for its `forward`."""

    def __init__(
        self, unet: Any, cross_attentions: Sequence[TokenAttention], hooks: Sequence[HintHook],
        picture: InjectedPicture, settings: Settings, attached: Attached, bias: TokenBias | None = None,
    ) -> None:
        """cross_attentions, hooks: of tokens and hints, which know the injected picture's own; bias: of several
        references, of which the first is injected.
        """
        taken = {attention.attn for attention in cross_attentions}
        found = [module.attn1 for module in unet.modules() if getattr(module, "attn2", None) in taken]
        parts = ("to_q", "to_k", "to_v", "to_out", "heads")
        if len(found) != len(cross_attentions) or not all(hasattr(attn, part) for attn in found for part in parts):
            raise ColorizeError("the U-Net has no self-attention that is known (attn1 with to_q, to_k, to_v, to_out, "
                                "heads); set the injection to 0, or load a Stable Diffusion 1.x or 2.x model")
        self.attentions = [InjectedAttention(attn, bias) for attn in found]
        self.attentions[-1].ends_writing = isinstance(unet, UNet)  # of a host's others may count on the end
        self.noised = NoisedPicture(picture)
        self.given: Tensor | None = None
        self._unet: Any = unet
        self._own: Callable[..., Tensor] = unet.forward  # of the moment when this took its place
        self._writing, self.stands_alone = self._own, True
        self._hooks, self._settings, self._attached = hooks, settings, attached
        self._cross_attentions, self._bias = cross_attentions, bias
        self._plans: dict[object, Plan] = {}

    @property
    def acts(self) -> bool:
        """Whether the next call is one of two passes."""
        return self._attached.progress >= self._settings.injection_start - EDGE

    @property
    def weights(self) -> tuple[float, float]:
        """Of the injected attention, in rows with and without a reference."""
        strength = self._settings.injection
        return strength, strength * (1 - self._settings.injection_fidelity)

    def apply(self, undo: ExitStack) -> None:
        """In the place of the U-Net's forward, and of its self-attentions', until `undo` is left."""
        for attention in self.attentions:
            attention.apply(undo)
        self._own, self.stands_alone = self._unet.forward, "forward" not in vars(self._unet)
        if not self.stands_alone:  # what others add to the sketch's features is not of the reference
            self._writing = functools.partial(type(self._unet).forward, self._unet)
        else:
            self._writing = self._own
        replace_forward(undo, self._unet, self)

    def start(self, seeds: Sequence[int]) -> None:
        """Before a run: the noise of pictures of these seeds from its beginning."""
        self.noised.start(seeds)

    def latents_at(self, t: float | Tensor, count: int) -> Tensor:
        """[L, C, h, w]: the injected picture as a call of `count` rows at t is to be given it, of every picture."""
        rows = zip(self._attached.rows(count), self._attached.latents_of(count))
        return self.noised.at(torch.as_tensor(t), [(branch.value, latent) for (branch, _), latent in rows])

    def constants(self, count: int, sizes: Sequence[int], like: Tensor) -> list[Tensor]:
        """Where the injected picture acts, for `Attachment.constants`. sizes: places of each feature map."""
        if self._bias is None or not self.acts:
            return []
        groups = self._plan(count).groups
        found = [self._bias.first_at(size, group.pictures, like) for size in sizes for group in groups]
        return [area for area in found if area is not None]

    def __call__(self, x: Tensor, timesteps: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """As the U-Net's own forward. `given`: what `latents_at` gave for this call, where it was asked before."""
        if not self.acts or self._settings.injection == 0:
            return self._own(x, timesteps, *args, **kwargs)
        noised = self.latents_at(timesteps[0], len(x)) if self.given is None else self.given
        plan = self._plan(len(x))
        try:
            self._write(plan, noised, x, timesteps, *args, **kwargs)
            self._set(False, plan.groups)
            return self._own(x, timesteps, *args, **kwargs)
        finally:
            self._set(False, ())
            for attention in self.attentions:
                attention.forget()

    def _write(self, plan: Plan, noised: Tensor, x: Tensor, *args: Any, **kwargs: Any) -> None:
        def rows_of(value: Any) -> Any:
            return take_rows(value, plan.picked) if isinstance(value, Tensor) and len(value) == len(x) else value

        written = take_rows(noised, plan.latents).to(x)
        rest = {name: rows_of(value) for name, value in kwargs.items() if name not in LEFT_OUT}
        self._set(True, ())
        with self._attached.showing(plan.branches, plan.assigned, plan.latents), contextlib.suppress(AllWritten):
            self._writing(written, *map(rows_of, args), **rest)

    def _set(self, writing: bool, groups: Sequence[RowGroup]) -> None:
        self._attached.reading = bool(groups)
        for hook in self._hooks:
            hook.writing = writing
        for tokens in self._cross_attentions:
            tokens.first_alone = writing
        for attention in self.attentions:
            attention.writing, attention.groups = writing, groups

    def _plan(self, count: int) -> Plan:
        """A row without sketch writes what the full one does (checked), and a row of weight 0 needs nothing."""
        attached = self._attached
        key = tuple(attached.rows(count)), attached.latents_of(count), attached.in_groups(count)
        if key not in self._plans:
            self._plans[key] = planned(*key, self.weights)
        return self._plans[key]


def replaced_by_others(unet: nn.Module) -> bool:
    """Whether somebody else stands in for the U-Net's own forward, alone or behind what is injected."""
    forward = vars(unet).get("forward")
    return not forward.stands_alone if isinstance(forward, Injection) else forward is not None
