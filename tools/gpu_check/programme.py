"""Runs the parts one after the other, each in a process of its own: a crash, a hang or a full card costs that part."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.gpu_check.findings import Finding, Outcome
from tools.gpu_check.parts import Part
from training.small.make_plan import processors

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 10  # times as long on a CPU, which may be busy
CORES_TO_SPARE = 8  # from so many on
LEAST = 10.0  # seconds: with less left a part is not begun
GRACE = 8.0  # seconds that a part has to end by itself after its time is up
LAST_LINES = 15  # of what a part printed, kept where it failed


def run_parts(
    parts: Sequence[Part], device: str, tiny: bool, minutes: float, say: Callable[[str], None],
    ahead: bool | None = None,
) -> Iterator[Outcome]:
    """The outcome of each part; those for which no time is left are "not run".

    ahead: while a part runs, the next one's process imports what it needs, and waits; None = where cores are to spare.
    """
    end = time.monotonic() + 60 * minutes
    ahead = processors() >= CORES_TO_SPARE if ahead is None else ahead
    patience = PATIENCE if device == "cpu" else 1
    with contextlib.ExitStack() as stack:
        waiting: Process | None = None
        for number, part in enumerate(parts):
            left = end - time.monotonic()
            if left < LEAST:
                why = f"no time left of {minutes:g} minutes; --only {part.name} runs it"
                yield Outcome(part.name, "not run", 0, (), why)
                continue
            say(f"{part.name}: {part.title} ...")
            process = waiting or stack.enter_context(Process(part, device, tiny))
            more = ahead and number + 1 < len(parts)
            waiting = stack.enter_context(Process(parts[number + 1], device, tiny)) if more else None
            yield process.finish(min(part.seconds * patience, left))


def run_part(part: Part, device: str, tiny: bool, seconds: float) -> Outcome:
    """One part; it is ended when its time is up, and what it found until then counts."""
    with Process(part, device, tiny) as process:
        return process.finish(seconds)


class Process:
    """A part's process: imports what it needs, and begins when `finish` is called. It ends with the `with`."""

    def __init__(self, part: Part, device: str, tiny: bool) -> None:
        self.part, self.device, self.size = part, device, "tiny" if tiny else "released"

    def __enter__(self) -> Process:
        self._stack = contextlib.ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self.found, self.printed = folder / "findings.json", folder / "printed.txt"
        command = [sys.executable, "-m", "tools.gpu_check.one_part", self.part.module, str(self.found),
                   self.device.partition(":")[0], self.size]
        with self.printed.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment(self.device), stdin=subprocess.PIPE, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=os.name != "nt")
        self._stack.callback(end_with_children, self.process)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def finish(self, seconds: float) -> Outcome:
        """Let it begin, and wait for its end or for so long."""
        begin = time.monotonic()
        own = seconds - GRACE if seconds > 2 * GRACE else seconds
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(f"{own:.1f}\n".encode(), seconds)
            code = self.process.returncode
        end_with_children(self.process)
        card, findings = read_notebook(self.found)
        taken, name = time.monotonic() - begin, self.part.name
        if code is None:
            return Outcome(name, "stopped", taken, findings, f"stopped after {seconds:.0f} s, its time limit", card)
        if code or any(finding.failed for finding in findings):
            text = self.printed.read_text(encoding="utf-8", errors="replace")
            last = "\n".join([*text.splitlines()[-LAST_LINES:], f"ended with status {code}"])
            return Outcome(name, "failed", taken, findings, last, card)
        return Outcome(name, "done", taken, findings, "", card)


def environment(device: str) -> dict[str, str]:
    """Of a part: it sees the one card, or none, and gets nothing from the internet."""
    kind, _, number = device.partition(":")
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    card = seen[int(number or 0)] if seen != [""] else number or "0"
    return {"OMP_NUM_THREADS": str(processors()),  # of a container, whose quota torch does not know
            **os.environ, "CUDA_VISIBLE_DEVICES": card if kind == "cuda" else "", "HF_HUB_OFFLINE": "1"}


def end_with_children(process: subprocess.Popen[bytes]) -> None:
    """End a part that runs still, and programs that it has started."""
    if os.name == "nt":
        if process.poll() is None:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
    else:
        with contextlib.suppress(ProcessLookupError):
            getattr(os, "killpg")(process.pid, getattr(signal, "SIGKILL"))  # noqa: B009  # Windows has neither
    process.wait()


def read_notebook(path: Path) -> tuple[dict[str, Any] | None, tuple[Finding, ...]]:
    """The card and what a part wrote down; nothing when it did not come so far."""
    if not path.exists():
        return None, ()
    written = json.loads(path.read_text(encoding="utf-8"))
    return written["card"], tuple(Finding.from_plain(values) for values in written["findings"])
