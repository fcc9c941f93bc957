"""A test's eyes and hands inside a running host: what is attached to the networks, and faults on request.

GET  /probe/state                 what hangs on the loaded networks, and which checkpoint is loaded
GET  /probe/axes                  labels of the X/Y/Z axes; /probe/xyz-arguments makes a request of one
POST /probe/fault {"where": ...}  arm one fault for the next generation; {} disarms
GET  /probe/fault                 whether it fired, and the calls of the extension that were seen

Places: {"where": "call", "number": N} raises on entering the N-th call of a function of the extension (not those that
the host calls itself through the script's one-line methods: nothing inside can catch an exception there), found by
tracing, so that no name of the extension is known here.
{"where": "unet" | "vae encode" | "vae decode", "number": N} raises in the N-th forward pass of that.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from modules import script_callbacks, scripts, shared

MESSAGE = "probe: injected fault"
OURS = ("/lib_colorize/", "/colorize_diffusion.py")
OUTSIDE = ("/modules/scripts.py", "/modules/script_callbacks.py", "/scripts/colorize_diffusion.py")
fault: dict[str, Any] = {}
calls: list[str] = []


class ProbeFault(RuntimeError):
    """What is injected."""


def networks() -> dict[str, Any]:
    """The torch modules of the loaded checkpoint that a run could leave something on."""
    from modules import sd_models

    model = sd_models.model_data.sd_model  # not shared.sd_model, which may load one
    if model is None:
        return {}
    if hasattr(model, "forge_objects"):
        objects = model.forge_objects
        return {"unet": objects.unet.model.diffusion_model, "vae": objects.vae.first_stage_model}
    if not hasattr(model, "first_stage_model"):
        return {}
    return {"unet": model.model.diffusion_model, "vae": model.first_stage_model, "model": model}


def leftovers() -> list[str]:
    """Hooks and instance-level replacements of methods on any module of the networks."""
    found = []
    for name, network in networks().items():
        for path, module in network.named_modules():
            for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"):
                found += [f"{name} {path} {kind} {getattr(hook, '__qualname__', hook)} of {module_of(hook)}"
                          for hook in getattr(module, kind).values()]
            found += [f"{name} {path} .{key} of {module_of(value)}" for key, value in vars(module).items()
                      if callable(value) and not key.startswith("_") and module_of(value) != "torch"]
    return found


def module_of(value: Any) -> str:
    return str(getattr(value, "__module__", None) or type(value).__module__).split(".")[0]


def forge_options() -> dict[str, Any]:
    from modules import sd_models

    objects = getattr(sd_models.model_data.sd_model, "forge_objects", None)
    if objects is None:
        return {}
    model = sd_models.model_data.sd_model
    patchers = {"current": objects.unet, "original": model.forge_objects_original.unet,
                "after lora": model.forge_objects_after_applying_lora.unet}
    return {name: {"model_options": sorted(p.model_options), "patches": len(getattr(p, "patches", {})),
                   "transformer_options": sorted(p.model_options.get("transformer_options", {}))}
            for name, p in patchers.items()}


def state() -> dict[str, Any]:
    from modules import sd_models

    model = sd_models.model_data.sd_model
    info = getattr(model, "sd_checkpoint_info", None)
    return {"leftovers": leftovers(), "forge": forge_options(), "job": shared.state.job,
            "checkpoint": getattr(info, "name_for_extra", None), "loaded": model is not None,
            "threads": threading.active_count()}


def tracer(frame: Any, event: str, argument: Any) -> None:
    """Sees every call in its thread; raises in the chosen one."""
    if fault.get("where") != "call":
        sys.settrace(None)
        return
    code = frame.f_code
    if event != "call" or code.co_name.startswith("<") or not any(part in code.co_filename for part in OURS):
        return
    caller = frame.f_back.f_code.co_filename if frame.f_back else ""
    if any(caller.endswith(part) for part in OUTSIDE):
        return
    calls.append(f"{code.co_filename.split('/')[-1]}:{getattr(code, 'co_qualname', code.co_name)}")
    if len(calls) == fault["number"]:
        fault["fired"] = True
        sys.settrace(None)
        raise ProbeFault(MESSAGE)


def break_network(name: str, number: int) -> None:
    """A hook of our own that raises in the N-th pass and is gone then."""
    unet, _, method = name.partition(" ")
    network = networks()[unet]
    module = network if unet == "unet" else getattr(network, f"{method}r")  # vae.encoder, vae.decoder
    seen = []

    def hook(*ignored: Any) -> None:
        seen.append(1)
        if len(seen) == number:
            fault["fired"] = True
            disarm()
            raise ProbeFault(MESSAGE)

    fault["handle"] = module.register_forward_pre_hook(hook)


def disarm() -> None:
    handle = fault.pop("handle", None)
    if handle is not None:
        handle.remove()


class Script(scripts.Script):
    """Starts tracing in the thread that generates."""

    def title(self) -> str:
        return "Colorize probe"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def before_process(self, p: Any, *args: Any) -> None:
        calls.clear()
        if fault.get("where") == "call":
            sys.settrace(tracer)


def axes() -> list[Any]:
    """The axes of the X/Y/Z plot in img2img, in the order by which a request names them."""
    import os

    module = next(d.module for d in scripts.scripts_data if os.path.basename(d.path) == "xyz_grid.py")
    return [axis for axis in module.axis_options if getattr(axis, "is_img2img", True)]


def routes(_: Any, app: Any) -> None:
    from fastapi import Body

    @app.get("/probe/axes")
    def get_axes() -> list[str]:
        return [axis.label for axis in axes()]

    @app.get("/probe/xyz-arguments")
    def get_xyz_arguments(label: str, values: str) -> list[Any]:
        nothing, number = [0, "", []], [axis.label for axis in axes()].index(label)
        return [number, values, [], *nothing, *nothing, False, True, False, True, False, False, False, 0, False]

    @app.get("/probe/state")
    def get_state() -> dict[str, Any]:
        return state()

    @app.get("/probe/fault")
    def get_fault() -> dict[str, Any]:
        return {"fired": fault.get("fired", False), "calls": list(calls)}

    @app.post("/probe/fault")
    def set_fault(wanted: dict[str, Any] = Body()) -> dict[str, Any]:  # noqa: B008  fastapi's way
        disarm()
        fault.clear()
        fault.update(wanted)
        if wanted.get("where") not in (None, "call"):
            break_network(wanted["where"], wanted.get("number", 1))
        return {}


script_callbacks.on_app_started(routes)
