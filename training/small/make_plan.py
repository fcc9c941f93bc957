"""How long, how large and with what the small model is made; the command's options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from lib_colorize.errors import ColorizeError

MARGIN = 8.0  # s that the last files are given
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processors, in so many


def processors(quota: Path = QUOTA) -> int:
    """Those that this process may use; a container's share can be far below what the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        most, period = quota.read_text(encoding="utf-8").split()
        return max(1, min(count, int(most) // int(period)))
    except (OSError, ValueError):  # no container, or "max"
        return count


@dataclass(frozen=True)
class MakePlan:
    """Everything but the recipe. 0 = chosen by the machine, where a word says so."""

    minutes: float = 8.0  # for everything, over all machines
    images: int = 0  # that the U-Net sees, in place of minutes: the same on every machine with the same reuse
    session_minutes: float = 0.0  # stop after so many on this machine; 0 = at the end
    decoder_share: float = 0.12  # of the time, or of the images
    auto_encoder_share: float = 0.2  # the same, where it begins from nothing; before the U-Net
    seed: int = 0
    processes: int = 0  # that draw; 0 = one for every processor but one
    piece: int = 1024  # pairs that come together
    window: int = 0  # pieces that batches are taken from; 0 = 24 on a GPU, 4 without
    reuse: float = 0.0  # how often a pair is shown before a new one comes; 0 = as drawing keeps up
    decoder_batch: int = 32
    save_minutes: float = 2.0
    compiled: bool = False

    def __post_init__(self) -> None:
        for name, found, ok, expected in self._conditions():
            if not ok:
                raise ColorizeError(f"--{name}: found {found}, expected {expected}")

    def _conditions(self) -> Iterator[tuple[str, object, bool, str]]:
        yield "minutes", self.minutes, 0 < self.minutes <= 100_000, "above 0"
        yield "images", self.images, self.images >= 0, "0 (by minutes) or more"
        yield "session-minutes", self.session_minutes, self.session_minutes >= 0, "0 (to the end) or more"
        yield "decoder-share", self.decoder_share, 0 <= self.decoder_share < 1, "0 to below 1"
        yield ("auto-encoder-share", self.auto_encoder_share, 0 < self.auto_encoder_share < 1 - self.decoder_share,
               "above 0, and less than what the decoder leaves")
        yield "seed", self.seed, 0 <= self.seed < 2**32, "0 to 2**32 - 1"
        yield "processes", self.processes, 0 <= self.processes <= 1024, "0 (one for each processor but one) to 1024"
        yield "piece", self.piece, 1 <= self.piece <= 65536, "1 to 65536"
        yield "window", self.window, 0 <= self.window <= 4096, "0 (by the machine) to 4096"
        yield "reuse", self.reuse, self.reuse == 0 or self.reuse >= 1, "0 (as drawing keeps up), or 1 or more"
        yield "decoder-batch", self.decoder_batch, 1 <= self.decoder_batch <= 65536, "1 or more"
        yield "save-minutes", self.save_minutes, self.save_minutes > 0, "above 0"

    def drawers(self) -> int:
        return self.processes or max(1, processors() - 1)

    def pieces(self, device: torch.device) -> int:
        """In the window."""
        return self.window or (24 if device.type == "cuda" else 4)

    def slots(self, device: torch.device) -> int:
        """Pieces that are drawn ahead: on a GPU while the networks are compiled."""
        return 8 if device.type == "cuda" else 3

    def unet_seconds(self) -> float:
        """When the U-Net's part ends."""
        return self.whole_seconds() * (1 - self.decoder_share)

    def whole_seconds(self) -> float:
        return max(60 * self.minutes - MARGIN, 1.0) if not self.images else float("inf")

    def auto_encoder_seconds(self) -> float:
        """When the auto-encoder's part ends."""
        return self.whole_seconds() * self.auto_encoder_share

    def decoder_images(self) -> int:
        """Where the U-Net's are counted."""
        return int(self.images * self.decoder_share)
