"""Many runs in one live host: nothing is left, plain pictures stay the same, memory does not grow.

    python -m tests.webui.endurance --host a1111 --runs 1000 --out endurance-a1111.json

--no-switches keeps to one checkpoint: AUTOMATIC1111 itself keeps some memory of every switch, without us too.
One JSON line a run goes to OUT.jsonl while it runs (the last line says where a crash was), the summary to OUT.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib_colorize.method.settings import Settings
from tests.webui import checkpoints, jobs
from tests.webui.host import KINDS, Host
from tests.webui.reply import Reply
from tests.webui.undone import PLAIN_JOBS, leftovers, run_plain

WEIGHTS = {"enabled": 40, "plain": 20, "interrupted": 8, "failing call": 12, "failing network": 8, "bad input": 8,
           "switch": 4}
MODELS = (jobs.SMALL, checkpoints.TINY, checkpoints.TINY_EPS)
SWITCHING = ("plain", "switch")  # runs that load another checkpoint
BROKEN = (checkpoints.FOREIGN, checkpoints.TRUNCATED)
MEASURE = 10  # runs between two measurements of memory, each after the same job: networks differ in size
WARM = 0.2  # the part of the runs after which memory is compared: caches are full then
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M", "DPM++ SDE", "DDIM", "UniPC", "Heun")
UNTOLD = tuple(f"loading.py:{name}" for name in ("matches", "__init__", "clip_target", "process_clip_state_dict"))
BAD: tuple[dict[str, Any], ...] = ({"reference": None}, {"reference": "aGVsbG8="}, {"nonsense": 1},
                                   {"reference_guidance": -1}, {"extractor": "magic"})


class Endurance:
    """One host and what it has shown so far."""

    def __init__(self, host: Host, seed: int, switches: bool = True) -> None:
        """switches: False = all runs are of one checkpoint."""
        self.host, self.choose = host, random.Random(seed)
        self.weights = {kind: weight for kind, weight in WEIGHTS.items() if switches or kind not in SWITCHING}
        self.plain: dict[str, str] = {}  # name of a plain job -> md5
        self.coloured: dict[str, str] = {}  # model -> md5 of the fixed job
        self.model = jobs.SMALL
        self.last = ""  # what was asked for last, for the journal
        self.calls = 100  # of the extension's functions in a job, about

    def settings(self) -> Settings:
        choose = self.choose
        sampler = choose.choice(SAMPLERS)
        fewest = {"DDIM": 2, "UniPC": 4}.get(sampler, 1)  # with fewer the hosts fail or take no step
        return Settings(
            steps=choose.randint(fewest, 4), sampler=sampler, scheduler="Automatic",
            width=choose.choice((64, 72, 128)), height=choose.choice((64, 96)), seed=choose.randrange(2**32),
            reference_guidance=choose.choice((1.0, 3.0, 6.0)), sketch_guidance=choose.choice((1.0, 2.0)),
            guidance_end=choose.choice((0.5, 1.0)), batch=choose.choice((1, 1, 1, 2)))

    def colour(self, settings: Settings | None = None, **rest: Any) -> Reply:
        tab, settings = self.choose.choice(("img2img", "txt2img")), settings or self.settings()
        self.last = f"{tab} {self.model} {jobs.host_fields(settings)} {jobs.own_arguments(settings)}"
        return jobs.colour(self.host, settings, tab, model=self.model, **rest)

    def enabled(self) -> str:
        reply = self.colour()
        assert reply.status == 200, reply.message
        if self.choose.random() < 0.3:
            md5 = jobs.colour(self.host, jobs.QUICK, model=self.model).md5
            assert self.coloured.setdefault(self.model, md5) == md5, "the fixed coloured job has changed"
        return "200"

    def plain_job(self) -> str:
        name = self.choose.choice(sorted(PLAIN_JOBS))
        md5 = run_plain(self.host, name).md5
        assert self.plain.setdefault(name, md5) == md5, f"plain {name} has changed"
        return name

    def interrupted(self) -> str:
        replies: list[Reply] = []
        settings = self.settings().with_(steps=60, sampler="Euler")
        thread = threading.Thread(target=lambda: replies.append(self.colour(settings)))
        thread.start()
        time.sleep(self.choose.uniform(0, 1))
        how = self.choose.choice(("interrupt", "skip"))
        getattr(self.host, how)()
        thread.join(300)
        assert replies and replies[0].status == 200, replies[0].message if replies else "no answer"
        return how

    def failing_call(self) -> str:
        number = self.choose.randint(1, self.calls)
        self.host.post("/probe/fault", {"where": "call", "number": number})
        reply = self.colour(self.settings().with_(sketch_guidance=2.0))
        state = self.host.get("/probe/fault").body
        self.host.post("/probe/fault")
        self.calls = max(20, (3 * self.calls + 2 * len(state["calls"])) // 5) if not state["fired"] else self.calls
        if state["fired"] and reply.status != 200:
            told = "injected fault" in reply.message
            if state["calls"][-1] in UNTOLD:  # Forge replaces every error of these by its own
                told = told or "Failed to recognize model type" in reply.message
            assert told, f"{state['calls'][-1]}: {reply.message}"
        return f"{reply.status} {state['calls'][-1] if state['fired'] else 'not reached'}"

    def failing_network(self) -> str:
        where = self.choose.choice(("unet", "vae decode", "vae encode"))
        if self.host.get("/probe/state").body["loaded"]:
            self.host.post("/probe/fault", {"where": where, "number": self.choose.randint(1, 4)})
        reply = self.colour()
        fired = self.host.get("/probe/fault").body["fired"]
        self.host.post("/probe/fault")
        assert not fired or (reply.status == 500 and "injected fault" in reply.message), reply.message
        return f"{where} {reply.status}"

    def bad_input(self) -> str:
        reply = self.colour(arguments=self.choose.choice(BAD))
        assert reply.status == 422, (reply.status, reply.message)
        return "422"

    def switch(self) -> str:
        if self.choose.random() < 0.25:
            name = self.choose.choice(BROKEN)
            reply = jobs.colour(self.host, jobs.QUICK, model=name)
            assert reply.status != 200 and reply.message
            return f"{name} {reply.status}"
        self.model = self.choose.choice(MODELS)
        return self.model + " " + self.enabled()

    def run(self) -> dict[str, Any]:
        """One random run, and what it left."""
        actions: dict[str, Callable[[], str]] = {
            "enabled": self.enabled, "plain": self.plain_job, "interrupted": self.interrupted,
            "failing call": self.failing_call, "failing network": self.failing_network, "bad input": self.bad_input,
            "switch": self.switch}
        (kind,) = self.choose.choices(list(self.weights), list(self.weights.values()))
        start, line = time.monotonic(), {"kind": kind, "problem": ""}
        try:
            line["what"] = actions[kind]()
        except AssertionError as error:
            line |= {"problem": str(error)[:500] or "assertion", "asked": self.last}
        left = leftovers(self.host)
        line["problem"] = line["problem"] or "; ".join(left)[:500]
        return {**line, "left": len(left), "seconds": round(time.monotonic() - start, 2), "rss": self.host.rss()}

    def measure(self) -> int:
        """Bytes in memory after a job that is always the same, without what the allocator keeps of freed ones."""
        for _ in range(2):
            assert jobs.colour(self.host, jobs.QUICK).status == 200
        self.host.post("/probe/clock")
        return self.host.rss()


def summary(lines: list[dict[str, Any]], host: Host, seconds: float) -> dict[str, Any]:
    """What counts, in one place."""
    warm = [line["same job"] for line in lines[int(len(lines) * WARM):] if "same job" in line]
    tenth = max(1, len(warm) // 10)
    first, last = statistics.median(warm[:tenth]), statistics.median(warm[-tenth:])
    return {
        "host": host.kind, "runs": len(lines), "seconds": round(seconds),
        "kinds": dict(collections.Counter(line["kind"] for line in lines)),
        "problems": [line for line in lines if line["problem"]], "hooks left": sum(line["left"] for line in lines),
        "rss after warm-up": first, "rss at the end": last, "growth": round(last / first - 1, 4),
        "peak rss": host.peak_rss()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", choices=KINDS, required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-switches", action="store_true", help="one checkpoint for all runs")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    start, lines = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder, args.out.with_suffix(".jsonl").open("w") as journal:
        files = checkpoints.write_all(Path(folder), args.host)
        with Host.start(args.host, files=files) as host:
            endurance = Endurance(host, args.seed, not args.no_switches)
            for number in range(args.runs):
                lines.append({"run": number, **endurance.run()})
                if number % MEASURE == MEASURE - 1:
                    lines[-1]["same job"] = endurance.measure()
                journal.write(json.dumps(lines[-1]) + "\n")
                journal.flush()
                if lines[-1]["problem"]:
                    print(json.dumps(lines[-1]), file=sys.stderr)
            found = summary(lines, host, time.monotonic() - start)
    args.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps({**found, "problems": len(found["problems"])}, indent=2))
    return 1 if found["problems"] or found["growth"] > 0.02 else 0


if __name__ == "__main__":
    sys.exit(main())
