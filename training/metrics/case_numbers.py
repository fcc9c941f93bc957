"""What is measured of each picture of an evaluation on its own: of a part by each process, put together after."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.whole_file import write_whole
from training.metrics import leak, lines
from training.metrics.instruments import Instruments
from training.metrics.leak import Energies
from training.metrics.read_ahead import in_threads
from training.metrics.share import ProcessShare
from training.metrics.validation import Case, EvaluateOptions, Validation, folder_of, result_of

Numbers = dict[str, np.ndarray]  # name -> one row for each case
Result = Callable[[Case], Image.Image]
LEAKS = ("colour", "edge")
WAIT = 1.0  # seconds between two looks for another process' numbers


def run_name(scheduler: str, scale: float) -> str:
    return f"{scheduler} {scale:g}"


def measure_cases(
    cases: Sequence[Case], data: Validation, options: EvaluateOptions, out: Path, by: Instruments,
) -> Numbers:
    """Of the ground truth at the size of the results, of the references, and of every run's pictures.

    "truth/NETWORK", "RUN/NETWORK", "RUN/similarity", "references": features [n, D]; "truth/lines", "RUN/lines": [n, 4]
    of `LineFidelity`; "RUN/leak": [n, 2, 3] of `Energies` for each of LEAKS, nan where there is no background.
    """
    first = folder_of(out, *options.runs()[0])

    def truth(case: Case) -> Image.Image:
        # at the size of the results, so that resolution is not what is measured
        size = result_of(first, case).size
        return data.get(case.index, "color").resize(size, Image.Resampling.BICUBIC)

    found = {f"truth/{network.name}": network.of(in_threads(truth, cases)) for network in by.networks}
    found["truth/lines"] = np.array([*in_threads(lambda case: _lines(data, case, truth(case)), cases)])
    found["references"] = by.similarity.of(in_threads(lambda case: data.get(case.reference, "color"), cases))
    for scheduler, scale in options.runs():
        result, blank = (partial(result_of, folder_of(out, scheduler, scale, blank)) for blank in (False, True))
        found |= {f"{run_name(scheduler, scale)}/{kind}": value
                  for kind, value in _of_a_run(cases, data, result, blank if options.leak else None, by).items()}
    return found


def _of_a_run(
    cases: Sequence[Case], data: Validation, result: Result, blank: Result | None, by: Instruments,
) -> Numbers:
    networks = {**{network.name: network for network in by.networks}, "similarity": by.similarity}
    found = {kind: network.of(in_threads(result, cases)) for kind, network in networks.items()}
    found["lines"] = np.array([*in_threads(lambda case: _lines(data, case, result(case)), cases)])
    if blank is not None:
        found["leak"] = np.array([*in_threads(lambda case: _leak(data, case, result(case), blank(case)), cases)])
    return found


def _lines(data: Validation, case: Case, made: Image.Image) -> tuple[float, ...]:
    return astuple(lines.compare(lines.redrawn(made), lines.redrawn(_sketch(data, case, made.size))))


def _sketch(data: Validation, case: Case, size: tuple[int, int]) -> Image.Image:
    return data.get(case.index, "sketch").resize(size, Image.Resampling.BICUBIC)


def _leak(data: Validation, case: Case, made: Image.Image, blank: Image.Image) -> list[tuple[float, ...]]:
    sketch, reference = _sketch(data, case, made.size), data.get(case.reference, "color")
    measured = leak.measure_leak(sketch, reference, made, blank)
    nothing = (np.nan,) * 3
    return [nothing if measured is None else astuple(measured[kind]) for kind in LEAKS]


def leaks_of(numbers: np.ndarray) -> list[dict[str, Energies]]:
    """[n, 2, 3] of `measure_cases` -> energies of the samples that have some."""
    return [{kind: Energies(*map(float, row)) for kind, row in zip(LEAKS, sample)}
            for sample in numbers if not np.isnan(sample).any()]


def hand_over(numbers: Numbers, share: ProcessShare, out: Path) -> None:
    """A process' numbers for the first one, as a file that no later evaluation takes for its own."""
    content = io.BytesIO()
    np.savez(content, *numbers.values())
    write_whole(_file(out, share.token, share.index), content.getvalue(), parents=True)


def put_together(numbers: Numbers, share: ProcessShare, out: Path) -> Numbers:
    """The first process' own numbers with those of all others, which it waits for, in the order of the cases."""
    parts = [[*numbers.values()]]
    for index in range(1, share.count):
        path = _file(out, share.token, index)
        while not path.exists():  # a process that fails is told of, and all are ended, by what started them
            time.sleep(WAIT)
        with np.load(path) as stored:
            parts.append([stored[f"arr_{place}"] for place in range(len(numbers))])
        path.unlink()
    return {name: _interleaved([part[place] for part in parts]) for place, name in enumerate(numbers)}


def _interleaved(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Process k has every n-th row from the k-th on."""
    whole = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    for index, part in enumerate(parts):
        whole[index::len(parts)] = part
    return whole


def _file(out: Path, token: str, index: int) -> Path:
    return out / f".measured-{token}-{index}.npz"
