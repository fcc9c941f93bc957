"""Tokens of a reference moved along texts (variants.md section 5): part by part, or as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .change import Change

TINY = 1e-12  # of a picture whose parts are all alike


def changed_tokens(tokens: Tensor, changes: Sequence[Change], embedding: Mapping[str, Tensor]) -> Tensor:
    """tokens: [1, 1 + N, D], CLS first -> the same after each change, one upon the other; CLS stays.

    embedding: each text of the changes -> its unit vector [D]. Nothing acts unless some scale is above 0.
    """
    if not any(change.scale > 0 for change in changes):
        return tokens
    v = tokens.float()
    for change in changes:
        t, a, c = _vectors(change, embedding, v)
        v = local_change(v, t, a, c, change)
    return v.to(tokens.dtype)


def changed_cls(cls: Tensor, changes: Sequence[Change], embedding: Mapping[str, Tensor]) -> Tensor:
    """cls: [1, 1, D], of a model that is shown nothing else -> the same after each change (global manipulation)."""
    v = cls.float()
    for change in changes:
        t, a, _ = _vectors(change, embedding, v)
        v = global_change(v, t, a, change)
    return v.to(cls.dtype)


def _vectors(
    change: Change, embedding: Mapping[str, Tensor], like: Tensor,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Of target, anchor and control; [D] each, None = not given."""
    return (embedding[change.target].to(like), embedding[change.anchor].to(like) if change.anchor else None,
            None if change.everywhere else embedding[change.control].to(like))


def local_change(v: Tensor, target: Tensor, anchor: Tensor | None, control: Tensor | None, change: Change) -> Tensor:
    """v: [1, 1 + N, D], CLS first; target, anchor, control: [D] -> v with its local tokens moved.

    Without a control every token has the weight d. Without an anchor `enhance` does nothing, as in theirs (Q31).
    """
    cls, tokens = v[:, :1], v[:, 1:]
    enhanced = change.enhance and anchor is not None
    d = change.scale - cls @ (anchor if enhanced and anchor is not None else target)  # [1, 1]
    d = d[..., None]
    likeness = None if control is None else (tokens @ control)[..., None]
    w = d if likeness is None else position_weight(likeness, d, change.thresholds)
    if anchor is None:
        return torch.cat([cls, tokens + w * target], dim=1)
    along = (tokens @ anchor)[..., None] if enhanced else 0.0
    return torch.cat([cls, tokens + (w + along) * (target - anchor)], dim=1)


def global_change(v: Tensor, target: Tensor, anchor: Tensor | None, change: Change) -> Tensor:
    """v: [1, 1, D]; target, anchor: [D] -> v moved."""
    if anchor is not None and not change.enhance:
        return v + change.scale * (target - anchor)
    if change.enhance:
        without = v if anchor is None else v - (v @ anchor)[..., None] * anchor
        return without + change.scale * target
    return v + (change.scale - (v @ target)[..., None]) * target


def position_weight(likeness: Tensor, d: Tensor | float, thresholds: Sequence[float]) -> Tensor:
    """likeness: [1, N, 1] of each token to the control -> its weight, -2 d to d, in the table's five bands."""
    u = evened(likeness)
    t0, t1, t2, t3 = thresholds
    bands = ((t0, u.new_full((), -2.0).expand_as(u)), (t1, -1 + (u - t0) / max(t1 - t0, TINY)),
             (t2, (u - t1) / (2 * max(t2 - t1, TINY))), (t3, 0.5 + (u - t2) / (2 * max(t3 - t2, TINY))))
    w = torch.ones_like(u)
    for end, band in reversed(bands):
        w = torch.where(u <= end, band, w)
    return w * d


def evened(values: Tensor) -> Tensor:
    """Laid out from 0, the least, to 1, the largest; all 0 where they are alike."""
    low, high = values.amin(), values.amax()
    return (values - low) / (high - low).clamp(min=TINY)
