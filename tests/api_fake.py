"""The part of a host's API that makes a script's arguments of a request: it fills short lists and cuts long ones."""

from __future__ import annotations

from typing import Any


def fake_api() -> type:
    """A class of its own each time: adapters replace a method of it."""

    class Api:
        def init_script_args(self, request: Any, default_script_args: list[Any], selectable_scripts: Any,
                             selectable_idx: int, script_runner: Any, *, input_script_args: Any = None) -> list[Any]:
            found = list(input_script_args or default_script_args)
            for name, named in (request.alwayson_scripts or {}).items():
                (script,) = [each for each in script_runner.alwayson_scripts if each.title().lower() == name.lower()]
                if "args" in named:
                    for i in range(min(script.args_to - script.args_from, len(named["args"]))):
                        found[script.args_from + i] = named["args"][i]
            return found

    return Api
