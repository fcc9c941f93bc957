"""v1.5 and v2 through the engine: files, options, refusals, captured steps; and the recorded runs of their samplers."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch import Tensor, nn

from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.report import inspect
from lib_colorize.engine.engine import Engine, Result
from lib_colorize.engine.step_graph import StepGraphs
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, SketchConfig
from lib_colorize.method.schedule import Prediction
from lib_colorize.method.settings import Settings
from lib_colorize.method.variants.features import lacking
from lib_colorize.pictures.extras import NO_EXTRAS, Extras, FurtherReference
from tests.conftest import GOLDEN, golden_ids
from tests.core_models import tensor, vision_config
from tests.recorded_graph import RecordedCapture
from tests.standalone_models import write_variant
from tests.test_golden_variants import Inputs, settings_of
from tests.variant_models import config_of, reference_encoder_of, state_dict

QUICK = Settings(steps=1, sampler="Euler", reference_guidance=2.0)
APART = QUICK.with_(background_enhance=True)
MODES = {  # of each variant
    "v1": ({"background_enhance": True},),
    "v1.5": ({"background_enhance": True}, {"foreground_enhance": True},
             {"background_enhance": True, "foreground_enhance": True}),
    "v2": ({"style_enhance": True}, {"background_enhance": True},
           {"foreground_enhance": True, "foreground_strength": 0.5},
           {"style_enhance": True, "background_enhance": True}, {"style_enhance": True, "foreground_enhance": True}),
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    folder = tmp_path_factory.mktemp("variants")
    return {name: Engine.load(write_variant(folder / f"{name}.safetensors", name)) for name in MODES}


def sketched() -> Image.Image:
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((14, 10, 50, 56), outline="black", width=2)
    return image


def figure(size: tuple[int, int]) -> Image.Image:
    image = Image.new("L", size, 0)
    ImageDraw.Draw(image).ellipse((size[0] // 5, size[1] // 5, size[0] * 4 // 5, size[1] * 4 // 5), fill=255)
    return image


def referred() -> Image.Image:
    image = Image.new("RGB", (50, 70), "orange")
    ImageDraw.Draw(image).rectangle((5, 10, 45, 30), fill="navy")
    return image


@pytest.fixture
def sketch() -> Image.Image:
    return sketched()


@pytest.fixture
def reference() -> Image.Image:
    return referred()


PLAIN: dict[int, Any] = {}  # by engine


def plain_of(engines: dict[str, Engine], name: str) -> Any:
    key = id(engines[name])
    if key not in PLAIN:
        PLAIN[key] = pixels(engines[name].colorize(sketched(), referred(), QUICK))
    return PLAIN[key]


MASKS = Extras(sketch_mask=figure((64, 64)), reference_mask=figure((50, 70)))
BEHIND = replace(MASKS, background=Image.new("RGB", (40, 90), "green"))


def pixels(results: list[Result]) -> Any:
    return np.asarray(results[0].image).astype(int)


@pytest.mark.parametrize(("name", "changes"), [(name, modes[-1]) for name, modes in MODES.items()] + [
    ("v1.5", {"foreground_enhance": True}), ("v2", {"foreground_enhance": True})])
def test_several_references_and_injection_go_with_every_mode(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, name: str, changes: dict[str, Any],
) -> None:
    """One that is there twice, in two regions, is what it is alone; another one is not; and injection acts."""
    engine, settings = engines[name], QUICK.with_(**changes)
    half = Image.new("L", (64, 64))
    half.paste(255, (32, 0, 64, 64))

    def coloured(settings: Settings, extras: Extras) -> Any:
        return pixels(engine.colorize(sketch, reference, settings, extras=extras))

    twice = replace(MASKS, further=(FurtherReference(reference, 3.0, half),))
    other = replace(MASKS, further=(FurtherReference(Image.new("RGB", (40, 40), "green"), 3.0, half),))
    alone = coloured(settings, MASKS)
    assert abs(coloured(settings, twice) - alone).max() <= 1 < abs(coloured(settings, other) - alone).max()
    faint = replace(MASKS, further=(FurtherReference(Image.new("RGB", (40, 40), "green"), 1e-6),))
    assert abs(coloured(settings, faint) - alone).max() <= 1
    injected = coloured(settings.with_(injection=1.0), other)
    assert abs(injected - coloured(settings, other)).max() > 1
    for module in engine.unet.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and "forward" not in vars(module)


def test_the_encoder_is_read_once_for_one_background_however_often_it_is_used(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, read = engines["v1"], []
    tokens = engine.preparing.reference_tokens
    load = tokens.load

    def counted() -> Any:
        read.append(1)
        return load()

    monkeypatch.setattr(tokens, "load", counted)
    monkeypatch.setattr(tokens, "_kept", OrderedDict())
    settings = QUICK.with_(background_enhance=True)
    first, again, other = (pixels(engine.colorize(sketch, reference, settings, extras=extras)) for extras in (
        BEHIND, BEHIND, replace(BEHIND, background=Image.new("RGB", (40, 90), "red"))))
    assert (first == again).all() and (first != other).any()
    assert len(read) == 3  # the reference, the one background, the other


@pytest.mark.parametrize(("name", "changes"), [(name, changes) for name, modes in MODES.items() for changes in modes])
def test_every_mode_colours_otherwise_with_and_without_a_picture_behind(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, name: str, changes: dict[str, Any],
) -> None:
    engine, settings = engines[name], QUICK.with_(**changes)
    found = [pixels(engine.colorize(sketch, reference, settings, extras=MASKS)), plain_of(engines, name)]
    if "background_enhance" in changes or "style_enhance" in changes:
        found.append(pixels(engine.colorize(sketch, reference, settings.with_(merge=0.5), extras=BEHIND)))
    assert all((one != other).any() for one, other in itertools.combinations(found, 2))
    for module in engine.unet.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and "forward" not in vars(module)


def test_nothing_asked_for_is_v1s_formula(engines: dict[str, Engine]) -> None:
    """The networks of the three files are the same but for what is added, which does not act."""
    v1, *others = (plain_of(engines, name) for name in MODES)
    assert all(abs(other - v1).max() <= 1 for other in others)  # where weights lie in a file may cost a last bit


def test_what_runs_once_a_picture_is_gone_before_sampling(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[weakref.ref[nn.Module]] = []
    for name, settings in (("v1.5", APART), ("v2", APART.with_(style_enhance=True))):
        preparing = engines[name].preparing
        load, variant = preparing.variant.load, preparing.variant

        def noted(part: str, load: Any = load) -> nn.Module:
            module: nn.Module = load(part)
            made.append(weakref.ref(module))
            return module

        monkeypatch.setattr(preparing, "variant", replace(variant, load=noted))
        preparing.prepare(sketch, reference, settings, MASKS)
    gc.collect()
    assert len(made) == 4 and [module() for module in made] == [None] * 4


@pytest.mark.parametrize(("name", "changes", "extras", "has_reference", "message"), [
    ("v1", {"style_enhance": True}, NO_EXTRAS, True, "the checkpoint is v1, and only v2 checkpoints have it"),
    ("v1", {"foreground_enhance": True}, MASKS, True, "only v1.5 and v2 checkpoints have it"),
    ("v1.5", {"background_factor": 0.5}, NO_EXTRAS, True, "only v2 checkpoints have it"),
    ("v2", {}, BEHIND, True, "a background picture, but the background is not coloured apart"),
    ("v2", {"style_enhance": True}, NO_EXTRAS, False, "style enhance: there is no reference"),
    ("v1", {"background_enhance": True}, MASKS, False, "neither a reference nor a background picture"),
    ("v1", {"background_enhance": True}, Extras(sketch_mask=Image.new("L", (64, 64), 255)), True, "all white"),
    ("v1", {"background_enhance": True}, Extras(sketch_mask=figure((32, 64))), True, "mask of the sketch has 32x64"),
    ("v1", {"background_enhance": True, "sketch_threshold": 1.0},
     replace(MASKS, sketch_mask=figure((64, 64)).point(lambda value: value // 2)), True, "leaves no figure"),
])
def test_what_cannot_be_done_is_one_sentence_and_nothing_is_computed(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, name: str, changes: dict[str, Any],
    extras: Extras, has_reference: bool, message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = engines[name]
    monkeypatch.setattr(engine.preparing, "reference_tokens", None)
    with pytest.raises(ColorizeError, match=message):
        engine.colorize(sketch, reference if has_reference else None, QUICK.with_(**changes), extras=extras)


def test_lacking_says_what_a_page_greys_out() -> None:
    assert lacking("v1") == {"foreground_enhance", "style_enhance", "background_factor"}
    assert lacking("v1.5") == {"style_enhance", "background_factor"} and not lacking("v2")


@pytest.mark.parametrize(("name", "without", "message"), [
    ("v1.5", "transformer.layers.0.3.0", "transformer"), ("v1.5", "thresh_embedder.embed_layer.2.bias", "thresh"),
    ("v2", "bg_encoder.input_blocks.1.", "bg_encoder.input_blocks.1.0.in_layers.0.weight"),
    ("v2", "style_encoder.", "style_encoder"), ("v2", "model.diffusion_model.warp_modules.0.ff.0.bias", "warp_modules"),
    ("v1.5", "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_q.lora_up_fg", "lora_up_fg"),
])
def test_a_file_that_lacks_something_is_not_loaded(tmp_path: Path, name: str, without: str, message: str) -> None:
    path = write_variant(tmp_path / "x.safetensors", name, without)
    assert message in str(inspect(path).differing)
    with pytest.raises(ColorizeError, match=message):
        Engine.load(path)


@pytest.mark.parametrize(("name", "usual"), [("v1.5", Prediction.EPS), ("v2", Prediction.V)])
def test_where_neither_file_nor_trial_tells_it_is_that_of_the_released_ones(
    tmp_path: Path, name: str, usual: Prediction,
) -> None:
    path = write_variant(tmp_path / "x.safetensors", name, prediction=None)
    assert Engine.load(path).prediction is usual
    assert Engine.load(path, prediction=Prediction.EPS).prediction is Prediction.EPS


@pytest.mark.parametrize("changes", MODES["v2"][3:4])
def test_captured_steps_of_v2_are_the_same_for_the_next_pictures_too(
    engines: dict[str, Engine], sketch: Image.Image, reference: Image.Image, changes: dict[str, Any], tmp_path: Path,
) -> None:
    engine = Engine.load(write_variant(tmp_path / "x.safetensors", "v2"), dtype="bfloat16")
    capture, settings = RecordedCapture(), QUICK.with_(steps=3, **changes)
    others = Extras(sketch_mask=figure((64, 64)).rotate(90).crop((0, 0, 64, 64)), reference_mask=figure((50, 70)))

    def run(second: Extras) -> list[Any]:
        found = [engine.colorize(sketch, reference, settings.with_(merge=merge), extras=extras)
                 for extras, merge in ((MASKS, 0.0), (second, 0.3))]
        return [pixels(results) for results in found]

    plain = run(others)
    engine.running.graphs = StepGraphs(capture)
    captured = run(others)
    assert engine.running.graphs.problem is None and capture.captured == 1 and capture.replayed > 3
    assert all((one == other).all() for one, other in zip(plain, captured))


# Recorded runs


def golden_engine(name: str, folder: Path) -> Engine:
    """An engine of the set's weights, by way of a file."""
    sketch = GOLDEN.index["model_config"]["control_encoder"]
    config = NetworkConfig(config_of(GOLDEN, name), None, SketchConfig(
        config_of(GOLDEN, name).model_channels, tuple(sketch["ch_mults"])), vision_config(GOLDEN))
    path = folder / f"{name}.safetensors"
    tensors = {key: value for key, value in state_dict(GOLDEN, name).items()
               if not key.startswith("cond_stage_model.transformer.")}
    c = GOLDEN.index["model_config"]["vae"]
    from lib_colorize.method.network_config import VAEConfig
    vae = VAEConfig(c["ch"], tuple(c["ch_mult"]), c["num_res_blocks"], c["z_channels"], c["embed_dim"],
                    tuple(c["attn_resolutions"]))
    save_file(tensors, path, ModelCard(replace(config, vae=vae), Prediction.V, name).to_metadata())
    return Engine.load(path)


