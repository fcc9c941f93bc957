"""Masks in v1, and v1.5 and v2 with all that they add, against the golden set: one call of the U-Net each."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lib_colorize.method.attach import attach
from lib_colorize.method.conditioning import Branch, Conditioning, encode
from lib_colorize.method.guidance import Guidance
from lib_colorize.method.masking import FigureMask, MaskedTokens, without_figure
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.shown_tokens import shown_tokens
from lib_colorize.method.variants.half_unet import size_label
from lib_colorize.method.variants.showing import JobPictures, PictureNeeds, Seen, with_variant
from lib_colorize.method.variants.variant import V1
from tests.conftest import GOLDEN, golden_ids
from tests.core_models import tensor
from tests.variant_models import load_part, reference_encoder_of, sketch_encoder_of, unet_of, vae_of, variant_of

NAMES = {"masked_v1": "v1", "switch": "v1.5", "v2": "v2"}
OTHERS = ("switch.modules", "switch.sample", "switch.cfg_bg", "masked_v1.cfg", "v2.sample")
CALLS = [i for i in golden_ids("masked_v1.", "switch.", "v2.") if i not in OTHERS and "size_embedding" not in i]
GUIDED = [i for i in golden_ids("masked_v1.cfg", "switch.cfg_bg")]


def name_of(case_id: str) -> str:
    return NAMES[case_id.split(".")[0]]


def settings_of(params: dict[str, Any], name: str) -> Settings:
    guidance = {"reference_guidance": params.get("gs_reference", 1.0), "sketch_guidance": params.get("gs_sketch", 1.0)}
    return Settings(
        **guidance, background_enhance=name == "v1" or params.get("bg_enhance", False),
        foreground_enhance=params.get("fg_enhance", False), style_enhance=params.get("style_enhance", False),
        merge=params.get("merge_scale", 0.0), background_factor=params.get("mask_scale", 1.0),
        reference_threshold=params["mask_threshold_ref"], sketch_threshold=params["mask_threshold_sketch"])


class Inputs:
    """The recorded pictures of a case as the encoders of its model give them."""

    def __init__(self, case: dict[str, Any], name: str, settings: Settings) -> None:
        self.case, self.name, self.draws = case, name, iter(sorted(i for i in case["inputs"] if "vae_noise" in i))
        self.sketch = self.of("sketch")
        self.canvas = (self.sketch.shape[2], self.sketch.shape[3])
        wanted = PictureNeeds.of(name, settings, "background" in case["inputs"])
        picture = self.of("reference")
        self.tokens = self.encoded(picture)
        self.reference = self.seen(picture, wanted.reference_latent)
        self.other: Seen | None = None
        if wanted.picture:
            self.other = self.seen(self.of("background"), wanted.other_latent)
        elif wanted.masked_reference:
            self.other = self.seen(without_figure(picture, self.of("rmask"), settings.reference_threshold),
                                   wanted.other_latent)
        mask = FigureMask(self.of("smask_latent"), settings.sketch_threshold) if wanted.sketch_mask else None
        self.shown = JobPictures(settings, self.reference, self.other, wanted.picture, mask, self.canvas)

    def of(self, name: str) -> Tensor:
        return tensor(GOLDEN, self.case, name)

    @functools.cached_property
    def sketch_conditioning(self) -> Conditioning:
        return encode(sketch_encoder_of(GOLDEN, self.name), self.sketch, self.tokens, self.shown.settings)

    def encoded(self, picture: Tensor) -> Tensor:
        with torch.no_grad():
            return shown_tokens(reference_encoder_of(GOLDEN, self.name)(picture))

    def seen(self, picture: Tensor, with_latent: bool) -> Seen:
        latent = None
        if with_latent:
            squashed = F.interpolate(picture, self.canvas, mode="bicubic")
            with torch.no_grad():
                latent = vae_of(GOLDEN, self.name).sample(squashed, self.of(next(self.draws)))
        return Seen(self.encoded(picture), (picture.shape[2], picture.shape[3]), latent)

    def conditioning(self) -> Conditioning:
        return with_variant(self.sketch_conditioning, variant_of(GOLDEN, self.name), self.shown)


def with_strengths(conditioning: Conditioning, params: dict[str, Any]) -> Conditioning:
    """Strengths of the cases lie beyond what the settings offer."""
    if conditioning.masked is None:
        return conditioning
    both = params.get("fg_strength,bg_strength") or (params.get("fg_scale", 1.0), params.get("bg_scale", 1.0))
    return replace(conditioning, masked=replace(
        conditioning.masked, figure_strength=both[0], background_strength=both[1]))


def as_recorded(conditioning: Conditioning, case_id: str) -> Conditioning:
    """Quirk 26: v1.5 with figure and background shows both sets together to both roles; ours shows each its own."""
    masked = conditioning.masked
    if case_id != "switch.fg_bg" or masked is None:
        return conditioning
    both = torch.cat([masked.figure, masked.background], dim=1)
    return replace(conditioning, masked=replace(masked, figure=both, background=both))


@pytest.mark.parametrize("case_id", CALLS)
def test_a_call_of_the_unet(case_id: str) -> None:
    case, name = GOLDEN.case(case_id), name_of(case_id)
    params = case["params"]
    settings = settings_of(params, name)
    conditioning = as_recorded(with_strengths(Inputs(case, name, settings).conditioning(), params), case_id)
    if "context" in case["outputs"]:
        masked = conditioning.masked
        context = conditioning.tokens if masked is None else torch.cat([masked.figure, masked.background], dim=1)
        assert context is not None
        GOLDEN.check(case, "context", context.numpy())
    maps = conditioning.background
    for prefix, parts in (("style_modulations", conditioning.style), ("hs_bg", None if maps is None else maps.maps)):
        for output in (i for i in case["outputs"] if i.startswith(prefix)):
            assert parts is not None
            GOLDEN.check(case, output, parts[int(output[len(prefix):])].numpy())
    x = tensor(GOLDEN, case, "x")
    x = x.repeat(params.get("bs", 1) // len(x), 1, 1, 1)
    net = unet_of(GOLDEN, name)
    with torch.no_grad(), attach(net, conditioning, settings, variant_of(GOLDEN, name)) as attached:
        attached.branches = (Branch.FULL,) * len(x)
        out = net(x, torch.full((len(x),), params["t"]))
    GOLDEN.check(case, "out", out.numpy())


@pytest.mark.parametrize("case_id", GUIDED)
def test_guided_denoising_under_masks(case_id: str) -> None:
    """The row without a reference has zeros in both sets; mask and LoRA stay."""
    case, name = GOLDEN.case(case_id), name_of(case_id)
    params, config = case["params"], GOLDEN.index["model_config"]
    conditions = {**GOLDEN.case(params.get("conditions", case_id))["params"], **params}
    settings = settings_of(conditions, name)
    conditioning = Inputs(case, name, settings).conditioning()
    guidance, net = Guidance.of(settings), unet_of(GOLDEN, name)
    schedule = NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))
    sigma = torch.tensor([params["sigma"]])
    t = schedule.t_of_sigma(sigma)
    scaled = 3 * tensor(GOLDEN, case, "noise") / (1 + sigma**2).sqrt()
    with torch.no_grad(), attach(net, conditioning, settings, variant_of(GOLDEN, name)) as attached:
        attached.branches = guidance.branches
        rows = net(scaled.repeat(len(guidance.branches), 1, 1, 1), t.repeat(len(guidance.branches)))
    guided = guidance.guide(dict(zip(guidance.branches, rows.chunk(len(guidance.branches)))))
    GOLDEN.check(case, "denoised", schedule.x0(scaled, guided, t, Prediction(params["parameterization"])).numpy())


@pytest.mark.parametrize("case_id", golden_ids("switch.modules"))
def test_embedder_and_transformer(case_id: str) -> None:
    case = GOLDEN.case(case_id)
    embedder, transformer = (load_part(GOLDEN, "v1.5", part) for part in ("threshold_embedder", "token_transformer"))
    with torch.no_grad():
        embedded = torch.cat([embedder(threshold) for threshold in case["params"]["thresholds"]])
        GOLDEN.check(case, "thresh_embedding", embedded.numpy())
        GOLDEN.check(case, "cluster", transformer(tensor(GOLDEN, case, "tokens")).numpy())


@pytest.mark.parametrize("case_id", golden_ids("v2.size_embedding"))
def test_label_of_a_size(case_id: str) -> None:
    case = GOLDEN.case(case_id)
    width = GOLDEN.index["model_config"]["v2"]["adm_in_channels"]
    label = size_label(tuple(case["params"]["image_hw"]), tuple(case["params"]["target_hw"]), width)
    GOLDEN.check(case, "emb", label.numpy())


def test_a_model_without_the_modules_cannot_be_shown_a_style() -> None:
    net = unet_of(GOLDEN, "v1")
    width = GOLDEN.index["model_config"]["control_encoder"]["model_channels"]
    hints = sketch_encoder_of(GOLDEN, "v1")(torch.zeros(1, 3, 64, 64))
    shown = Conditioning(None, hints, style=tuple(torch.zeros(1, 2 * width) for _ in net.output_blocks))
    with pytest.raises(Exception, match="use the encoders of this model"), attach(net, shown, Settings(), V1):
        pass


def test_masked_tokens_without_a_reference_are_those_of_the_background_alone() -> None:
    """Where the mask says background the result is that of its tokens as a reference, with zeros for the figure."""
    net, generator = unet_of(GOLDEN, "v1"), torch.Generator().manual_seed(0)
    tokens = torch.randn(1, 5, net.config.context_dim, generator=generator)
    x, t = torch.randn(1, 4, 8, 8, generator=generator), torch.tensor([250.0])
    with torch.no_grad():
        hints = sketch_encoder_of(GOLDEN, "v1")(torch.full((1, 3, 64, 64), -1.0))
        outputs = []
        for everywhere in (0.0, 1.0):
            mask = FigureMask(torch.full((1, 1, 8, 8), everywhere), 0.5)
            masked = MaskedTokens(torch.zeros_like(tokens[:, :1]), tokens, mask)
            with attach(net, Conditioning(None, hints, masked=masked), Settings()) as attached:
                attached.branches = (Branch.FULL,)
                outputs.append(net(x, t))
        for shown, output in zip((tokens, None), outputs):
            with attach(net, Conditioning(shown, hints), Settings()) as attached:
                attached.branches = (Branch.FULL,)
                torch.testing.assert_close(output, net(x, t), atol=1e-5, rtol=1e-4)
