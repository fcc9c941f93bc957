"""Which part of an evaluation this process does, when several were started together."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

from lib_colorize.errors import ColorizeError


@dataclass(frozen=True)
class ProcessShare:
    """Of `count` processes number `index`; token: the same in all of them, and new each time they are started."""

    index: int = 0
    count: int = 1
    device: str | None = None  # None: as the user says
    token: str = ""

    @property
    def first(self) -> bool:
        """It puts the parts together."""
        return self.index == 0


def join_processes() -> ProcessShare:
    """As `accelerate launch` or torchrun started this process; alone if neither did.

    ColorizeError for several processes without a GPU for each, unless CPUs are asked for.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return ProcessShare()
    from accelerate.state import PartialState
    from accelerate.utils import broadcast_object_list, parse_flag_from_env

    state = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))
    if state.num_processes == 1:
        raise ColorizeError(f"{world} processes were started and there is no GPU for them to share; for processes on "
                            "CPUs set ACCELERATE_USE_CPU=1")
    token, = broadcast_object_list([secrets.token_hex(8)])
    return ProcessShare(state.process_index, state.num_processes, str(state.device), token)
