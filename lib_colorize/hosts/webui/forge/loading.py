"""Forge loads colorize checkpoints: it is told a kind of model more, by the lists that it keeps of them.

Forge's loader stays as it is, but that a failed load for a coloured run becomes one sentence. It asks each kind
whether a state dict is of it, builds the networks that the kind names, and hands them to the kind's engine.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from backend import loader, memory_management
from backend.diffusion_engine.base import ForgeDiffusionEngine, ForgeObjects
from backend.modules import k_prediction
from backend.patcher.unet import UnetPatcher
from backend.patcher.vae import VAE
from huggingface_guess import latent, model_list
from modules import processing, script_callbacks, sd_models
from torch import Tensor

from ....checkpoint.config import PARTS
from ....errors import ColorizeError
from ....method.network_config import VAEConfig
from ....method.schedule import Prediction
from ....method.variants.variant import USUAL
from ...checkpoints import ColorizeFile, colorize_file
from ...variants import variant_name
from ..shared import program
from ..shared.api_arguments import watch
from ..shared.host_files import host_files
from ..shared.patching import Undo, replace_function
from ..shared.probing import probe_loaded
from ..shared.processing import answered
from .timesteps import Times

PREDICTIONS = {Prediction.EPS: "epsilon", Prediction.V: "v_prediction"}  # Forge's words


class ColorizeGuess(model_list.BASE):  # type: ignore[misc]  # hosts have no types
    """A colorize checkpoint as huggingface_guess describes models."""

    latent_format = latent.SD15
    memory_usage_factor = 1.0

    @classmethod
    def matches(cls, unet_config: Mapping[str, Any], state_dict: Mapping[str, Tensor] | None = None) -> bool:
        return any(key.startswith(PARTS["sketch_encoder"]) for key in state_dict or ())

    def __init__(self, unet_config: Mapping[str, Any]) -> None:
        super().__init__(unet_config)
        self.file: ColorizeFile | None = None
        self.failure: Exception | None = None
        try:
            self.file = _loading_file()
        except Exception as error:  # noqa: BLE001 - here Forge would say no more than "Failed to recognize model type"
            self.failure = error
        if self.file is not None and not self.file.problem:
            heads = self.file.config.unet.num_head_channels
            self.unet_config |= {"num_heads": -1, "num_head_channels": heads}

    @property
    def huggingface_repo(self) -> str:
        """The folder of configurations that Forge builds from; ColorizeError for a file that cannot be used."""
        try:
            if self.failure is not None:
                raise self.failure
            if self.file is None:
                raise ColorizeError("this checkpoint holds a sketch encoder, but its file is no ColorizeDiffusion "
                                    "checkpoint that can be told; choose it in the list of checkpoints")
            return str(write_configuration(self.file))
        except Exception:
            forget_failed_load()
            raise

    def clip_target(self, state_dict: Mapping[str, Tensor] | None = None) -> dict[str, str]:
        return {}  # no text encoder

    def process_clip_state_dict(self, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {}  # what is neither U-Net nor VAE is read from the file when it is needed


class ColorizePrediction(k_prediction.Prediction):  # type: ignore[misc]
    """Forge's noise schedule, but that t is interpolated between steps, as A1111, k-diffusion and the authors have it.

    Forge rounds to the nearest step; pictures would differ by several of 255.
    """

    _times: Times | None = None

    def timestep(self, sigma: Tensor) -> Tensor:
        """sigma: any shape -> t as float, like sigma."""
        times = self._times
        if times is None or times.log_sigmas is not self.log_sigmas or times.device != sigma.device:
            times = self._times = Times(self.log_sigmas, sigma.device)
        return times.of(sigma)


class ColorizeEngine(ForgeDiffusionEngine):  # type: ignore[misc]
    """A colorize checkpoint as Forge holds loaded models: U-Net and VAE, prompts without effect."""

    matched_guesses = (ColorizeGuess,)

    def __init__(self, estimated_config: Any, huggingface_components: Mapping[str, Any]) -> None:
        super().__init__(estimated_config, huggingface_components)
        self.colorize_file: ColorizeFile = estimated_config.file
        schedule = self.colorize_file.usable().schedule
        predictor = ColorizePrediction(
            prediction_type=PREDICTIONS[program.told_prediction(self.colorize_file) or Prediction.EPS],
            linear_start=schedule.linear_start, linear_end=schedule.linear_end, timesteps=schedule.timesteps)
        unet = UnetPatcher.from_model(model=huggingface_components["unet"], config=estimated_config,
                                      diffusers_scheduler=None, k_predictor=predictor)
        vae = VAE(model=huggingface_components["vae"])
        estimated_config.ztsnr = schedule.zero_snr
        self.forge_objects = ForgeObjects(unet=unet, clip=None, vae=vae, clipvision=None)
        self.forge_objects_original = self.forge_objects.shallow_copy()
        self.forge_objects_after_applying_lora = self.forge_objects.shallow_copy()
        self.is_sd2 = True

    def get_learned_conditioning(self, prompt: Sequence[str]) -> Tensor:
        """Zeros [B, 77, D], the context without a reference."""
        return torch.zeros(len(prompt), 77, self.colorize_file.config.unet.context_dim,
                           device=memory_management.get_torch_device())

    def get_prompt_lengths_on_ui(self, prompt: str) -> tuple[int, int]:
        return 0, 75

    @torch.inference_mode()
    def encode_first_stage(self, x: Tensor) -> Tensor:
        """x: [B, 3, H, W] in [-1, 1] -> latent [B, 4, h, w]."""
        vae = self.forge_objects.vae
        return vae.first_stage_model.process_in(vae.encode(x.movedim(1, -1) / 2 + 0.5)).to(x)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def decode_first_stage(self, x: Tensor) -> Tensor:
        """x: latent [B, 4, h, w] -> [B, 3, H, W] in [-1, 1]."""
        vae = self.forge_objects.vae
        picture = vae.decode(vae.first_stage_model.process_out(x)).movedim(-1, 1)
        return (picture * 2 - 1).to(x)  # type: ignore[no-any-return]


@dataclass
class NextLoad:
    """What is known of the run that Forge is about to load a checkpoint for."""

    coloured: bool = False


next_load = NextLoad()


def _reload(original: Callable[..., Any]) -> Callable[..., Any]:
    """A checkpoint of a coloured run that does not load is one sentence: Forge says no more than what went wrong."""
    @functools.wraps(original)
    def forge_model_reload(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except Exception as error:
            if not next_load.coloured:
                raise
            info = sd_models.model_data.forge_loading_parameters.get("checkpoint_info")
            name = getattr(info, "title", None) or "the checkpoint"
            reason = " ".join(str(error).split())
            raise answered(ColorizeError(
                f"{name} could not be loaded: {reason}; choose a checkpoint that loads")) from error
        finally:
            next_load.coloured = False

    return forge_model_reload


def install_loading() -> Sequence[Undo]:
    """Tell Forge of our kind of model and list the shipped checkpoint; returns how to undo that."""
    undo = [_listed(model_list.models, ColorizeGuess), _listed(loader.possible_models, ColorizeEngine),
            program.list_shipped(), watch(), replace_function(processing, "forge_model_reload", _reload)]
    script_callbacks.on_model_loaded(on_model_loaded)
    return undo


def _listed(kinds: list[Any], kind: type) -> Undo:
    """First in the list, before what else might take such a file; one of an earlier load of the scripts goes."""
    kinds[:] = [kind, *(known for known in kinds if known.__name__ != kind.__name__)]

    def undo() -> None:
        if kind in kinds:
            kinds.remove(kind)

    return undo


def _loading_file() -> ColorizeFile | None:
    """The file that Forge is loading at this moment."""
    info = sd_models.model_data.forge_loading_parameters.get("checkpoint_info")
    return None if info is None else colorize_file(info.filename)


def write_configuration(file: ColorizeFile) -> Path:
    """A folder that tells diffusers' loader of U-Net and VAE; ColorizeError for a file that cannot be used."""
    card = file.usable()
    assert card.config.vae is not None  # `usable` saw to it
    parts = {
        "model_index.json": {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
                             "vae": ["diffusers", "AutoencoderKL"]},
        "vae/config.json": {"_class_name": "AutoencoderKL", **_vae(card.config.vae, card.scale_factor)}}
    return host_files({name: json.dumps(content) for name, content in parts.items()})


