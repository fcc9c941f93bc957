"""What a call of the host's API really names as our arguments: hosts fill a short list, and cut a long one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from modules.api.api import Api

from ....errors import ColorizeError
from ...request import Sent
from .patching import replace_function
from .processing import answered

TITLE = "colorizediffusion"  # in small letters: hosts take any
OFF = (None, False)


def watch() -> Callable[[], None]:
    """From now on what the host hands over begins with a `Sent` where it is not what was sent; returns the undo."""
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def init_script_args(api: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            given = _given(request)  # before the host stumbles over it
            filled = original(api, request, *args, **kwargs)
            runner = next((value for value in (*args, *kwargs.values()) if hasattr(value, "alwayson_scripts")), None)
            if given is not None and runner is not None:
                _tell(filled, given, runner)
            return filled

        return init_script_args

    return replace_function(Api, "init_script_args", make)


def _given(request: Any) -> list[Any] | None:
    """Our arguments as they were sent; None when the call does not name our script."""
    scripts = getattr(request, "alwayson_scripts", None) or {}
    for name, script in scripts.items() if isinstance(scripts, Mapping) else ():
        if str(name).lower() == TITLE:
            found = script.get("args", []) if isinstance(script, Mapping) else script
            if isinstance(found, list):
                return found
            raise answered(ColorizeError(
                f"args: found {type(found).__name__}, expected a list with one dictionary, or with values in their "
                "order"))
    return None


def _tell(filled: list[Any], given: list[Any], runner: Any) -> None:
    for script in runner.alwayson_scripts:
        if str(script.title()).lower() == TITLE:
            first, room = script.args_from, script.args_to - script.args_from
            if len(given) > room or (not given and filled[first] in OFF):  # an infotext may have switched it on
                filled[first] = Sent(tuple(given))
