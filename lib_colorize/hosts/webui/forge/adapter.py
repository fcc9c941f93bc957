"""One job in Forge (2.0): a clone of its U-Net patcher carries conditions, guidance and what acts inside the U-Net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from backend import memory_management
from backend.sampling.condition import compile_conditions
from modules import sd_models
from torch import Tensor, nn

from ....method.conditioning import Branch
from ...checkpoints import ColorizeFile
from ...latents import moments
from ...sampler_run import SamplerRun
from ..shared import program
from ..shared.batch_tab import watch_batch_tab
from ..shared.patching import Undo
from ..shared.script_runs import watch_scripts
from ..shared.webui import WebUI
from . import loading as forge_loading
from .calls import ROWS, Calls
from .marks import RowMarks


class Forge(WebUI):
    """Forge, as the hooks see it."""

    def __init__(self) -> None:
        self.name = f"Forge {program.program_version()}"

    def install(self) -> Sequence[Undo]:
        return [*forge_loading.install_loading(), *watch_scripts(), *watch_batch_tab()]

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

    def moments(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        model = sd_models.model_data.sd_model
        vae, scale = model.forge_objects.vae, model.colorize_file.usable().scale_factor
        memory_management.load_model_gpu(vae.patcher)
        return moments(vae.first_stage_model, picture.to(self.device()), scale)

    def before_load(self, p: Any, coloured: bool) -> None:
        super().before_load(p, coloured)
        forge_loading.forget_failed_load()
        forge_loading.next_load.coloured = coloured

    def unet(self, p: Any) -> nn.Module:
        return p.sd_model.forge_objects.unet.model.diffusion_model  # type: ignore[no-any-return]

    def show(self, p: Any, run: SamplerRun) -> AbstractContextManager[None]:
        """At once, so that other extensions may build upon it; the host drops the clone after its batch."""
        patcher = p.sd_model.forge_objects.unet.clone()
        calls = Calls(run, self.unet(p))
        patcher.add_conditioning_modifier(_condition_modifier(run, calls))
        patcher.set_model_unet_function_wrapper(calls.around(patcher.model_options.get("model_function_wrapper")))
        if len(run.guidance().weights) > 1:  # three branches; Forge counts on two
            patcher.set_memory_peak_estimation_modifier(
                lambda shape: patcher.memory_required([shape[0] * 3 // 2, *shape[1:]]))
        p.sd_model.forge_objects.unet = patcher
        return calls.during_run()


def _condition_modifier(run: SamplerRun, calls: Calls) -> Callable[..., Any]:
    """Replaces the conditions of each step by reference tokens and zeros, and the guidance scale by ours.

    Forge averages its unconditional entries by their strength, so that two guidances are one formula (`Guidance`).
    """

    def modify(
        model: Any, x: Tensor, timestep: Tensor, uncond: Any, cond: Any, cond_scale: float, model_options: Any,
        seed: Any,
    ) -> Any:
        if run.windowed:
            calls.progress = run.progress(float(model.predictor.timestep(timestep[:1])[0]))  # waits for the device
        guidance = run.guidance(calls.progress)

        def entry(branch: Branch, strength: float) -> dict[str, Any]:
            context = run.context_of(branch, x.device, model.computation_dtype)
            made: dict[str, Any] = compile_conditions(context.expand(len(x), -1, -1))[0]
            made["model_conds"][ROWS] = RowMarks([(branch, i) for i in range(len(x))])
            made["strength"] = strength
            for name in ("control", "hooks"):
                if name in cond[0]:
                    made[name] = cond[0][name]
            if "c_concat" in cond[0]["model_conds"]:
                made["model_conds"]["c_concat"] = cond[0]["model_conds"]["c_concat"]
            return made

        # the host turns the order round; so the rows with a reference lie side by side
        weights = sorted(guidance.weights.items(), key=lambda item: item[0] is Branch.NO_REFERENCE)
        others = [entry(branch, weight) for branch, weight in weights]
        return model, x, timestep, others or None, [entry(Branch.FULL, 1.0)], guidance.scale, model_options, seed

    return modify