def _vae(vae: VAEConfig, scale_factor: float) -> dict[str, Any]:
    levels = len(vae.ch_mult)  # Forge counts the halvings by the types of the blocks
    return {"in_channels": vae.in_channels, "out_channels": vae.out_ch, "latent_channels": vae.z_channels,
            "block_out_channels": [vae.ch * mult for mult in vae.ch_mult], "layers_per_block": vae.num_res_blocks,
            "down_block_types": ["DownEncoderBlock2D"] * levels, "up_block_types": ["UpDecoderBlock2D"] * levels,
            "scaling_factor": scale_factor}


def noted() -> Any:
    """The loaded model, with `on_model_loaded` done: Forge swallows what its callbacks raise."""
    model = sd_models.model_data.sd_model
    if getattr(model, "colorize_file", None) is not None and not hasattr(model, "colorize_prediction"):
        on_model_loaded(model)
    return model


def on_model_loaded(model: Any) -> None:
    """Note on the model how it predicts: Forge itself cannot tell."""
    file = getattr(model, "colorize_file", None)
    if file is None:
        return
    prediction = program.told_prediction(file) or _probe(model, file) or USUAL.get(variant_name(file))
    if prediction is not None:
        model.forge_objects.unet.model.predictor.prediction_type = PREDICTIONS[prediction]
    model.colorize_prediction = prediction.value if prediction else ""


@torch.inference_mode()
def _probe(model: Any, file: ColorizeFile) -> Prediction | None:
    unet = model.forge_objects.unet
    memory_management.load_model_gpu(unet)
    network, dtype = unet.model.diffusion_model, unet.model.computation_dtype

    def call(x: Tensor, t: Tensor) -> Tensor:
        context = torch.zeros(len(x), 1, file.config.unet.context_dim, device=x.device, dtype=dtype)
        return network(x.to(dtype), t.float(), context=context, transformer_options={})  # type: ignore[no-any-return]

    return probe_loaded(file, network, call, memory_management.get_torch_device())


def forget_failed_load() -> None:
    """After a failed load Forge takes the previous model, which it has dropped, for loaded; make it load again."""
    data = sd_models.model_data
    if not data.sd_model or not hasattr(data.sd_model, "forge_objects"):
        data.forge_hash = ""
