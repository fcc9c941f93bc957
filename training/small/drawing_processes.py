"""Processes that draw numbered pieces of pairs into memory that they share with the training, a few pieces ahead."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib_colorize.errors import ColorizeError
from training.small.labelled_drawings import CELL
from training.small.pair_choice import Sized
from training.small.varied_pairs import draw_varied

CHUNK = 16  # pairs that a process draws before it takes the next ones
CHANNELS = 7  # of a pair: picture, sketch, reference
PATIENCE = 1800  # s for a piece
ORDERLY = 10.0  # s for an orderly end


@dataclass(frozen=True)
class PieceShape:
    """pairs: of a piece; size: px; slots: pieces that lie in memory at once; seed: of all that is drawn."""

    pairs: int
    size: int
    slots: int
    seed: int

    @property
    def pixels(self) -> tuple[int, ...]:
        """Of one piece: picture, sketch and reference, uint8."""
        return self.pairs, self.size, self.size, CHANNELS

    @property
    def cells(self) -> tuple[int, ...]:
        """Of one piece: what the reference's cells are, uint8 (`varied_pairs.label_cells`)."""
        return self.pairs, self.size // CELL, self.size // CELL

    @property
    def slot_bytes(self) -> int:
        return int(np.prod(self.pixels)) + int(np.prod(self.cells))


@dataclass(frozen=True)
class Piece:
    """pixels: [n, S, S, 7], RGB of the picture, the sketch, RGB of the reference; cells: [n, S/4, S/4]; uint8."""

    pixels: np.ndarray
    cells: np.ndarray


class Slots:
    """Memory for some pieces: anonymous where processes are forked, else a file; it goes with the last who has it."""

    def __init__(self, shape: PieceShape, forked: bool) -> None:
        self.shape, length = shape, shape.slots * shape.slot_bytes
        if forked:
            self.file, self._bytes = None, np.frombuffer(mmap.mmap(-1, length), np.uint8)
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="colorize-pairs-", ignore_cleanup_errors=True)
            self.file = Path(self._folder.name) / "pieces"
            self._bytes = np.memmap(self.file, np.uint8, "w+", shape=(length,))

    def __getstate__(self) -> tuple[PieceShape, Path | None]:
        return self.shape, self.file

    def __setstate__(self, state: tuple[PieceShape, Path]) -> None:
        self.shape, self.file = state
        self._bytes = np.memmap(self.file, np.uint8, "r+")

    def piece(self, number: int) -> Piece:
        """Where piece `number` lies, or will."""
        shape = self.shape
        first = number % shape.slots * shape.slot_bytes
        pixels = int(np.prod(shape.pixels))
        part = self._bytes[first:first + shape.slot_bytes]
        return Piece(part[:pixels].reshape(shape.pixels), part[pixels:].reshape(shape.cells))


_MINE: dict[str, Any] = {}  # of a process that draws: its slots and what it draws from


def _begin(slots: Slots, named: dict[str, list[Sized]], parent: int) -> None:
    _MINE.update(slots=slots, named=named)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains, which ends these
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # so; one that is started later has inherited who listens to it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A killed parent tells nobody; those that draw would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(2.0)
    os._exit(1)


def _draw_chunk(job: tuple[int, int]) -> float:
    """Draw pairs `first`, ... of a piece; the seconds that it took."""
    number, first = job
    began, slots = time.perf_counter(), _MINE["slots"]
    shape, piece = slots.shape, slots.piece(number)
    for i in range(first, min(first + CHUNK, shape.pairs)):
        pair = draw_varied(number * shape.pairs + i, _MINE["named"], shape.size, shape.seed)
        pixels = piece.pixels[i]
        pixels[..., :3], pixels[..., 3], pixels[..., 4:] = pair.color, pair.sketch, pair.reference
        piece.cells[i] = pair.labels
    return time.perf_counter() - began


class DrawingProcesses:
    """Start it before anything touches a GPU: where it can, it forks. A piece's content depends on its number alone."""

    def __init__(self, named: dict[str, list[Sized]], shape: PieceShape, processes: int, first: int = 0) -> None:
        if processes < 1 or shape.pairs < 1 or shape.slots < 2:
            raise ColorizeError(f"drawing: found {processes} processes, {shape.pairs} pairs a piece and {shape.slots} "
                                "pieces at once, expected at least 1, 1 and 2")
        forks = multiprocessing.get_start_method() == "fork"
        self.shape, self.slots, self.processes = shape, Slots(shape, forks), processes
        self._pool = multiprocessing.Pool(processes, _begin, (self.slots, named, os.getpid()))
        self._jobs: dict[int, Any] = {}
        self.rate = 0.0  # pairs a second, by the last piece that was waited for
        self.next = self._asked = first  # the next piece to be taken; the next one to be asked for
        self._ask()

    def _ask(self) -> None:
        """Let a piece be drawn into every free slot."""
        while self._asked < self.next + self.shape.slots:
            jobs = [(self._asked, i) for i in range(0, self.shape.pairs, CHUNK)]
            self._jobs[self._asked] = self._pool.map_async(_draw_chunk, jobs, chunksize=1)
            self._asked += 1

    @property
    def ready(self) -> bool:
        """Whether the next piece is drawn."""
        return bool(self._jobs[self.next].ready())

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> Piece | None:
        """The next piece, whole; it is there until `free`. ColorizeError when nobody draws it.

        stopped is asked every second; None as soon as it says so: a signal to the whole group of processes ends those
        that draw, and what they were drawing comes no more.
        """
        job, until = self._jobs[self.next], time.monotonic() + PATIENCE
        while not job.ready():
            if stopped():
                return None
            if time.monotonic() > until:
                raise ColorizeError(f"drawing: piece {self.next} did not come within {PATIENCE} s; did the system end "
                                    "a process that draws, for want of memory? Run again with fewer (--processes)")
            job.wait(1.0)
        seconds = job.get()
        self.rate = self.processes * self.shape.pairs / max(sum(seconds), 1e-9)
        return self.slots.piece(self.next)

    def free(self) -> None:
        """The piece of `wait` has been taken: its slot is drawn anew."""
        del self._jobs[self.next]
        self.next += 1
        self._ask()

    def close(self) -> None:
        """End them, whatever they are at. One that was killed may have held a lock that an orderly end would wait for;
        then those that are left go with this process (`_end_with`).
        """
        ending = threading.Thread(target=self._pool.terminate, daemon=True)
        ending.start()
        ending.join(ORDERLY)
        if not ending.is_alive():
            self._pool.join()
