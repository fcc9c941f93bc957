"""When each sampling step starts in a running host, and what is in memory then.

POST /probe/clock {"look_for": [names of classes]}  forget what was noted; count such objects at the next first step;
                                                    freed memory goes back to the system, so that each peak is its own
GET  /probe/clock                                   the steps since then, and what was found

Times are of the machine's monotonic clock, which other processes read too. `cpu` is processor time of all threads.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import gc
import time
from typing import Any

from modules import script_callbacks

steps: list[dict[str, float]] = []
found: dict[str, int] = {}
wanted: list[str] = []


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))
    except OSError:
        return 0


def note(params: Any) -> None:
    """The host calls this once before each evaluation of the model."""
    steps.append({"time": time.monotonic(), "cpu": time.process_time(), "rss": resident()})
    if wanted:
        alive = collections.Counter(type(thing).__name__ for thing in gc.get_objects())
        found.update({name: alive[name] for name in wanted})
        wanted.clear()


def routes(_: Any, app: Any) -> None:
    from fastapi import Body

    @app.post("/probe/clock")
    def reset(body: dict[str, Any] = Body()) -> dict[str, Any]:  # noqa: B008  fastapi's way
        steps.clear()
        found.clear()
        wanted[:] = body.get("look_for", [])
        with contextlib.suppress(OSError, AttributeError):  # glibc alone has it
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        return {}

    @app.get("/probe/clock")
    def read() -> dict[str, Any]:
        import torch

        return {"steps": list(steps), "found": dict(found), "torch": torch.__version__,
                "threads": torch.get_num_threads()}


script_callbacks.on_cfg_denoiser(note)
script_callbacks.on_app_started(routes)
