"""Each call of the U-Net in a run: what its rows show; those that show the same are computed once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ....method.attach import Attached
from ....method.conditioning import Branch
from ....method.injection import replaced_by_others
from ....method.rows import take_rows
from ...sampler_run import SamplerRun
from .marks import Row
from .rows import Rows

ARGUMENTS = ("x", "timesteps", "context")  # of the U-Net


@contextmanager
def assigned_rows(unet: nn.Module, attached: Attached, run: SamplerRun, told: Rows) -> Iterator[None]:
    """Tells `attached` before each call what its rows show; equal rows are computed once."""
    calls: dict[object, _Call] = {}  # of each kind: host and run repeat them at every step
    current: list[_Call] = []

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, t, context = _arguments(args, kwargs)
        if run.windowed:
            attached.progress = run.progress(float(t[0]))  # waits for the device
        # somebody who replaces `forward` may count on the number of rows
        kind = told.shown(context), run.reference_acts(attached.progress), replaced_by_others(module)
        call = calls.get(kind) or calls.setdefault(kind, _call(*kind, run.pictures))
        current[:] = [call]
        attached.assigned, attached.latents = call.assigned, call.latents
        if not call.places:
            return None
        rest = {name: value for name, value in kwargs.items() if name not in ARGUMENTS}
        return (*(take_rows(value, call.computed) for value in (x, t, context)), *args[len(ARGUMENTS):]), rest

    def after(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        (call,) = current
        return take_rows(output, call.places) if call.places else output

    handles = [unet.register_forward_pre_hook(before, with_kwargs=True), unet.register_forward_hook(after)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True)
class _Call:
    """A kind of call of the U-Net: which of its rows are computed, and what these show."""

    computed: tuple[int, ...]
    assigned: tuple[Row, ...]
    latents: tuple[int, ...]  # the picture of each that is sampled, of which the conditioning may describe fewer
    places: tuple[int, ...]  # of every row among the computed ones; none when that is its own


def _call(told: tuple[Row, ...], acts: bool, all_rows: bool, pictures: int) -> _Call:
    """acts: whether the reference acts; pictures: how many the conditioning describes."""
    rows = [(Branch.FULL if branch is Branch.NO_REFERENCE and not acts else branch, picture)
            for branch, picture in told]
    computed = tuple(range(len(rows))) if all_rows else tuple(sorted({rows.index(row) for row in rows}))
    places = () if len(computed) == len(rows) else tuple(computed.index(rows.index(row)) for row in rows)
    return _Call(computed, tuple((rows[i][0], rows[i][1] % pictures) for i in computed),
                 tuple(rows[i][1] for i in computed), places)


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    given = dict(zip(ARGUMENTS, args)) | {name: kwargs[name] for name in ARGUMENTS if name in kwargs}
    return given["x"], given["timesteps"], given["context"]
