"""What the rows of a U-Net call show: told by the caller, asked for by everything that is attached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import ColorizeError
from .conditioning import Branch, Conditioning
from .guidance import Guidance
from .settings import Settings


class Attached:
    """The rows of the next U-Net call, set by the caller.

    branches: one for each row, or one for each group of B rows (branch-major: all pictures of the first branch, then of
    the next), which a call of len(branches) * B rows tells. With one sketch and one reference the order is free.
    assigned: branch and picture of every row, in any order; when set it goes before `branches`.
    latents: which of the pictures that are sampled each of these rows is of, where they are more than the conditioning
    describes; None = as `assigned` says.
    progress: 0 at the start of sampling to 1; the guidance window is decided from it.
    reading: rows that show the same differ all the same, for they attend to what was injected.
    """

    assigned: Sequence[tuple[Branch, int]] | None = None
    latents: Sequence[int] | None = None
    reading = False

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

    def latents_of(self, count: int) -> tuple[int, ...]:
        """Which of the pictures that are sampled each row of such a call is of."""
        if self.latents is not None and len(self.latents) == count:
            return tuple(self.latents)
        if self.assigned is not None or self.in_groups(count) == 0:
            return tuple(picture for _, picture in self.rows(count))
        return tuple(row % self.in_groups(count) for row in range(count))

    def in_groups(self, count: int) -> int:
        """How many pictures each branch has in such a call; 0 where its rows are told one by one."""
        group = count // len(self.branches) if self.assigned is None and self.branches else 0
        return 0 if group == 1 and self._pictures > 1 else group

    @contextmanager
    def showing(
        self, branches: Sequence[Branch], assigned: Sequence[tuple[Branch, int]] | None, latents: Sequence[int],
    ) -> Iterator[None]:
        """Inside, the rows of calls are these."""
        before = self.branches, self.assigned, self.latents
        self.branches, self.assigned, self.latents = branches, assigned, latents
        try:
            yield
        finally:
            self.branches, self.assigned, self.latents = before

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
