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

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 10  # on a CPU, which may be busy
LEAST = 10.0  # seconds: with less left a part is not begun
GRACE = 8.0  # seconds that a part has to end by itself after its time is up
LAST_LINES = 15  # of what a part printed, kept where it failed


def run_parts(
    parts: Sequence[Part], device: str, tiny: bool, minutes: float, say: Callable[[str], None],
) -> Iterator[Outcome]:
    """The outcome of each part; those for which no time is left are "not run"."""
    end = time.monotonic() + 60 * minutes
    for part in parts:
        left = end - time.monotonic()
        if left < LEAST:
            why = f"no time left of {minutes:g} minutes; --only {part.name} runs it"
            yield Outcome(part.name, "not run", 0, (), why)
            continue
        say(f"{part.name}: {part.title} ...")
        yield run_part(part, device, tiny, min(part.seconds * (PATIENCE if device == "cpu" else 1), left))


def run_part(part: Part, device: str, tiny: bool, seconds: float) -> Outcome:
    """One part; it is ended when its time is up, and what it found until then counts."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found, printed = Path(folder) / "findings.json", Path(folder) / "printed.txt"
        command = [sys.executable, "-m", "tools.gpu_check.one_part", part.module, str(found), device.partition(":")[0],
                   f"{seconds - GRACE if seconds > 2 * GRACE else seconds:.1f}", "tiny" if tiny else "released"]
        with printed.open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment(device), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT, start_new_session=os.name != "nt")
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                end_with_children(process)
        card, findings = read_notebook(found)
        text = printed.read_text(encoding="utf-8", errors="replace")
    taken = time.monotonic() - begin
    if code is None:
        return Outcome(part.name, "stopped", taken, findings, f"stopped after {seconds:.0f} s, its time limit", card)
    if code or any(finding.failed for finding in findings):
        last = "\n".join(text.splitlines()[-LAST_LINES:]) or f"ended with status {code}"
        return Outcome(part.name, "failed", taken, findings, last, card)
    return Outcome(part.name, "done", taken, findings, "", card)


def environment(device: str) -> dict[str, str]:
    """Of a part: it sees the one card, or none, and gets nothing from the internet."""
    kind, _, number = device.partition(":")
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    card = seen[int(number or 0)] if seen != [""] else number or "0"
    return {**os.environ, "CUDA_VISIBLE_DEVICES": card if kind == "cuda" else "", "HF_HUB_OFFLINE": "1"}


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
