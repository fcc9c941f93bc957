"""VAE, whole sampling runs and whole calls against the golden set, through the engine.

Left out: `diffuser_*` samplers (diffusers is no dependency; the k-diffusion ones cover their use). The recorded window
calls carry quirk 11, a reference that stays off once it was off; the settings that say so reproduce them, so that
everything else about a window is checked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lib_colorize.engine import networks, samplers
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.noise import step_noise
from lib_colorize.method.network_config import UNetConfig, VAEConfig
from lib_colorize.method.reading_settings import LineStrength
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.method.unet import UNet
from lib_colorize.pictures.canvas import crop_back
from lib_colorize.pictures.images import sketch_tensor, to_image
from tests.conftest import GOLDEN, golden_ids
from tests.core_models import reference_encoder, sketch_encoder, tensor, weights

SAMPLES = [i for i in golden_ids("sample.") if not GOLDEN.case(i)["params"]["sampler"].startswith("diffuser")]
CALLS = [i for i in golden_ids("e2e.") if not GOLDEN.case(i)["params"]["sampler"].startswith("diffuser")]
CONFIG = GOLDEN.index["model_config"]
PREPROCESS: dict[str, dict[str, Any]] = {
    "invert": {"polarity": Polarity.DARK_ON_LIGHT}, "none": {"polarity": Polarity.LIGHT_ON_DARK},
    "invert-webui": {"polarity": Polarity.DARK_ON_LIGHT, "extractor": "lineart"}}


def part(prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix):]: value for key, value in weights(GOLDEN).items() if key.startswith(prefix)}


@functools.cache
def vae() -> networks.AutoencoderKL:
    c = CONFIG["vae"]
    config = VAEConfig(c["ch"], tuple(c["ch_mult"]), c["num_res_blocks"], c["z_channels"], c["embed_dim"],
                       tuple(c["attn_resolutions"]))
    make = functools.partial(networks.AutoencoderKL, config, CONFIG["scale_factor"])
    return networks.load_network(make, part("first_stage_model."), "VAE")


@functools.cache
def engine(parameterization: str) -> Engine:
    c = CONFIG["unet"]
    config = UNetConfig(c["in_channels"], c["out_channels"], c["model_channels"], tuple(c["channel_mult"]),
                        c["num_res_blocks"], tuple(c["attention_resolutions"]), c["num_head_channels"],
                        c["context_dim"], 1, False)
    unet = networks.load_network(lambda: UNet(config), part("model.diffusion_model."), "U-Net")
    schedule = NoiseSchedule(alphas_cumprod(CONFIG["linear_start"], CONFIG["linear_end"], CONFIG["timesteps"]))
    return Engine(unet, vae(), sketch_encoder(GOLDEN), lambda: reference_encoder(GOLDEN), schedule,
                  Prediction(parameterization))


def job(params: dict[str, Any], **more: Any) -> Settings:
    return Settings(sampler=params["sampler"], scheduler=params["scheduler"], steps=params["steps"],
                    reference_guidance=params["gs_reference"], sketch_guidance=params["gs_sketch"], **more)


def noise_of(case: dict[str, Any], x_T: Tensor, sigmas: Tensor) -> samplers.StepNoise | None:
    """The recorded noise of each step, or that of the recorded seed."""
    if "step_noise" in case["inputs"]:
        draws = iter(tensor(GOLDEN, case, "step_noise"))
        return lambda sigma, after: next(draws)[None]
    seed = case["params"].get("brownian_seeds", [0])[0]
    return step_noise(case["params"]["sampler"], x_T, sigmas, seed, torch.Generator())


@pytest.mark.parametrize("case_id", golden_ids("vae"))
def test_vae(case_id: str) -> None:
    case, net = GOLDEN.case(case_id), vae()
    with torch.no_grad():
        mean, logvar = net.encode(tensor(GOLDEN, case, "x", "outputs"))
        z = net.sample(tensor(GOLDEN, case, "x", "outputs"), tensor(GOLDEN, case, "n"))
        picture = net.decode(tensor(GOLDEN, case, "z", "outputs"))
    for name, value in (("mean", mean), ("logvar", logvar), ("z", z), ("decoded", picture)):
        GOLDEN.check(case, name, value.numpy())
    GOLDEN.check(case, "decoded_u8", np.stack([np.asarray(to_image(p)) for p in picture]))


@pytest.mark.parametrize("case_id", golden_ids("module.vae_"))
def test_a_layer_of_the_vae(case_id: str) -> None:
    case = GOLDEN.case(case_id)
    layer = vae().get_submodule(case["params"]["state_dict_prefix"].removeprefix("first_stage_model.").rstrip("."))
    no_embedding = (None,) if type(layer).__name__ == "ResnetBlock" else ()  # ldm's takes a time embedding, if any
    with torch.no_grad():
        GOLDEN.check(case, "y", layer(tensor(GOLDEN, case, "x"), *no_embedding).numpy())


@pytest.mark.parametrize("case_id", SAMPLES)
def test_sampling(case_id: str) -> None:
    case = GOLDEN.case(case_id)
    mine, settings = engine(case["params"]["parameterization"]), job(case["params"])
    with torch.no_grad():
        tokens = reference_encoder(GOLDEN)(tensor(GOLDEN, case, "reference"))
    conditioning = mine.condition(tensor(GOLDEN, case, "sketch"), tokens, settings)
    sigmas = mine.noise_levels(settings)
    GOLDEN.check(case, "sigmas", sigmas.numpy())
    denoised: list[Tensor] = []
    x_T = tensor(GOLDEN, case, "x_T")
    with mine.denoiser(conditioning, settings) as denoise:
        z = samplers.run_sampler(settings.sampler, denoise, x_T, sigmas, noise_of(case, x_T, sigmas),
                         lambda state: denoised.append(state["denoised"]))
    GOLDEN.check(case, "z", z.numpy())
    if "denoised" in case["outputs"]:
        GOLDEN.check(case, "denoised", torch.cat(denoised).numpy())
    if "image" in case["outputs"]:
        picture = mine.decode(z)
        GOLDEN.check(case, "image", picture.numpy())
        GOLDEN.check(case, "image_u8", np.stack([np.asarray(to_image(p)) for p in picture]))


def window(params: dict[str, Any]) -> dict[str, float]:
    """The settings that say what quirk 11 does: from the first moment without reference on, none any more."""
    if params["start_step"] > 0:
        return {"no_guidance_start": 0.0, "no_guidance_end": 1.0}
    if params["no_end"] > max(params["no_start"], 0):
        return {"no_guidance_start": max(params["no_start"], 0.0), "no_guidance_end": 1.0,
                "guidance_end": params["end_step"]}
    return {"guidance_end": params["end_step"]}


def injection(params: dict[str, Any]) -> dict[str, float]:
    if not params["injection"]:
        return {}
    return {"injection": 1.0, "injection_fidelity": params["injection_cfg"],
            "injection_control": params["injection_control"], "injection_start": params["injection_start"]}


def draws_of(case: dict[str, Any]) -> Callable[[], Tensor]:
    """The recorded noise: of the auto-encoder's posterior, then of each call."""
    calls = sum(name.startswith("injection_noise") for name in case["inputs"])
    draws = iter([tensor(GOLDEN, case, "vae_noise"), *(tensor(GOLDEN, case, f"injection_noise{i}")
                                                      for i in range(calls))])
    return lambda: next(draws)


