"""Small honest fakes of the AUTOMATIC1111 modules that the adapter imports, around `ldm`'s real U-Net.

They do what the host does where the adapter meets it: a sampler that batches conditions and unconditionals in the
host's order, a processing object whose `setup_conds` and `init` can be replaced, and a registry of loaded models.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.api_fake import fake_api
from tests.script_fakes import ScriptRunner, batch_tab, split_grid

ADAPTER = ("shared.program", "shared.webui", "shared.api_arguments", "shared.script_runs", "shared.batch_tab",
           "a1111.adapter", "a1111.loading")  # below lib_colorize.hosts.webui


@dataclass
class ScheduledPromptConditioning:
    end_at_step: int
    cond: Tensor


@dataclass
class ComposableScheduledPromptConditioning:
    schedules: list[Any]
    weight: float = 1.0


@dataclass
class MulticondLearnedConditioning:
    shape: tuple[int, ...]
    batch: list[Any]


class Interrupted(BaseException):
    """As the host's: not an Exception."""


class Options(SimpleNamespace):
    """The host's settings: a choice that fails in its callback is taken back, and nobody is told."""

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        before = self.data.get(key)
        if before == value:
            return False
        self.data[key] = value
        try:
            if run_callbacks:
                sys.modules["modules.sd_models"].reload_model_weights()
        except Exception:  # noqa: BLE001
            self.data[key] = before
            return False
        return True


class Wrapper(nn.Module):
    """`sd_model.model`: the U-Net inside, which is given the context; image conditions go no further."""

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.diffusion_model = unet

    def forward(self, x: Tensor, t: Tensor, c_concat: Any = None, c_crossattn: Any = None) -> Tensor:
        out: Tensor = self.diffusion_model(x, t, context=torch.cat(c_crossattn, 1))
        return out


batch_callbacks: list[Any] = []  # of `script_callbacks.on_cfg_denoiser`


class Denoiser(nn.Module):
    """The host's CFG denoiser: rows are each picture's conditions, then the unconditionals."""

    def __init__(self, sampler: Any) -> None:
        super().__init__()
        self.sampler, self.init_latent = sampler, None

    def combine_denoised(self, x_out: Tensor, conds_list: Any, uncond: Tensor, cond_scale: float) -> Tensor:
        base = x_out[-len(conds_list):]
        return torch.stack([base[i] + sum(weight * cond_scale * (x_out[row] - base[i]) for row, weight in conds)
                            for i, conds in enumerate(conds_list)])

    def forward(self, x: Tensor, t: float, cond: Any, uncond: Any, cond_scale: float, image_cond: Tensor) -> Tensor:
        """By the sampler's options: all rows in one call or as many as pictures, without unconditionals or with."""
        rows: list[Tensor] = []
        conds_list = []
        for composed in cond.batch:
            conds_list.append([(len(rows) + i, part.weight) for i, part in enumerate(composed)])
            rows += [part.schedules[0].cond for part in composed]
        base = torch.stack([scheduled[0].cond for scheduled in uncond])
        counts = [len(composed) for composed in cond.batch]
        x_in, images = (torch.cat([each[i:i + 1].expand(n, -1, -1, -1) for i, n in enumerate(counts)] + [each])
                        for each in (x, image_cond))
        built = SimpleNamespace(x=x_in, image_cond=images, text_cond=torch.stack(rows), text_uncond=base, denoiser=self)
        for callback in batch_callbacks:
            with contextlib.suppress(Exception):  # the host prints them
                callback(built)
        x_in, skip = built.x, self.sampler.skip_uncond
        if skip:
            x_in = x_in[:-len(x)]
        context = built.text_cond if skip else torch.cat([built.text_cond, built.text_uncond])
        t_in, size = torch.full((len(x_in),), t, device=x.device), len(x_in) if self.sampler.batched else len(x)
        out = torch.cat([self.sampler.model.model(
            x_in[i:i + size], t_in[i:i + size], c_crossattn=[context[i:i + size]],
            c_concat=[built.image_cond if self.sampler.batched else built.image_cond[i:i + size]])
            for i in range(0, len(x_in), size)])
        if skip:
            out = torch.cat([out, torch.cat([out[conds[0][0]:conds[0][0] + 1] for conds in conds_list])])
        return self.combine_denoised(out, conds_list, base, 1.0 if skip else cond_scale)


