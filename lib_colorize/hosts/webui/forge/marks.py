"""Which branch and which picture each row of a U-Net call shows, told beside its conditions.

The host puts the conditions of its entries together in an order of its own, and whatever it does to them it asks of
the condition itself. Rows are no tensor: nobody has to ask the device for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.sampling.condition import Condition

from ....method.conditioning import Branch

Row = tuple[Branch, int]


class RowMarks(Condition):  # type: ignore[misc]
    """Stands among the conditions of one entry; the U-Net's call gets the rows of all its entries, a tuple."""

    cond: tuple[Row, ...]

    def __init__(self, rows: Sequence[Row]) -> None:
        """rows: of each picture of the entry."""
        super().__init__(tuple(rows))

    def process_cond(self, batch_size: int, device: Any, **_rest: Any) -> RowMarks:
        """Cut or repeated, as the host does it to the tensors of an entry."""
        repeats = -(-batch_size // len(self.cond))
        return RowMarks((self.cond * repeats)[:batch_size])

    def can_concat(self, other: Any) -> bool:
        return isinstance(other, RowMarks)

    def concat(self, others: Sequence[RowMarks]) -> tuple[Row, ...]:
        return sum((other.cond for other in others), self.cond)
