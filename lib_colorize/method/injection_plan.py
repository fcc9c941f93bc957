"""Which rows a call with injection writes first, and which of them each of its own rows then reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from .guidance import Branch
from .injected_attention import RowGroup


@dataclass(frozen=True)
class Plan:
    """What is written for a call, and what each of its rows reads.

    branches, assigned, latents: of `Attached`, for the writing pass; picked: rows of the call whose arguments it takes.
    """

    branches: tuple[Branch, ...]
    assigned: tuple[tuple[Branch, int], ...] | None
    latents: tuple[int, ...]
    picked: tuple[int, ...]
    groups: tuple[RowGroup, ...]


def planned(
    rows: Sequence[tuple[Branch, int]], latents: Sequence[int], group: int, weights: tuple[float, float],
) -> Plan:
    """group: how many pictures each branch has, where the call is so laid out; 0 = its rows stand for themselves."""
    kinds = [(Branch.NO_REFERENCE if branch is Branch.NO_REFERENCE else Branch.FULL, latent)
             for (branch, _), latent in zip(rows, latents)]
    weight = {Branch.FULL: weights[0], Branch.NO_REFERENCE: weights[1]}
    wanted = list(dict.fromkeys(kind for kind in kinds if weight[kind[0]] > 0))
    picked = tuple(kinds.index(kind) for kind in wanted)
    groups = []
    for amount, run in groupby(range(len(rows)), key=lambda row: weight[kinds[row][0]]):
        of_run = list(run)
        kept = tuple(wanted.index(kinds[row]) for row in of_run) if amount > 0 else ()
        pictures = tuple(rows[row][1] for row in of_run)
        groups.append(RowGroup(range(of_run[0], of_run[-1] + 1), amount, kept, pictures))
    branches = tuple(dict.fromkeys(branch for branch, _ in wanted))
    assigned = None if group else tuple((kinds[row][0], rows[row][1]) for row in picked)
    return Plan(branches, assigned, tuple(latent for _, latent in wanted), picked, tuple(groups))