class Sampler:
    """One step of sampling; `calls` says which of the two ways it was run."""

    def __init__(self, model: Any, t: float = 500.0, batched: bool = True, skip_uncond: bool = False) -> None:
        self.model, self.t, self.batched, self.skip_uncond = model, t, batched, skip_uncond
        self.model_wrap_cfg = Denoiser(self)
        self.calls: list[str] = []
        self.fail: BaseException | None = None
        self.scale = 1.0  # CFG++ multiplies the guidance scale

    def sample(self, p: Any, x: Tensor, conditioning: Any, unconditional_conditioning: Any, steps: Any = None,
               image_conditioning: Any = None) -> Tensor:
        self.calls.append("sample")
        return self._run(p, x, conditioning, unconditional_conditioning)

    def sample_img2img(self, p: Any, x: Tensor, noise: Tensor, conditioning: Any, unconditional_conditioning: Any,
                       steps: Any = None, image_conditioning: Any = None) -> Tensor:
        self.calls.append("sample_img2img")
        return self._run(p, x + p.denoising_strength * noise, conditioning, unconditional_conditioning)

    def _run(self, p: Any, x: Tensor, cond: Any, uncond: Any) -> Tensor:
        with torch.no_grad():
            out: Tensor = self.model_wrap_cfg(x, self.t, cond, uncond, p.cfg_scale * self.scale,
                                              x.new_zeros(len(x), 5, 1, 1))
        if self.fail is not None:
            raise self.fail
        return out


class Processing:
    """The host's `p`: one request, its sampler made in `init`."""

    def __init__(self, model: Any, count: int = 1, img2img: bool = True, **sampler: Any) -> None:
        self.sd_model, self.prompts, self.steps, self.cfg_scale = model, [""] * count, 4, 7.0
        self.sampler_name, self.sampler = "Euler", None
        self.width = self.height = 64
        self.extra_generation_params: dict[str, Any] = {}
        self.comments: list[str] = []
        self._sampler = sampler
        if img2img:
            self.init_images, self.resize_mode, self.image_mask, self.inpaint_full_res = [], 0, None, False
            self.denoising_strength, self.initial_noise_multiplier, self.color_corrections = 0.5, 1.0, None
            self.paste_to = None

    def comment(self, text: str) -> None:
        self.comments.append(text)

    def init(self) -> None:
        self.sampler = Sampler(self.sd_model, **self._sampler)

    def setup_conds(self) -> None:
        raise AssertionError("the text encoder was asked")


def install(monkeypatch: Any, model: Any, opts: dict[str, Any] | None = None) -> dict[str, ModuleType]:
    """Put fakes of all modules that the adapter imports into place; returns them by name."""
    batch_callbacks.clear()
    model_data = SimpleNamespace(sd_model=model, loaded_sd_models=[model])
    state = SimpleNamespace(interrupted=False, skipped=False, stopping_generation=False, textinfo=None)
    contents: dict[str, dict[str, Any]] = {
        "devices": {"device": torch.device("cpu"), "dtype": torch.float32, "torch_gc": lambda: None,
                    "autocast": contextlib.nullcontext, "dtype_unet": torch.float32},
        "lowvram": {"is_enabled": lambda model: False, "send_everything_to_cpu": lambda: None},
        "prompt_parser": {kind.__name__: kind for kind in (
            ScheduledPromptConditioning, ComposableScheduledPromptConditioning, MulticondLearnedConditioning)},
        "sd_models": {"model_data": model_data, "list_models": lambda: None, "reload_model_weights": lambda: None,
                      "checkpoint_aliases": {"known": object()},
                      "CheckpointInfo": lambda path: SimpleNamespace(register=lambda: None)},
        "sd_samplers": {"find_sampler_config": lambda name: SimpleNamespace(total_steps=lambda steps: steps)},
        "sd_unet": {"get_unet_option": lambda: None},
        "sd_models_config": {"find_checkpoint_config": lambda state_dict, info: "the host's guess"},
        "sd_hijack": {"model_hijack": SimpleNamespace()},
        "script_callbacks": {"on_model_loaded": lambda callback: None, "on_cfg_denoiser": batch_callbacks.append},
        "shared": {"opts": Options(data=dict(opts or {})), "cmd_opts": SimpleNamespace(), "state": state,
                   "sd_model": model},
        "scripts": {"ScriptRunner": ScriptRunner}, "images": {"split_grid": split_grid}, "img2img": batch_tab(),
        "paths": {"models_path": "/nowhere/models", "data_path": "/nowhere"},
        "launch_utils": {"git_tag": lambda: "fake"},
        "api": {}, "api.api": {"decode_base64_to_image": None, "Api": fake_api()},
    }
    package = ModuleType("modules")
    monkeypatch.setitem(sys.modules, "modules", package)
    made = {}
    for name, content in contents.items():
        module = ModuleType(f"modules.{name}")
        vars(module).update(content)
        if "." not in name:
            setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"modules.{name}", module)
        made[name] = module
    for name in ADAPTER:  # import them anew, over these fakes
        monkeypatch.delitem(sys.modules, f"lib_colorize.hosts.webui.{name}", raising=False)
        folder, _, leaf = f"lib_colorize.hosts.webui.{name}".rpartition(".")
        monkeypatch.delattr(importlib.import_module(folder), leaf, raising=False)
    return made
