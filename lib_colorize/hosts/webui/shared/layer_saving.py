"""Layers of results: written beside the pictures that the host saves, told to its page, sent with its API's answers."""

from __future__ import annotations

import base64
import json
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....errors import ColorizeError
from ....finishing.layer_files import WRITERS, layer_bytes, write_layers
from ....finishing.layers import Layer
from ....whole_file import ensure_folder
from ...settings import LayerFile
from .tiles import RUNNING

RUN = "colorize_layers"  # on a processing object, and the key in the JSON that a host makes of its results
EARLIER = "-before-color-correction"  # how the host names what is not the result itself
written: deque[str] = deque(maxlen=4096)  # files and folders that a page may ask for


@dataclass
class LayerRun:
    """Of one request. made: of each picture in turn what became of its layers, as JSON has it."""

    kind: LayerFile
    answered: bool  # by the API
    folder: str  # of the host's pictures
    made: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Layer] | None = None  # of the last picture, until the host has saved it
    picture: Any = None  # that one

    @property
    def suffix(self) -> str:
        return "" if self.kind is LayerFile.PNG else f".{self.kind.value}"

    def add(self, picture: Any, make: Callable[[], Sequence[Layer]]) -> str:
        """The layers of the next picture; why there are none, or why the last one's were not written, in words."""
        unwritten = self.give_up_waiting()
        self.picture = picture
        entry: dict[str, Any] = {"picture": len(self.made)}
        self.made.append(entry)
        try:
            self.waiting = list(make())
            if self.answered:
                suffix = self.suffix or ".zip"
                entry["name"] = f"layers-{entry['picture']}{suffix}"
                entry["file"] = base64.b64encode(layer_bytes(self.waiting, suffix)).decode()
        except Exception as error:  # noqa: BLE001 - the picture itself is there, and stays
            self.waiting = None
            entry["problem"] = in_one_line(error)
        return str(entry.get("problem", unwritten))

    def write(self, path: Path) -> str:
        """The waiting layers there, under that name with the suffix of their kind; why not, in words."""
        layers, self.waiting, self.picture = self.waiting or [], None, None
        target = path.with_suffix(self.suffix)
        try:
            ensure_folder(target.parent)
            write_layers(layers, target)
        except Exception as error:  # noqa: BLE001 - as above
            self.made[-1]["problem"] = in_one_line(error)
            return str(self.made[-1]["problem"])
        self.made[-1]["path"] = str(target)
        written.append(str(target))
        return ""

    def give_up_waiting(self) -> str:
        """The host does not save the last picture: for a page its layers go into the folder of pictures alone."""
        if self.waiting is None:
            return ""
        if self.answered:
            self.waiting = None
            return ""
        start = Path(self.folder).absolute() / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{len(self.made)}"
        names = (Path(f"{start}-layers{more}.png") for more in ("", *(f"-{number}" for number in range(2, 1000))))
        return self.write(next(name for name in names if not name.with_suffix(self.suffix).exists()))


def forget_layers(p: Any) -> None:
    """What an earlier run left on `p`."""
    vars(p).pop(RUN, None)


def start_layers(p: Any, kind: LayerFile, option: Callable[[str, Any], Any]) -> None:
    """From now on the layers of each result are kept. ColorizeError where the answer of the API cannot hold them.

    option: of the settings page.
    """
    if kind is LayerFile.NONE:
        return
    answered, running = bool(getattr(p, "is_api", False)), RUNNING.get()
    saved = option("samples_save", True) and not getattr(p, "do_not_save_samples", False)
    if answered and running is not None and not saved:
        raise ColorizeError(f"layers: the answer to a call with the script {running.title} cannot hold them; send "
                            "\"save_images\": true, which writes them beside the pictures, or ask for them later (POST "
                            "layers)")
    setattr(p, RUN, LayerRun(kind, answered, str(getattr(p, "outpath_samples", "") or "outputs")))


def add_layers(p: Any, picture: Any, make: Callable[[], Sequence[Layer]]) -> str:
    """Of the picture that the host goes on with now; why there are none, in words."""
    run: LayerRun | None = vars(p).get(RUN)
    return "" if run is None else run.add(picture, make)


def write_beside(params: Any) -> None:
    """The host has saved a picture: `params.filename`, of the request `params.p`."""
    run: LayerRun | None = getattr(params.p, RUN, None)
    path = Path(params.filename)
    if run is None or run.waiting is None or params.image is not run.picture:
        return
    if not path.stem.endswith(EARLIER):
        problem = run.write(path.absolute())
        if problem:
            params.p.comment(not_written(problem))


def end_layers(p: Any, processed: Any) -> None:
    """Let the JSON of the results say what became of their layers."""
    run: LayerRun | None = vars(p).pop(RUN, None)
    if run is None:
        return
    problem = run.give_up_waiting()
    if problem:
        p.comment(not_written(problem))
    of_host = processed.js

    def js(*args: Any, **kwargs: Any) -> str:
        return json.dumps({**json.loads(of_host(*args, **kwargs)), RUN: run.made})

    processed.js = js


def layer_files(information: str) -> list[str]:
    """The files of the layers that such JSON tells of; what we have not written is nobody's to ask for."""
    try:
        entries = json.loads(information or "{}").get(RUN) or []
        paths = [str(entry["path"]) for entry in entries if "path" in entry]
    except (ValueError, AttributeError, TypeError, KeyError):
        return []
    found = [Path(path) for path in paths if path in written]
    return [str(file) for path in found
            for file in (sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else [])]


def not_written(problem: str) -> str:
    """The line under the result."""
    return f"The layers were not written: {problem}"


def in_one_line(error: Exception) -> str:
    """What an error says; one that is no bad input is printed with where it happened."""
    if not isinstance(error, ColorizeError):
        traceback.print_exception(error)
    return " ".join(str(error).split()) or type(error).__name__


assert {f".{kind.value}" for kind in LayerFile} & set(WRITERS) == set(WRITERS)
