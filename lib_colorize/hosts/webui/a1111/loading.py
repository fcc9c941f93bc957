"""AUTOMATIC1111 loads colorize checkpoints: it is told their networks, and recovers when a file cannot be loaded.

Four functions of the host are replaced while the extension is loaded: `find_checkpoint_config` (it guesses from keys
of a text encoder, and these files have none), `list_models` (to list the shipped checkpoint), `reload_model_weights`
(which after a failure leaves the previous model half taken apart) and `Options.set` (which goes back to the previous
checkpoint after a failure, and says so to nobody).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from modules import devices, script_callbacks, sd_hijack, sd_models, sd_models_config, shared
from torch import Tensor

from ....checkpoint.config import PARTS
from ....checkpoint.host_config import host_config
from ....method.schedule import Prediction, sampled_alphas
from ....method.variants.variant import USUAL
from ...checkpoints import ColorizeFile, colorize_file
from ...variants import variant_name
from ..shared import program
from ..shared.api_arguments import watch
from ..shared.host_files import host_file
from ..shared.patching import Undo, replace_function
from ..shared.probing import probe_loaded
from .rows import on_batch

NO_TEXT = f"{__package__}.no_text.NoTextEncoder"


class Loading:
    """What is known of the models that the host has loaded."""

    def __init__(self) -> None:
        self.failure = ""  # one sentence when the checkpoint that was last chosen in the settings did not load
        self._failed = ""  # the same of the last attempt to load one, whoever asked for it

    def install(self) -> Sequence[Undo]:
        """Replace the host's functions; returns how to undo that."""
        undo = [
            replace_function(sd_models_config, "find_checkpoint_config", self._find_config),
            program.list_shipped(),
            watch(),
            replace_function(sd_models, "reload_model_weights", self._reload),
            replace_function(type(shared.opts), "set", self._set),
        ]
        script_callbacks.on_model_loaded(on_model_loaded)
        script_callbacks.on_cfg_denoiser(on_batch)
        return undo

    def _find_config(self, original: Any) -> Any:
        @functools.wraps(original)
        def find_checkpoint_config(state_dict: Mapping[str, Tensor], info: Any) -> Any:
            file = _colorize(state_dict, info)
            return original(state_dict, info) if file is None else write_config(file)

        return find_checkpoint_config

    def _reload(self, original: Any) -> Any:
        @functools.wraps(original)
        def reload_model_weights(*args: Any, **kwargs: Any) -> Any:
            before = sd_models.model_data.sd_model
            try:
                model = original(*args, **kwargs)
            except Exception as error:
                self._failed = f"{_wanted(args, kwargs)} could not be loaded: {' '.join(str(error).split())}"
                _restore(before)
                raise
            return model

        return reload_model_weights

    def _set(self, original: Any) -> Any:
        @functools.wraps(original)
        def set(opts: Any, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
            if key != "sd_model_checkpoint":
                return original(opts, key, value, *args, **kwargs)
            self._failed = ""
            done = original(opts, key, value, *args, **kwargs)  # loads it, and swallows what goes wrong
            self.failure = self._failed
            return done

        return set


def _wanted(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    info = kwargs.get("info") or (args[1] if len(args) > 1 else None)
    return str(getattr(info, "title", None) or shared.opts.sd_model_checkpoint or "the checkpoint")


def _restore(model: Any) -> None:
    """Make the previous model whole again, if the host still has it."""
    data = sd_models.model_data
    if model is None or data.sd_model is not model or next(model.parameters()).device.type == "meta":
        return
    sd_hijack.model_hijack.undo_hijack(model)
    sd_hijack.model_hijack.hijack(model)
    if not model.lowvram:
        model.to(devices.device)
    if model not in data.loaded_sd_models:
        data.loaded_sd_models.insert(0, model)


def _colorize(state_dict: Mapping[str, Tensor], info: Any) -> ColorizeFile | None:
    """The colorize file that is being loaded; ColorizeError when it is one that cannot be used."""
    if info is None or not any(key.startswith(PARTS["sketch_encoder"]) for key in state_dict):
        return None
    file = colorize_file(info.filename)
    if file is not None:
        file.usable()
    return file


def write_config(file: ColorizeFile) -> str:
    """The path of the host's configuration for this file; equal files share one, so that the host reuses its model."""
    card = file.usable()
    prediction = program.told_prediction(file) or Prediction.EPS  # probed once it is loaded
    config = host_config(replace(card, prediction=prediction, config=replace(card.config, unet=replace(
        card.config.unet, linear_projections=file.linear_projections))), NO_TEXT)
    return str(host_file(config, ".yaml"))


def noted() -> Any:
    """The loaded model with `on_model_loaded` done for what it holds now; None when none is loaded.

    The host swallows what its callbacks raise, and puts other weights into the same object.
    """
    model = sd_models.model_data.sd_model
    if model is not None and getattr(model, "colorize_noted", None) != _path(model):
        on_model_loaded(model)
    return model


def _path(model: Any) -> str:
    return str(getattr(getattr(model, "sd_checkpoint_info", None), "filename", ""))


def on_model_loaded(model: Any) -> None:
    """Note on the model what it is, and set what only a look at it tells."""
    model.colorize_noted = None
    file = colorize_file(_path(model))
    model.colorize_file, model.colorize_prediction = file, ""
    if file is not None and not file.problem:
        prediction = program.told_prediction(file) or _probe(model, file) or USUAL.get(variant_name(file))
        if prediction is not None:
            model.parameterization = model.colorize_prediction = prediction.value
        if file.usable().schedule.zero_snr:
            alphas = sampled_alphas(**asdict(file.usable().schedule)).to(devices.device)
            model.alphas_cumprod = model.alphas_cumprod_original = alphas
    model.colorize_noted = _path(model)


def _probe(model: Any, file: ColorizeFile) -> Prediction | None:
    context = torch.zeros(2, 1, file.config.unet.context_dim, device=devices.device, dtype=devices.dtype)

    def call(x: Tensor, t: Tensor) -> Tensor:
        return model.apply_model(x, t, {"c_crossattn": [context[:len(x)]]})  # type: ignore[no-any-return]

    with devices.autocast():
        return probe_loaded(file, model.model.diffusion_model, call, devices.device)
