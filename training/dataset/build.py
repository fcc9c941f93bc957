"""Raw pictures to training shards: look, filter, drop duplicates, draw lines, write, count.

Whatever stopped it, the same call goes on; and when the source has changed since, what changed is built and the rest
stays. Every step leaves its results in OUT/work, whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lib_colorize.whole_file import replacing, write_whole
from training.dataset import workers as processes
from training.dataset.about import About, write_about
from training.dataset.build_options import BuildOptions, claim_build
from training.dataset.drawing import drawer
from training.dataset.extractors import Mixture
from training.dataset.inspection import inspect_all
from training.dataset.report import Report
from training.dataset.selection import identity_of, select
from training.dataset.shard_plan import is_finished, plan_shards, record_of
from training.dataset.shards import merge_index
from training.dataset.sheet import statistics, statistics_sheet
from training.dataset.source import all_raw_pictures


def build(
    options: BuildOptions, out: Path, engine_name: str = "local", workers: int = 0, device: str = "cpu",
    gpus: float = 0.0, say: Callable[[str], None] = print, about: About | None = None,
) -> Report:
    """Build, go on building, or bring up to date; returns what was used and what was passed over.

    about: what about.json shall say; None: no licence, and the names of the source folders.
    """
    Mixture(options.extractors, options.seed, device)  # wrong weights are told before any work
    claim_build(options, out)
    report = Report(every=[])
    run = partial(processes.run_tasks, engine=engine_name, workers=workers)
    raws = all_raw_pictures(options.sources, report)
    report.found = len(raws)
    kept = select(options, inspect_all(raws, options.limits, out / "work", run, report, say), report)
    plan, gone = plan_shards(out, [identity_of(options, item) for item in kept], options.shard, options.seed)
    if gone:
        say(f"made anew: {len(gone)} shard(s), of whose pictures some have changed or are no longer there")
    jobs: list[dict[str, Any]] = [{"shard": name, "pictures": [kept[i] for i in places]}
                                  for name, places in plan.items() if not is_finished(out, name)]
    say(f"{sum(len(job['pictures']) for job in jobs)} pictures to draw and write, {len(kept)} in all")
    for count, result in enumerate(run(jobs, partial(drawer, options, str(out), device), gpus=gpus), 1):
        write_whole(record_of(out, result["shard"]), json.dumps(result), parents=True)
        say(f"shard {result['shard']}: {result['written']} pictures, {count} of {len(jobs)}")
    _finish(options, out, sorted(plan), report)
    write_about(out, about or options.about())
    return report


def _finish(options: BuildOptions, out: Path, shards: list[str], report: Report) -> None:
    """One index of all shards, the counts, every name that was passed over, and the sheet."""
    for shard in shards:
        result = json.loads(record_of(out, shard).read_bytes())
        report.usable += result["written"]
        for reason, key in result["skipped"]:
            report.skip(reason, key)
    merge_index(out, shards)
    lines = (json.dumps({"reason": reason, "name": name}) + "\n" for reason, name in sorted(report.every or ()))
    write_whole(out / "skipped.jsonl", "".join(lines))
    found = statistics(out, report)
    write_whole(out / "statistics.json", json.dumps(found, indent=1))
    with replacing(out / "statistics.png") as unfinished:
        statistics_sheet(out, found, options.seed).save(unfinished, "PNG")
