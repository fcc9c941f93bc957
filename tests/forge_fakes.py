"""Small honest fakes of the Forge modules that the adapter imports: a U-Net patcher and its batched sampling step.

The step goes as Forge's does: entries in reverse order, as many at once as memory allows, averages by strength.
"""

from __future__ import annotations

import copy
import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.api_fake import fake_api
from tests.script_fakes import ScriptRunner, batch_tab, split_grid

ADAPTER = ("shared.program", "shared.webui", "shared.api_arguments", "shared.script_runs", "shared.batch_tab",
           "forge.marks", "forge.calls", "forge.adapter", "forge.loading")  # below lib_colorize.hosts.webui


class Condition:
    """One of the conditions of an entry, which the host asks to fit a batch and to be put before others."""

    def __init__(self, cond: Any) -> None:
        self.cond = cond

    def process_cond(self, batch_size: int, device: Any, **rest: Any) -> Condition:
        repeats = -(-batch_size // len(self.cond))
        cond = self.cond.repeat(repeats, *[1] * (self.cond.ndim - 1))[:batch_size] if repeats > 1 else self.cond
        return type(self)(cond[:batch_size].to(device))

    def can_concat(self, other: Condition) -> bool:
        return bool(self.cond.shape == other.cond.shape)

    def concat(self, others: list[Condition]) -> Any:
        return torch.cat([self.cond, *(other.cond for other in others)])


class ConditionCrossAttn(Condition):
    pass


def compile_conditions(cond: Tensor) -> list[dict[str, Any]]:
    return [{"cross_attn": cond, "model_conds": {"c_crossattn": ConditionCrossAttn(cond)}}]


class Predictor:
    """Whole steps: sigma t + 1 stands for t."""

    def timestep(self, sigma: Tensor) -> Tensor:
        return sigma - 1


class KModel(nn.Module):
    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.diffusion_model, self.predictor, self.computation_dtype = unet, Predictor(), torch.float32

    def apply_model(
        self, x: Tensor, t: Tensor, c_crossattn: Tensor, transformer_options: Any = None, **rest: Any,
    ) -> Tensor:
        assert rest == {}, f"left in the conditions: {list(rest)}"
        return self.diffusion_model(x, self.predictor.timestep(t), context=c_crossattn)

    def memory_required(self, shape: list[int]) -> int:
        return shape[0]


class Patcher:
    """UnetPatcher: clones share the model and copy the options deeply."""

    def __init__(self, model: KModel) -> None:
        self.model, self.model_options = model, {"transformer_options": {}}

    def clone(self) -> Patcher:
        made = Patcher(self.model)
        made.model_options = copy.deepcopy(self.model_options)
        return made

    def memory_required(self, shape: list[int]) -> int:
        return self.model.memory_required(shape)

    def add_conditioning_modifier(self, modifier: Any) -> None:
        self.model_options.setdefault("conditioning_modifiers", []).append(modifier)

    def set_model_unet_function_wrapper(self, wrapper: Any) -> None:
        self.model_options["model_function_wrapper"] = wrapper

    def set_memory_peak_estimation_modifier(self, modifier: Any) -> None:
        self.model_options["memory_peak_estimation_modifier"] = modifier


def step(patcher: Patcher, x: Tensor, sigma: Tensor, cond: Tensor, scale: float, at_once: int) -> Tensor:
    """One guided denoising of x [B, C, h, w] by Forge's rules; at_once: entries in one call."""
    conds, unconds, options = compile_conditions(cond), compile_conditions(cond), patcher.model_options
    model, seed = patcher.model, 0
    for modify in options.get("conditioning_modifiers", []):
        model, x, sigma, unconds, conds, scale, options, seed = modify(
            model, x, sigma, unconds, conds, scale, options, seed)
    run = [(entry, True) for entry in conds] + [(entry, False) for entry in unconds or []]
    sums = {True: torch.zeros_like(x), False: torch.zeros_like(x)}
    counts = {True: 0.0, False: 1e-37}
    while run:
        part, run = run[-at_once:][::-1], run[:-at_once]
        c: dict[str, Any] = {}
        for name in part[0][0]["model_conds"]:
            first, *others = [entry["model_conds"][name].process_cond(batch_size=len(x), device=x.device)
                              for entry, _ in part]
            assert all(first.can_concat(other) for other in others)
            c[name] = first.concat(others)
        args = {"input": torch.cat([x] * len(part)), "timestep": torch.cat([sigma] * len(part)),
                "c": {**c, "transformer_options": {}}}
        wrapper = options.get("model_function_wrapper")
        out = (wrapper(model.apply_model, args) if wrapper else
               model.apply_model(args["input"], args["timestep"], **args["c"])).chunk(len(part))
        for (entry, is_cond), result in zip(part, out):
            strength = entry.get("strength", 1.0)
            sums[is_cond] = sums[is_cond] + result * strength
            counts[is_cond] += strength
    cond_out, uncond_out = (sums[kind] / counts[kind] for kind in (True, False))
    return uncond_out + (cond_out - uncond_out) * scale


def install(monkeypatch: Any, model: Any) -> dict[str, ModuleType]:
    """Put fakes of all modules that the adapter imports into place, and import it anew over them."""
    contents: dict[str, dict[str, Any]] = {
        "backend": {}, "backend.sampling": {}, "backend.diffusion_engine": {}, "backend.patcher": {},
        "backend.memory_management": {"get_torch_device": lambda: torch.device("cpu"),
                                      "free_memory": lambda size, device: None, "load_model_gpu": lambda unet: None},
        "backend.sampling.condition": {"Condition": Condition, "compile_conditions": compile_conditions},
        "backend.loader": {"possible_models": []}, "backend.modules": {},
        "backend.modules.k_prediction": {"Prediction": type("Prediction", (), {})},
        "backend.diffusion_engine.base": {"ForgeDiffusionEngine": type("ForgeDiffusionEngine", (), {}),
                                          "ForgeObjects": SimpleNamespace},
        "backend.patcher.unet": {"UnetPatcher": Patcher}, "backend.patcher.vae": {"VAE": object},
        "huggingface_guess": {},
        "huggingface_guess.latent": {"SD15": object},
        "huggingface_guess.model_list": {"models": [], "BASE": type("BASE", (), {}), "ModelType": None},
        "modules": {},
        "modules.sd_models": {"model_data": SimpleNamespace(sd_model=model, forge_hash="", forge_loading_parameters={}),
                              "list_models": lambda: None, "checkpoint_aliases": {"known": object()},
                              "CheckpointInfo": lambda path: SimpleNamespace(register=lambda: None)},
        "modules.processing": {"forge_model_reload": lambda: None},
        "modules.shared": {"opts": SimpleNamespace(data={}), "cmd_opts": SimpleNamespace(),
                           "state": SimpleNamespace(interrupted=False, skipped=False, textinfo=None)},
        "modules.script_callbacks": {"on_model_loaded": lambda callback: None},
        "modules.scripts": {"ScriptRunner": ScriptRunner}, "modules.images": {"split_grid": split_grid},
        "modules.img2img": batch_tab(),
        "modules.paths": {"models_path": "/nowhere/models", "data_path": "/nowhere"},
        "modules.launch_utils": {"git_tag": lambda: "fake"},
        "modules.api": {}, "modules.api.api": {"decode_base64_to_image": None, "Api": fake_api()},
    }
    made = {}
    for name, content in contents.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
        outer, _, inner = name.rpartition(".")
        if outer:
            setattr(made[outer], inner, module)
        made[name] = module
    for name in ADAPTER:  # import them anew, over these fakes
        monkeypatch.delitem(sys.modules, f"lib_colorize.hosts.webui.{name}", raising=False)
        folder, _, leaf = f"lib_colorize.hosts.webui.{name}".rpartition(".")
        monkeypatch.delattr(importlib.import_module(folder), leaf, raising=False)
    return made
