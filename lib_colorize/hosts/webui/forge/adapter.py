"""One job in Forge (2.0): a clone of its U-Net patcher carries conditions, guidance and what acts inside the U-Net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from backend import memory_management
from backend.sampling.condition import Condition, compile_conditions
from modules import sd_models
from torch import Tensor, nn

from ....method.conditioning import Branch
from ...checkpoints import ColorizeFile
from ...sampler_run import SamplerRun
from ..shared import program
from ..shared.patching import Undo
from ..shared.script_runs import watch_scripts
from ..shared.webui import WebUI
from . import loading as forge_loading

ROWS = "colorize_rows"  # of a condition: branch and picture of each of its rows
ORDER = tuple(Branch)


class Forge(WebUI):
    """Forge, as the hooks see it."""

    def __init__(self) -> None:
        self.name = f"Forge {program.program_version()}"

    def install(self) -> Sequence[Undo]:
        return [*forge_loading.install_loading(), *watch_scripts()]

    def chosen_path(self) -> str:
        info = sd_models.model_data.forge_loading_parameters.get("checkpoint_info")
        return str(info.filename) if info is not None else ""

    def loaded_file(self) -> ColorizeFile | None:
        return getattr(forge_loading.noted(), "colorize_file", None)

    def prediction(self) -> str:
        return getattr(forge_loading.noted(), "colorize_prediction", "")

    def device(self) -> torch.device:
        return memory_management.get_torch_device()  # type: ignore[no-any-return]

    def make_room(self, module: nn.Module) -> None:
        size = sum(value.nbytes for value in module.state_dict().values())
        memory_management.free_memory(2 * size, self.device())

    def before_load(self, p: Any, coloured: bool) -> None:
        forge_loading.forget_failed_load()
        forge_loading.next_load.coloured = coloured

    def unet(self, p: Any) -> nn.Module:
        return p.sd_model.forge_objects.unet.model.diffusion_model  # type: ignore[no-any-return]

    def show(self, p: Any, run: SamplerRun) -> AbstractContextManager[None]:
        """At once, so that other extensions may build upon it; the host drops the clone after its batch."""
        patcher = p.sd_model.forge_objects.unet.clone()
        patcher.add_conditioning_modifier(_condition_modifier(run))
        patcher.set_model_unet_function_wrapper(
            _unet_call(run, patcher.model, patcher.model_options.get("model_function_wrapper")))
        if len(run.guidance().weights) > 1:  # three branches; Forge counts on two
            patcher.set_memory_peak_estimation_modifier(
                lambda shape: patcher.memory_required([shape[0] * 3 // 2, *shape[1:]]))
        p.sd_model.forge_objects.unet = patcher
        return nullcontext()


def _progress(run: SamplerRun, model: Any, sigma: Tensor) -> float:
    """0 at the start of sampling to 1."""
    return run.progress(float(model.predictor.timestep(sigma[:1])[0]))


def _condition_modifier(run: SamplerRun) -> Callable[..., Any]:
    """Replaces the conditions of each step by reference tokens and zeros, and the guidance scale by ours.

    Forge averages its unconditional entries by their strength, so that two guidances are one formula (`Guidance`).
    """

    def modify(
        model: Any, x: Tensor, timestep: Tensor, uncond: Any, cond: Any, cond_scale: float, model_options: Any,
        seed: Any,
    ) -> Any:
        guidance = run.guidance(_progress(run, model, timestep))

        def entry(branch: Branch, strength: float) -> dict[str, Any]:
            context = torch.zeros_like(run.context) if branch is Branch.NO_REFERENCE else run.context
            made: dict[str, Any] = compile_conditions(context.to(x).expand(len(x), -1, -1))[0]
            rows = [[float(ORDER.index(branch)), float(i)] for i in range(len(x))]
            made["model_conds"][ROWS] = Condition(torch.tensor(rows, device=x.device))
            made["strength"] = strength
            for name in ("control", "hooks"):
                if name in cond[0]:
                    made[name] = cond[0][name]
            if "c_concat" in cond[0]["model_conds"]:
                made["model_conds"]["c_concat"] = cond[0]["model_conds"]["c_concat"]
            return made

        others = [entry(branch, weight) for branch, weight in guidance.weights.items()]
        return model, x, timestep, others or None, [entry(Branch.FULL, 1.0)], guidance.scale, model_options, seed

    return modify


def _unet_call(run: SamplerRun, model: Any, inner: Callable[..., Tensor] | None) -> Callable[..., Tensor]:
    """Around each call of the U-Net: the conditioning is attached, each row as its own mark says.

    A call without marks is another extension's own (reference-only looks at a picture by one), and stays as it is.
    """

    def plain(apply_model: Callable[..., Tensor], args: dict[str, Any]) -> Tensor:
        return inner(apply_model, args) if inner else apply_model(args["input"], args["timestep"], **args["c"])

    def call(apply_model: Callable[..., Tensor], args: dict[str, Any]) -> Tensor:
        c = dict(args["c"])
        rows = c.pop(ROWS, None)
        if rows is None:
            return plain(apply_model, args)
        with run.applied() as attached:
            attached.assigned = [(ORDER[int(branch)], int(picture) % run.pictures) for branch, picture in rows.tolist()]
            attached.progress = _progress(run, model, args["timestep"])
            return plain(apply_model, {**args, "c": c})

    return call
