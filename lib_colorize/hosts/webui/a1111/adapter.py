"""One job in AUTOMATIC1111 (1.10): reference tokens as its conditions, hints and attention inside its sampler's run."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from modules import devices, lowvram, prompt_parser, sd_models, sd_samplers, sd_unet, shared
from torch import Tensor, nn

from ....method.attach import Attached
from ....method.conditioning import Branch
from ....method.guidance import Guidance
from ....method.rows import take_rows
from ....method.settings import Settings
from ...checkpoints import ColorizeFile
from ...job import Job
from ...latents import brought_to, moments
from ...sampler_run import SamplerRun
from ..shared import program
from ..shared.batch_tab import watch_batch_tab
from ..shared.patching import Undo
from ..shared.script_runs import watch_scripts
from ..shared.webui import WebUI
from .calls import assigned_rows
from .loading import Loading, noted
from .rows import Rows


class A1111(WebUI):
    """AUTOMATIC1111, as the hooks see it."""

    own_methods = ("setup_conds", "calculate_hr_conds", "init")

    def __init__(self) -> None:
        self.name = f"AUTOMATIC1111 {program.program_version()}"
        self._loading = Loading()

    def install(self) -> Sequence[Undo]:
        return [*self._loading.install(), *watch_scripts(), *watch_batch_tab()]

    def chosen_path(self) -> str:
        loaded = getattr(sd_models.model_data.sd_model, "sd_checkpoint_info", None)
        info = loaded or sd_models.checkpoint_aliases.get(shared.opts.data.get("sd_model_checkpoint"))
        return str(info.filename) if info is not None else ""

    def loaded_file(self) -> ColorizeFile | None:
        return getattr(noted(), "colorize_file", None)

    def prediction(self) -> str:
        return getattr(noted(), "colorize_prediction", "")

    def refusal(self, p: Any) -> str:
        if self._loading.failure:  # the host went back to the checkpoint before, without a word to the API
            return f"{self._loading.failure}; choose a checkpoint that loads (another one, and then back)"
        if sd_unet.get_unet_option() is not None:
            return ("another U-Net is chosen in Settings > SD Unet, and sketch and reference cannot act in it; "
                    "set it to None")
        return super().refusal(p)

    def device(self) -> torch.device:
        return torch.device(devices.device)

    def make_room(self, module: nn.Module) -> None:
        if lowvram.is_enabled(shared.sd_model):
            lowvram.send_everything_to_cpu()
        devices.torch_gc()

    def moments(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        model = sd_models.model_data.sd_model
        with brought_to(model.first_stage_model, self.device()):
            return moments(model.first_stage_model, picture.to(self.device()), float(model.scale_factor))

    def prepare(self, p: Any, job: Job) -> None:
        def setup_conds(p: Any) -> None:
            config = sd_samplers.find_sampler_config(p.sampler_name)
            p.firstpass_steps = config.total_steps(p.steps) if config else p.steps
            p.step_multiplier = p.firstpass_steps // p.steps
            p.c, p.uc = p.hr_c, p.hr_uc = _row_conditions(job, len(p.prompts))

        super().prepare(p, job)
        p.setup_conds = types.MethodType(setup_conds, p)
        p.calculate_hr_conds = lambda: None  # made with the others

    def unet(self, p: Any) -> nn.Module:
        return p.sd_model.model.diffusion_model  # type: ignore[no-any-return]

    @contextmanager
    def show(self, p: Any, run: SamplerRun) -> Iterator[None]:
        """Sketch, reference and guidance act in the model."""
        denoiser, scale = p.sampler.model_wrap_cfg, p.cfg_scale
        rows = _rows(run.settings, run.has_reference, run.context)
        with (run.applied() as attached, rows.told(denoiser, p.sd_model.model),
              assigned_rows(self.unet(p), attached, run, rows)):
            p.cfg_scale = run.guidance().scale  # may be scaled further by others
            denoiser.combine_denoised = types.MethodType(_combine(run, attached, p.cfg_scale), denoiser)
            try:
                yield
            finally:
                vars(denoiser).pop("combine_denoised", None)
                p.cfg_scale = scale


def _layout(settings: Settings, has_reference: bool) -> tuple[tuple[Branch, ...], Branch]:
    """The branches that stand as a picture's conditions, FULL first, and the one that stands as its unconditional.

    The host always asks for an unconditional; without any guidance it repeats FULL, and is not computed again.
    """
    first, *others = Guidance.of(settings, has_reference).branches
    unconditional = others.pop(0) if others else first
    return (first, *others), unconditional


def _rows(settings: Settings, has_reference: bool, context: Tensor) -> Rows:
    """context: [1, N, D]."""
    return Rows(*_layout(settings, has_reference), context[0].to(devices.device, devices.dtype), devices.dtype_unet)


def _row_conditions(job: Job, count: int) -> tuple[Any, Any]:
    """The host's conditions and unconditionals for `count` pictures: tokens or zeros, the same at every step."""
    rows = _rows(job.settings, job.has_reference, job.context())
    conditions, unconditional = _layout(job.settings, job.has_reference)

    def scheduled(branch: Branch) -> Any:
        return prompt_parser.ScheduledPromptConditioning(10**9, rows.context(branch))

    composed = [[prompt_parser.ComposableScheduledPromptConditioning([scheduled(branch)], 1.0)
                 for branch in conditions] for _ in range(count)]
    return (prompt_parser.MulticondLearnedConditioning(shape=(count,), batch=composed),
            [[scheduled(unconditional)] for _ in range(count)])


def _combine(run: SamplerRun, attached: Attached, usual: float) -> Callable[..., Tensor]:
    """In place of the host's `combine_denoised`: x_out has each picture's conditions, then the unconditionals."""
    conditions, unconditional = _layout(run.settings, run.has_reference)

    def combine_denoised(self: Any, x_out: Tensor, conds_list: Any, uncond: Tensor, cond_scale: float) -> Tensor:
        guidance = run.guidance(attached.progress)
        if cond_scale != usual:  # CFG++ takes a share of it; 1 where the host leaves guidance out for this step
            scale = 1.0 if cond_scale == 1.0 else guidance.scale * cond_scale / usual
            guidance = replace(guidance, scale=scale)
        predictions = {branch: take_rows(x_out, [conds[i][0] for conds in conds_list])
                       for i, branch in enumerate(conditions)}
        predictions[unconditional] = x_out[-len(conds_list):]
        return guidance.guide(predictions)

    return combine_denoised