@pytest.mark.parametrize("case_id", CALLS)
def test_whole_call_from_picture_to_picture(case_id: str) -> None:
    case = GOLDEN.case(case_id)
    params = case["params"]
    mine = engine(params["parameterization"])
    settings = job(params, width=params["width"], height=params["height"], batch=params["bs"],
                   sketch_strength=params["ctl_scale"], block_strengths=params["block_scales"],
                   line_strength=LineStrength.AS_DRAWN, **PREPROCESS[params["preprocess"]], **window(params),
                   **injection(params))
    sketch, reference = (Image.fromarray(GOLDEN.get(case, "inputs", name)) for name in ("sketch_u8", "reference_u8"))
    drawing, placement = sketch_tensor(sketch, settings, mine.resolution, mine.multiple)
    conditioning = mine.condition(drawing, mine.tokens(reference), settings)
    if params["injection"]:
        conditioning = replace(conditioning, injection=mine.preparing.injected(reference, drawing, settings))
    sigmas = mine.noise_levels(settings)
    with mine.denoiser(conditioning, settings) as denoise:  # one picture after the other, as the engine does
        if params["injection"]:
            denoise.attachment.injection.noised.draw_from([draws_of(case)])
        z = torch.cat([samplers.run_sampler(settings.sampler, denoise, x_T[None], sigmas)
                       for x_T in tensor(GOLDEN, case, "x_T")])
    GOLDEN.check(case, "z", z.numpy())
    for i, picture in enumerate(mine.decode(z)):
        GOLDEN.check(case, f"result{i}", np.asarray(crop_back(to_image(picture), placement)))
