"""Start weights: SD2 files with either shape of projections, pickles, own checkpoints, nothing, and wrong files."""

from __future__ import annotations

import pickle
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.layout import is_projection
from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tests.training_runs import tiny
from training.trainer.dataclass_json import to_plain
from training.trainer.export import model_card, split, write_all
from training.trainer.initial_weights import load_reference_encoder, load_start, load_vae
from training.trainer.networks import Model
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Encoder, Tokens

RECIPE = tiny("v1-512")


def model(recipe: Recipe, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return Model(recipe)


def from_file(path: Path, recipe: Recipe = RECIPE) -> Recipe:
    return replace(recipe, start=replace(recipe.start, checkpoint=str(path)))


@pytest.fixture(scope="module")
def sd2() -> dict[str, Tensor]:
    """What a file of Stability has: U-Net, VAE, text encoder, schedule; tiny."""
    assert RECIPE.networks.vae
    torch.manual_seed(9)
    state = {PARTS["unet"] + k: torch.randn_like(v) for k, v in model(RECIPE).unet.state_dict().items()}
    state |= {PARTS["vae"] + k: v for k, v in AutoencoderKL(RECIPE.networks.vae).state_dict().items()}
    return {**state, "cond_stage_model.model.ln_final.weight": torch.ones(3), "betas": torch.ones(10)}


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_an_sd2_file_gives_its_u_net_whatever_the_shape_of_its_projections(
    sd2: dict[str, Tensor], tmp_path: Path, linear: bool, suffix: str,
) -> None:
    state = {k: v[:, :, 0, 0].contiguous() if linear and is_projection(k) and v.ndim == 4 else v
             for k, v in sd2.items()}
    file = tmp_path / f"sd{suffix}"
    if suffix == ".ckpt":
        torch.save({"state_dict": state, "global_step": 7}, file)
    else:
        save_file(state, file)
    trained = model(RECIPE)
    first = {k: v.clone() for k, v in trained.state_dict().items()}
    report = load_start(trained, from_file(file))
    after = trained.state_dict()
    for key, value in after.items():
        expected = sd2[PARTS["unet"] + key.removeprefix("unet.")] if key.startswith("unet.") else first[key]
        assert torch.equal(value, expected), key
    assert set(report.missing) == {k for k in after if k.startswith("sketch_encoder.")}
    assert not report.unexpected and len(report.loaded) + len(report.missing) == len(after)
    vae_tensors = sum(k.startswith(PARTS["vae"]) for k in sd2)
    assert dict(report.unused) == {"vae": vae_tensors, "text_encoder": 1, "schedule": 1}
    assert f"loaded {len(report.loaded)} tensors" in str(report) and "missing" in str(report)


def test_a_cls_network_takes_all_but_queries_and_keys_of_an_sd2_file(sd2: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(sd2, tmp_path / "sd.safetensors")
    recipe = replace(RECIPE, tokens=Tokens.CLS)
    report = load_start(model(recipe), from_file(tmp_path / "sd.safetensors", recipe))
    assert report.unexpected and all(".attn2.to_" in key for key in report.unexpected)
    assert not [key for key in report.missing if key.startswith("unet.")]


def test_a_frozen_reference_encoder_must_come_with_the_file(sd2: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(sd2, tmp_path / "sd.safetensors")
    for encoder, refused in ((Encoder.FROZEN, True), (Encoder.TRAINED, False), (Encoder.OUTSIDE, False)):
        recipe = replace(RECIPE, reference_encoder=encoder)
        with pytest.raises(ColorizeError, match="no reference encoder inside") if refused else nullcontext():
            load_start(model(recipe), from_file(tmp_path / "sd.safetensors", recipe))


@pytest.mark.parametrize("kind", list(Tokens))
def test_an_exported_checkpoint_starts_another_run_with_every_tensor(tmp_path: Path, kind: Tokens) -> None:
    recipe = replace(RECIPE, tokens=kind)
    source = model(recipe, seed=4)
    assert recipe.networks.vae
    torch.manual_seed(2)
    vae = AutoencoderKL(recipe.networks.vae).state_dict()
    parts, extra = split(source, source.state_dict(), vae)
    write_all(tmp_path / "ours.safetensors", parts, extra, model_card(recipe, {"recipe": to_plain(recipe)}))
    target = model(recipe, seed=5)
    report = load_start(target, from_file(tmp_path / "ours.safetensors", recipe))
    assert not report.missing
    assert all(torch.equal(v, target.state_dict()[k]) for k, v in source.state_dict().items())
    found = load_vae(from_file(tmp_path / "ours.safetensors", recipe))
    assert found is not None and all(torch.equal(v, found.state_dict()[k]) for k, v in vae.items())


def test_from_nothing_everything_is_missing_and_nothing_changes() -> None:
    trained = model(RECIPE)
    first = {k: v.clone() for k, v in trained.state_dict().items()}
    report = load_start(trained, RECIPE)
    assert set(report.missing) == set(first) and "from nothing" in str(report)
    assert all(torch.equal(v, first[k]) for k, v in trained.state_dict().items())


@pytest.mark.parametrize("damage, words", [
    (lambda s: {k: v for k, v in s.items() if "time_embed.0" not in k}, ("2 missing", "time_embed.0.weight")),
    (lambda s: {**s, PARTS["unet"] + "label_emb.weight": torch.ones(2)}, ("1 unexpected", "label_emb")),
    (lambda s: {**s, PARTS["unet"] + "out.2.bias": torch.ones(9)}, ("out.2.bias [9]", "[4]")),
    (lambda s: {k: v for k, v in s.items() if not k.startswith(PARTS["unet"])}, ("no U-Net inside",)),
    (lambda s: {**s, PARTS["sketch_encoder"] + "model.0.bias": torch.ones(16)}, ("missing", "sketch_encoder")),
])
def test_a_file_that_does_not_fit_is_refused_and_says_why(sd2, tmp_path: Path, damage, words) -> None:
    save_file(damage(dict(sd2)), tmp_path / "sd.safetensors")
    with pytest.raises(ColorizeError) as error:
        load_start(model(RECIPE), from_file(tmp_path / "sd.safetensors"))
    assert all(word in str(error.value) for word in words), error.value


class Payload:
    """Runs code when it is unpickled by anything but a reader of weights."""

    def __reduce__(self) -> tuple[object, ...]:
        return print, ("executed",)


def test_a_pickle_with_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"state_dict": Payload()}))
    with pytest.raises(ColorizeError):
        load_start(model(RECIPE), from_file(tmp_path / "evil.ckpt"))
    assert "executed" not in capsys.readouterr().out


def test_a_missing_file_says_where_it_belongs_and_how_to_go_without() -> None:
    with pytest.raises(ColorizeError, match=r"nowhere.ckpt: no such file.*start.checkpoint=FILE.*=none"):
        load_start(model(RECIPE), from_file(Path("nowhere.ckpt")))


def test_the_reference_encoder_of_another_size_is_refused(tmp_path: Path) -> None:
    assert RECIPE.networks.reference
    torch.manual_seed(0)
    encoder = ReferenceEncoder(RECIPE.networks.reference)
    save_file(encoder.state_dict(), tmp_path / "vit.safetensors")
    start = replace(RECIPE.start, reference_encoder=str(tmp_path / "vit.safetensors"))
    found = load_reference_encoder(replace(RECIPE, start=start))
    assert found is not None
    assert all(torch.equal(v, found.state_dict()[k]) for k, v in encoder.state_dict().items())
    vision = replace(RECIPE.networks.reference, layers=2)
    with pytest.raises(ColorizeError, match=r"layers=1.*layers=2"):
        load_reference_encoder(replace(RECIPE, networks=replace(RECIPE.networks, reference=vision), start=start))
