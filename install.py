"""Run by the WebUI at every start. Installs nothing: it only says which package of the WebUI's own is missing."""

from __future__ import annotations

import importlib.util
import io
import sys

NEEDED = ("torch", "numpy", "PIL", "safetensors", "open_clip")


def missing() -> list[str]:
    """Those of NEEDED that the WebUI's Python does not have."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


if __name__ == "__main__" and (names := missing()):
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path that the console cannot show must not hide the message
        sys.stdout.reconfigure(errors="backslashreplace")
    print(f"ColorizeDiffusion cannot run: {sys.executable} has no {', '.join(names)}, which belong to the WebUI. "
          "Start it once without --skip-install, or install them by hand.")