def dpm(denoise: Any, alphas: Tensor, x: Tensor, n: int) -> Tensor:
    """DPM of variants.md section 9; denoise takes x in k-diffusion's scale."""
    q = 1000 // (n + 1)
    abar = torch.tensor([float(alphas[1 + q * (n - i)]) for i in range(n)] + [1.0], dtype=torch.float64)
    sigma = ((1 - abar) / abar).sqrt()
    a = 1 / (1 + sigma**2).sqrt()
    b = sigma * a
    level = (a / b).log()
    before: Tensor | None = None
    for i in range(n):
        x0 = denoise(x / float(a[i]), sigma[i].float()[None])
        if i == n - 1:
            return x0
        change = float((level[i] - level[i + 1]).exp() - 1)
        moved = float(b[i + 1] / b[i]) * x - float(a[i + 1]) * change * x0
        if before is not None:
            r = float((level[i] - level[i - 1]) / (level[i + 1] - level[i]))
            moved = moved - float(a[i + 1]) * change * (x0 - before) / (2 * r)
        x, before = moved, x0
    raise AssertionError


@pytest.mark.parametrize("case_id", golden_ids("switch.sample", "v2.sample"))
def test_a_whole_run_of_the_sampler(case_id: str, tmp_path: Path) -> None:
    case = GOLDEN.case(case_id)
    params, name = case["params"], {"switch": "v1.5", "v2": "v2"}[case_id.split(".")[0]]
    engine = golden_engine(name, tmp_path)
    if "conditions" in params:
        conditions = GOLDEN.case(params["conditions"])
        settings = settings_of({**conditions["params"], **params}, name)
        conditioning = Inputs(conditions, name, settings).conditioning()
    else:
        settings = Settings(reference_guidance=params["gs_reference"])
        with torch.no_grad():
            tokens = reference_encoder_of(GOLDEN, name)(tensor(GOLDEN, case, "reference"))
        conditioning = engine.condition(tensor(GOLDEN, case, "sketch"), tokens, settings)
    with engine.denoiser(conditioning, settings) as denoise, torch.no_grad():
        z = dpm(denoise, engine.schedule.alphas_cumprod, tensor(GOLDEN, case, "x_T"), params["steps"])
    GOLDEN.check(case, "z", z.numpy())
