"""What goes with the loop: --dry-run, export, sample grids, the benchmark, the plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.read import read
from lib_colorize.engine.contact_sheet import GAP, HEADER
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.guidance import Branch
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.spatial_transformer import Attention
from lib_colorize.method.unet import UNet
from tests.training_runs import encoders, make_pictures, reset_accelerate, tiny, trainer
from training.dataset.cache import Networks, build_cache
from training.dataset.pairs import open_pairs
from training.trainer import ablations, bench, export, loop, token_noise
from training.trainer import run as train
from training.trainer import run_folder as stored
from training.trainer import sample_grids as samples
from training.trainer.dataclass_json import to_plain
from training.trainer.networks import cross_attention_blocks
from training.trainer.objective import Objective
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import TokenNoise
from training.trainer.recipes import RECIPES
from training.trainer.run_description import claim
from training.trainer.straightforward import EinsumAttention

pytestmark = pytest.mark.usefixtures("fresh_accelerate")


def run(recipe: Recipe, folder: Path) -> Path:
    """A finished run of a few steps, as train.py leaves it but for the export."""
    out = folder / "run"
    made = trainer(recipe, make_pictures(folder / "data"), out)
    claim(out, {"preset": "p", "seed": 0, "samples": 6, "cached": False, "recipe": to_plain(recipe)})
    vae = made.encoders.vae
    assert vae is not None
    export.keep_vae(out, vae)
    assert loop.train(made, 8, {})
    return out


@pytest.fixture(scope="module")
def pocket(module_folder: Path) -> Path:
    found = run(tiny("pocket", "run.save_every=4", "optimizer.warmup=0"), module_folder)
    reset_accelerate()
    return found


def test_an_export_without_average_is_the_weights_and_with_it_the_average(pocket: Path, tmp_path: Path) -> None:
    weights = stored.weights(stored.checkpoints(pocket)[-1])
    average = torch.load(stored.checkpoints(pocket)[-1] / "ema-0.pt", weights_only=True)["shadow"]
    export.export_run(pocket, tmp_path / "raw.safetensors", "fp32", ema=False)
    export.export_run(pocket, tmp_path / "ema.safetensors", "fp32")
    raw, ema = load_file(tmp_path / "raw.safetensors"), load_file(tmp_path / "ema.safetensors")
    first = PARTS["unet"] + "time_embed.0.weight"  # the first parameter of the U-Net, and so of the model
    assert torch.equal(raw[first], weights["unet.time_embed.0.weight"]) and torch.equal(ema[first], average[0])
    changed = [key for key in raw if key.startswith(PARTS["unet"]) and not torch.equal(raw[key], ema[key])]
    assert changed
    assert all(torch.equal(raw[key], ema[key]) for key in raw if key.startswith(PARTS["vae"]))


@pytest.mark.parametrize("name, dtype", [("fp32", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_an_export_has_its_number_format_and_colours_in_the_engine(
    pocket: Path, tmp_path: Path, name: str, dtype: torch.dtype,
) -> None:
    assert export.export_run(pocket, tmp_path / "out.safetensors", name) == 8
    assert {value.dtype for value in load_file(tmp_path / "out.safetensors").values()} == {dtype}
    card = read(tmp_path / "out.safetensors").card
    assert card.prediction is Prediction.V and card.training["images"] == 8 and card.license == export.UNKNOWN_LICENCE
    engine = Engine.load(tmp_path / "out.safetensors")
    lines = np.full((64, 64, 3), 255, np.uint8)
    lines[20:22] = 0
    sketch = Image.fromarray(lines)
    result, = engine.colorize(sketch, sketch, Settings(steps=2, seed=1))
    assert result.image.size == (64, 64)


@pytest.mark.parametrize("preset", ["cls-0.1", "proj-0.1", "v1-512"])
def test_an_exported_ablation_is_read_as_the_model_that_was_trained(tmp_path: Path, preset: str) -> None:
    out = run(tiny(preset, "optimizer.ema_decay=0"), tmp_path)
    export.export_run(out, tmp_path / "out.safetensors", "fp32")
    model, card = ablations.load_ablation(tmp_path / "out.safetensors")
    assert card.tokens == RECIPES[preset].tokens.value
    weights = stored.weights(stored.checkpoints(out)[-1])
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_a_run_without_a_checkpoint_cannot_be_exported(tmp_path: Path) -> None:
    claim(tmp_path, {"preset": "p", "seed": 0, "samples": 8, "recipe": to_plain(tiny("pocket"))})
    with pytest.raises(ColorizeError, match="no checkpoint yet"):
        export.export_run(tmp_path, tmp_path / "out.safetensors")


def test_a_decoder_is_replaced_only_if_the_encoder_is_the_same(pocket: Path, tmp_path: Path) -> None:
    export.export_run(pocket, tmp_path / "out.safetensors", "fp32")
    vae = load_file(pocket / export.VAE_FILE)
    vae["decoder.conv_out.bias"] = vae["decoder.conv_out.bias"] + 1
    torch.save(vae, tmp_path / "better.pt")
    export.with_decoder(tmp_path / "out.safetensors", tmp_path / "better.pt", tmp_path / "new.safetensors")
    found = read(tmp_path / "new.safetensors").vae
    assert found is not None and torch.equal(found["decoder.conv_out.bias"], vae["decoder.conv_out.bias"])
    vae["encoder.conv_in.bias"] = vae["encoder.conv_in.bias"] + 1
    torch.save(vae, tmp_path / "other.pt")
    with pytest.raises(ColorizeError, match="its encoder is not the one"):
        export.with_decoder(tmp_path / "out.safetensors", tmp_path / "other.pt", tmp_path / "new2.safetensors")


def test_samples_of_a_model_are_those_of_the_engine(pocket: Path, tmp_path: Path) -> None:
    """Another path through the same weights: hooks and replaced attention there, the model as a whole here."""
    export.export_run(pocket, tmp_path / "out.safetensors", "fp32")
    engine = Engine.load(tmp_path / "out.safetensors")
    model, _ = ablations.load_ablation(tmp_path / "out.safetensors")
    torch.manual_seed(0)
    sketch, reference = (torch.rand(1, 3, 64, 64) * 2 - 1 for _ in range(2))
    settings = Settings(steps=3, seed=7, reference_guidance=3.0, sketch_guidance=2.0)
    found = samples.colorize(model, NoiseSchedule(alphas_cumprod()), Prediction.V, reference, sketch, (4, 8, 8),
                             settings)
    assert model.reference_encoder is not None
    with torch.no_grad():
        tokens = model.reference_encoder(reference)
    with engine.denoiser(engine.condition(sketch, tokens, settings), settings) as denoise:
        expected = engine.sample_seed(denoise, settings, (1, 4, 8, 8))
    assert float((found - expected).norm() / expected.norm()) < 1e-4


def test_a_grid_shows_each_sketch_with_its_own_and_with_another_reference(tmp_path: Path) -> None:
    recipe = tiny("pocket")
    pairs = open_pairs(make_pictures(tmp_path / "data"), recipe.data)
    examples = samples.Examples.of(pairs, 3)
    calls: list[Branch] = []

    def model(x, t, sketch, reference, change):
        calls.append(Branch.FULL)
        return torch.zeros_like(x)

    image = samples.sample_grid(model, examples, encoders(recipe), Objective.of(recipe), torch.device("cpu"), 1)
    step = 64 + GAP
    assert image.size == (5 * step + GAP, HEADER + 3 * step + GAP) and len(calls) == 6
    sheet = np.asarray(image)
    assert (sheet[:HEADER].min(axis=(1, 2)) < 128).any()  # captions
    cells = [[sheet[top:top + 64, left:left + 64] for left in range(GAP, 5 * step, step)]
             for top in range(HEADER + GAP, HEADER + 3 * step, step)]
    for i in range(3):
        assert np.array_equal(cells[i][3], cells[(i + 1) % 3][1])  # the next pair's reference
        lines = 1 - examples.batches[i].sketch[0].permute(1, 2, 0).numpy()
        assert np.abs(cells[i][0].astype(int) - (lines * 127.5).round()).max() <= 1  # black lines on white


def test_the_same_run_makes_the_same_bytes(pocket: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        export.export_run(pocket, tmp_path / name / "out.safetensors")
    contents = {(tmp_path / name / "out.safetensors").read_bytes() for name in ("one", "two", "three")}
    assert len(contents) == 1


@pytest.mark.parametrize("kinds", [("latents",), ("latents", "tokens")])
def test_a_cached_run_needs_only_the_encoders_that_are_not_cached(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    recipe = tiny("v1-512", f"run.cache={tmp_path / 'cache'}", "data.crop=centre", "data.flip=false")
    frozen = encoders(recipe)
    pairs = open_pairs(make_pictures(tmp_path / "data"), recipe.data)
    cached_too = frozen.reference_encoder if "tokens" in kinds else None
    build_cache(pairs, tmp_path / "cache", Networks(frozen.vae, cached_too), report=lambda line: None)
    cached, left = train.with_cache(pairs, recipe, frozen, tmp_path / "run", Accelerator(cpu=True))
    assert (left.reference_encoder is None) == ("tokens" in kinds)
    plain, stored_batch = pairs.batch([2, 4], 0, 0), cached.batch([2, 4], 0, 0)
    for mine, theirs in zip(left.moments(stored_batch), frozen.moments(plain)):
        assert float((mine - theirs).abs().max()) < 2e-3  # half precision on disk
    assert float((left.reference(stored_batch) - frozen.reference(plain)).abs().max()) < 5e-3


def test_einsum_attention_is_the_fused_one() -> None:
    torch.manual_seed(0)
    fused = cross_attention_blocks(UNet(tiny("pocket").networks.unet))[0][1].attn2
    assert isinstance(fused, Attention)
    x, context = torch.randn(2, 7, fused.to_q.in_features), torch.randn(2, 3, fused.to_k.in_features)
    assert torch.allclose(EinsumAttention(fused)(x, context), fused(x, context), atol=1e-5)


@pytest.mark.parametrize("preset", ["pocket", "v1-512"])
def test_the_benchmark_runs_every_loop(preset: str) -> None:
    found = bench.bench(tiny(preset), rounds=1, steps=1)
    rates = found["images_per_second"]
    assert set(rates) == {"straightforward", "ours, nothing cached", "ours, cached"}
    assert all(rate > 0 for rate in rates.values())
    assert found["times_faster"]["ours, cached"] == pytest.approx(rates["ours, cached"] / rates["straightforward"])


def test_the_plot_shows_the_papers_and_the_released_noise(tmp_path: Path) -> None:
    schedule = NoiseSchedule(alphas_cumprod())
    paper, released = (token_noise.level(schedule, kind) for kind in (TokenNoise.PAPER, TokenNoise.RELEASED))
    assert torch.equal(paper[:900], released[:900])
    assert released[900:].tolist() == pytest.approx(paper[:100].flip(0).tolist())
    assert float(paper[999]) == pytest.approx((1 - float(schedule.alphas_cumprod[999])) ** 0.5)
    token_noise.plot_token_noise(tmp_path / "plot.png")
    assert Image.open(tmp_path / "plot.png").size[0] > 500
