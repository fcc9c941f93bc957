"""What colouring costs in a live host, in released size and random weights: step time, memory, set-up time.

    python -m tests.webui.measure --host a1111 --repeats 4 --files FOLDER --out a1111.json

Jobs alternate, and ratios are taken round by round, so that what else the machine does falls on all of them:
img2img as the host does it, coloured, and in Forge img2img with its own ControlNet and IP-Adapter. All on the same
checkpoint, with two rows (guidance) of the same size, Euler. A step is timed from one call of the host's denoiser to
the next, the first one of a job left out. FOLDER keeps 7 GB of files; without it they are written anew.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.method.settings import Settings
from tests.webui import jobs, released_files
from tests.webui.figures import BESIDE, OURS, PLAIN, Run, figures, table
from tests.webui.host import KINDS, Host
from tests.webui.reply import encode

FLAGS = {"a1111": ("--opt-sdp-attention",), "forge": ()}  # Forge has that kernel anyway: no gain from ours over it
NETWORKS = ("ReferenceEncoder", "SketchEncoder")  # that must be gone when sampling starts
FEW = 2  # steps, where set-up and memory are looked at
NEW_REFERENCES = ("mermaid", "palm", "rose")


class Measurement:
    """One host, and the jobs that it is asked for."""

    def __init__(self, host: Host, size: int, steps: int) -> None:
        self.host = host
        self.jobs = [PLAIN, OURS, *([BESIDE] if host.kind == "forge" else [])]
        self.settings = Settings(steps=steps, sampler="Euler", scheduler="Automatic", width=size, height=size, seed=7,
                                 reference_guidance=5.0, sketch_guidance=1.0)
        self.software: dict[str, Any] = {}

    def run(self, job: str, reference: str = "phoenix", steps: int | None = None) -> Run:
        """Do a job; reference: another picture of the examples, whose tokens are not kept yet."""
        settings = self.settings.with_(steps=steps or self.settings.steps)
        body = jobs.body(settings, colours=jobs.reference(reference), model=Path(released_files.CHECKPOINT).stem,
                         denoising_strength=1.0, cfg_scale=5.0)
        if job != OURS:
            body["alwayson_scripts"] = {"ControlNet": {"args": self.units(reference)}} if job == BESIDE else {}
        self.host.post("/probe/clock", {"look_for": NETWORKS if job == OURS else []})
        with watched(self.host) as memory:
            start = time.monotonic()
            reply = self.host.img2img(**body)
        assert reply.status == 200, reply.message
        seen = self.host.get("/probe/clock").body
        assert len(seen["steps"]) == settings.steps, f"{job}: {len(seen['steps'])} steps"
        self.software = {key: seen[key] for key in ("torch", "threads")}
        print(f"{job:<25} set-up {seen['steps'][0]['time'] - start:6.2f} s, steps",
              *(f"{b['time'] - a['time']:.2f}" for a, b in zip(seen["steps"], seen["steps"][1:])), flush=True)
        return Run(start, seen["steps"], memory, seen["found"], reply.md5)

    def units(self, reference: str) -> list[dict[str, Any]]:
        """ControlNet for the sketch, IP-Adapter for the reference: what a user would take instead of us."""
        known = self.host.get("/controlnet/model_list").body["model_list"]
        size = self.settings.width

        def unit(file: str, module: str, picture: Image.Image) -> dict[str, Any]:
            (model,) = [name for name in known if name.startswith(Path(file).stem)]
            return {"enabled": True, "model": model, "module": module, "image": encode(picture), "processor_res": size}

        return [unit(released_files.CONTROLNET, "None", jobs.sketch(size, size)),
                unit(released_files.IP_ADAPTER, "CLIP-ViT-H (IPAdapter)", jobs.reference(reference))]

    def round(self, backwards: bool) -> dict[str, Run]:
        """Each job once."""
        runs = {job: self.run(job) for job in self.jobs[:: -1 if backwards else 1]}
        assert len({run.picture for run in runs.values()}) == len(runs), "a job without effect"
        return runs


@contextlib.contextmanager
def watched(host: Host) -> Iterator[list[tuple[float, int]]]:
    """Fills the list with (time, bytes in memory) of the host every 20 ms."""
    found: list[tuple[float, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            found.append((time.monotonic(), host.rss()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def measure(kind: str, folder: Path, size: int, steps: int, repeats: int) -> dict[str, list[float]]:
    """Name of a figure -> its values."""
    options = {"colorize_prediction": "eps", "colorize_models_dir": str(folder / "vision")}
    flags = [*FLAGS[kind], *(["--controlnet-dir", str(folder / "controlnet"), "--controlnet-preprocessor-models-dir",
                              str(folder / "vision")] if kind == "forge" else [])]
    with Host.start(kind, files=[folder / released_files.CHECKPOINT], options=options, flags=flags) as host:
        measurement = Measurement(host, size, steps)
        before = [measurement.run(PLAIN, steps=FEW) for _ in range(3)][1:]
        new = [measurement.run(OURS, name, FEW) for name in NEW_REFERENCES][1:]
        kept = [measurement.run(OURS, steps=FEW) for _ in range(3)][1:]
        for job in measurement.jobs[2:]:
            measurement.run(job, steps=FEW)  # ControlNet's files are read now, and stay in memory
        rounds = [measurement.round(backwards=number % 2 == 1) for number in range(repeats)]
        print(json.dumps(measurement.software))
    return figures(before, new, kept, rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", choices=KINDS, required=True)
    parser.add_argument("--size", type=int, default=256, help="pixels, a multiple of 64; default: 256")
    parser.add_argument("--steps", type=int, default=4, help="of each job, at least 3; default: 4")
    parser.add_argument("--repeats", type=int, default=4, help="rounds; default: 4")
    parser.add_argument("--files", type=Path, help="folder of the random files, kept; default: one that is not")
    parser.add_argument("--out", type=Path, help="all values as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = released_files.write_released(args.files or Path(scratch), beside=args.host == "forge")
        found = measure(args.host, folder, args.size, args.steps, args.repeats)
    print(f"{args.host}, {args.size} px, {args.steps} steps, {args.repeats} rounds\n\n{table(found)}")
    if args.out:
        args.out.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
