"""Many independent tasks by worker processes: of this machine, or of a Ray cluster.

A task is a JSON object and so is its result; what a worker needs once (networks, a catalog) is made by `make`, in the
worker. Tasks write their own files, whole or not at all, so that an interrupted run is simply started again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lib_colorize.errors import ColorizeError

ENGINES = ("local", "ray")
Task = dict[str, Any]
Work = Callable[[Task], Task]
_work: Work | None = None  # of a local worker process


def run_tasks(tasks: Sequence[Task], make: Callable[[], Work], engine: str = "local", workers: int = 0,
        gpus: float = 0.0) -> Iterator[Task]:
    """The results of all tasks, in any order. make: picklable unless workers = 0 and local, which runs them here.

    workers: processes; 0 with Ray = as many as its cluster has room for. gpus: of each Ray worker.
    """
    if engine not in ENGINES:
        raise ColorizeError(f"engine: found {engine!r}, expected {' or '.join(ENGINES)}")
    if not tasks:
        return iter(())
    if engine == "ray":
        return _ray(tasks, make, workers, gpus)
    return _pool(tasks, make, workers) if workers else map(make(), tasks)


def _start(make: Callable[[], Work]) -> None:
    global _work
    _work = make()


def _do(task: Task) -> Task:
    assert _work is not None, "_start runs first"
    return _work(task)


def _pool(tasks: Sequence[Task], make: Callable[[], Work], workers: int) -> Iterator[Task]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with context.Pool(workers, _start, (make,)) as pool:
        yield from pool.imap_unordered(_do, tasks)


class _RayWorker:
    """One actor of Ray Data; rows are JSON text, so that Arrow has no types to guess."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self.work = make()

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        return {"result": json.dumps(self.work(json.loads(row["task"])))}


def _ray(tasks: Sequence[Task], make: Callable[[], Work], workers: int, gpus: float) -> Iterator[Task]:
    try:
        import ray
        import ray.data
    except ImportError:
        raise ColorizeError("engine: ray is not installed; pip install 'ray[data]', or use --engine local") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False)  # a cluster by RAY_ADDRESS, else this machine
    try:
        room = int(ray.cluster_resources().get("GPU", 0) / gpus if gpus else ray.cluster_resources().get("CPU", 1))
        count = max(1, min(workers or room, len(tasks)))
        rows = ray.data.from_items([{"task": json.dumps(task)} for task in tasks], override_num_blocks=len(tasks))
        done = rows.map(_RayWorker, fn_constructor_args=(make,), concurrency=count, num_cpus=1, num_gpus=gpus or None)
        for row in done.iter_rows():
            yield json.loads(row["result"])
    finally:
        if started:
            ray.shutdown()
