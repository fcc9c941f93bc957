"""Converting changes what was asked for and nothing else; hosts find the networks that the .yaml names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lib_colorize.checkpoint import convert as converting
from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.convert import convert
from lib_colorize.checkpoint.identify import Told
from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.layout import is_projection
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.parts import SCHEDULE_BUFFERS
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.report import inspect
from lib_colorize.checkpoint.write import write
from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import Prediction
from tests.standalone_models import write_variant
from tests.test_checkpoint_write import MINI, WIDTHS, content, release, released_file, same, states

__all__ = ["release"]  # a fixture


def test_released_to_ours_and_back_is_bit_equal(release: Path, tmp_path: Path) -> None:
    ours, back = tmp_path / "ours.safetensors", tmp_path / "back.safetensors"
    info = convert(release, ours, projections="linear", prediction=Prediction.EPS, overrides=WIDTHS)
    assert (info.kind, info.prediction, info.told) == (Kind.OURS, Prediction.EPS, Told.USER)
    assert info.config.unet.linear_projections and not info.differing
    convert(ours, back, projections="conv")  # the head widths are in the metadata now
    assert same(content(back)[0], content(release)[0])
    first, second = content(ours)[1], content(back)[1]
    assert {k: v for k, v in first.items() if k != "colorize"} == {k: v for k, v in second.items() if k != "colorize"}
    assert same(read(ours).unet, read(back).unet)


def test_number_format_is_changed_but_not_that_of_the_schedule(release: Path, tmp_path: Path) -> None:
    before, _ = content(release)
    for name, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16), ("fp32", torch.float32)):
        convert(release, tmp_path / f"{name}.safetensors", name, overrides=WIDTHS)
        after, _ = content(tmp_path / f"{name}.safetensors")
        assert set(after) == set(before)
        for key, value in after.items():
            assert torch.equal(value, before[key] if key in SCHEDULE_BUFFERS else before[key].to(dtype)), key
            assert value.dtype == (torch.float32 if key in SCHEDULE_BUFFERS else dtype), key


def test_mixed_formats_integers_and_metadata_are_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    card = ModelCard(MINI, Prediction.V, training={"steps": 3}, title="mine", license="CC BY 4.0", resolution=128)
    write(source, states(), card, {"other": "entry"})
    info = convert(source, target)
    assert same(content(source)[0], content(target)[0])
    assert content(source)[1] == content(target)[1]
    assert (info.card, info.told) == (card, Told.METADATA)


def test_only_the_unet_projections_change_their_shape(release: Path, tmp_path: Path) -> None:
    convert(release, tmp_path / "x.safetensors", projections="linear", overrides=WIDTHS)
    before, after = content(release)[0], content(tmp_path / "x.safetensors")[0]
    changed = {key for key in before if before[key].shape != after[key].shape}
    assert changed == {key for key in before if key.startswith(PARTS["unet"]) and is_projection(key)}
    assert len(changed) == 2 * 7  # transformers: two in the encoder, the middle, four in the decoder
    assert all(after[key].ndim == 2 and torch.equal(after[key], before[key][:, :, 0, 0]) for key in changed)


@pytest.mark.parametrize(("variant", "kind"), [("v1.5", Kind.V1_5), ("v2", Kind.V2)])
def test_parts_of_later_variants_are_carried_along(tmp_path: Path, variant: str, kind: Kind) -> None:
    source = write_variant(tmp_path / "later.safetensors", variant)
    info = convert(source, tmp_path / "x.safetensors", dtype="bf16", projections="linear")
    assert (info.kind, info.card.variant, bool(info.differing)) == (kind, variant, False)
    before, after = content(source)[0], content(tmp_path / "x.safetensors")[0]
    assert set(before) == set(after)
    assert all(torch.equal(value, before[key].to(torch.bfloat16).view(value.shape)) for key, value in after.items())


def test_a_model_of_unknown_prediction_type_gets_no_host_file(release: Path, tmp_path: Path) -> None:
    info = convert(release, tmp_path / "x.safetensors", overrides=WIDTHS)
    assert info.prediction is None
    assert "x.yaml not written" in info.notes[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("projections", ["conv", "linear"])
def test_a_host_can_load_the_networks_that_the_yaml_names(
    projections: str, release: Path, tmp_path: Path,
) -> None:
    openaimodel = pytest.importorskip("ldm.modules.diffusionmodules.openaimodel")
    target = tmp_path / "x.safetensors"
    convert(release, target, projections=projections, prediction=Prediction.V, overrides=WIDTHS)
    text = (tmp_path / "x.yaml").read_text()
    params = json.loads("".join(line for line in text.splitlines(True) if not line.startswith("#")))["model"]["params"]
    assert params["parameterization"] == "v"
    assert params["cond_stage_config"]["params"]["version"] is None  # else hosts download a text encoder
    unet = params["unet_config"]
    assert unet["target"] == "ldm.modules.diffusionmodules.openaimodel.UNetModel"
    with torch.device("meta"):
        model = openaimodel.UNetModel(**unet["params"])
    state = {k[len(PARTS["unet"]):]: v for k, v in content(target)[0].items() if k.startswith(PARTS["unet"])}
    assert {k: v.shape for k, v in model.state_dict().items()} == {k: v.shape for k, v in state.items()}
    assert params["first_stage_config"]["params"]["ddconfig"]["ch"] == MINI.vae.ch


def test_host_file_is_yaml(release: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    convert(release, tmp_path / "x.safetensors", prediction=Prediction.EPS, overrides=WIDTHS)
    params = yaml.safe_load((tmp_path / "x.yaml").read_text())["model"]["params"]
    assert (params["parameterization"], params["linear_start"], params["linear_end"]) == ("eps", 0.00085, 0.012)


def test_nothing_is_overwritten_unless_asked(release: Path, tmp_path: Path) -> None:
    target, widths = tmp_path / "x.safetensors", WIDTHS
    for existing in (target, tmp_path / "x.yaml"):
        existing.write_bytes(b"precious")
        with pytest.raises(ColorizeError, match="exists already"):
            convert(release, target, prediction=Prediction.EPS, overrides=widths)
        assert existing.read_bytes() == b"precious"
        existing.unlink()
    target.write_bytes(b"precious")
    convert(release, target, prediction=Prediction.EPS, overrides=widths, overwrite=True)
    assert inspect(target).kind is Kind.OURS
    before = {key: value.clone() for key, value in content(target)[0].items()}  # no longer of the file
    convert(target, target, overwrite=True)  # onto itself
    assert same(content(target)[0], before)


def test_a_failed_conversion_leaves_nothing(release: Path, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(card: ModelCard) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(converting, "host_config", full_disk)
    with pytest.raises(ColorizeError, match="No space left"):
        convert(release, tmp_path / "x.safetensors", prediction=Prediction.V, overrides=WIDTHS)
    assert list(tmp_path.iterdir()) == []


def test_numbers_too_large_for_half_precision_are_an_error(tmp_path: Path) -> None:
    key = "control_encoder.zero_layer.0.bias"
    channels = MINI.sketch.model_channels
    source = released_file(tmp_path / "a.safetensors", **{key: torch.full((channels,), 1e6)})
    with pytest.raises(ColorizeError, match=f"{key} holds numbers up to 1e"):
        convert(source, tmp_path / "b.safetensors", "fp16", overrides=WIDTHS)
    convert(source, tmp_path / "b.safetensors", "bf16", overrides=WIDTHS)


def test_wrong_requests_are_clear_errors(release: Path, tmp_path: Path) -> None:
    widths, target = WIDTHS, tmp_path / "x.safetensors"
    for arguments, says in (
        ((release, target, "fp8"), "number format"), ((release, target, None, "flat"), "projections"),
        ((release, tmp_path / "x.ckpt"), "ends in .safetensors"), ((tmp_path / "none", target), "no such file"),
        ((release, tmp_path / "none" / "x.safetensors"), "no folder"),
    ):
        with pytest.raises(ColorizeError, match=says):
            convert(*arguments, overrides=widths)
    clip = tmp_path / "clip.safetensors"
    save_file({"visual.conv1.weight": torch.zeros(4, 3, 2, 2), "visual.class_embedding": torch.zeros(4),
               "visual.ln_pre.weight": torch.zeros(4)}, clip)
    with pytest.raises(ColorizeError, match="reference encoder.*nothing to convert"):
        convert(clip, target)
    assert {p.name for p in tmp_path.iterdir()} == {"clip.safetensors"}
