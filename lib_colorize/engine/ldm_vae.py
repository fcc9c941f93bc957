"""The one door to `ldm`: the two halves of its auto-encoder, without what it prints when imported and when built."""

from __future__ import annotations

import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

MODULES = ("ldm.modules.attention", "ldm.modules.diffusionmodules.model")  # the second imports the first
_LOCK = threading.Lock()


def encoder_and_decoder() -> tuple[Any, Any]:
    """The classes `Encoder` and `Decoder`."""
    with _LOCK:
        _, model = (_silenced(name) for name in MODULES)
    return model.Encoder, model.Decoder


def _silenced(name: str) -> ModuleType:
    """The module with a `print` of its own that does nothing: sys.stdout is one for all threads, and stays as it is."""
    if name not in sys.modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = importlib.util.module_from_spec(spec)
        vars(module)["print"] = _nothing
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    vars(sys.modules[name])["print"] = _nothing
    return sys.modules[name]


def _nothing(*_: object) -> None:
    """In place of `print`."""
