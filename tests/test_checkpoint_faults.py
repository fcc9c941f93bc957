"""What is wrong with a checkpoint file, said in one sentence, and mended where it can be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lib_colorize.checkpoint.convert import convert
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.report import describe_checkpoint, inspect
from lib_colorize.cli import commands as cli
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import colorize_file
from lib_colorize.models.scan import problem_of
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

WRAPPED: dict[str, Callable[[str], str]] = {
    "module.": lambda key: f"module.{key}",
    "twice": lambda key: f"model.{key}",
    "net.module.": lambda key: f"net.module.{key}",
    "compiled": lambda key: f"_orig_mod.{key}",
    "inside": lambda key: key.replace("n_model.", "n_model._orig_mod.").replace("encoder.", "encoder.module.", 1),
    "U-Net alone": lambda key: f"model.{key}" if key.startswith("model.") else key,
}


@pytest.fixture(scope="module")
def whole(module_folder: Path) -> Path:
    draw_sketch(module_folder / "sketch.png")
    draw_reference(module_folder / "reference.png")
    return write_checkpoint(module_folder / "whole.safetensors")


def changed(whole: Path, path: Path, change: Callable[[dict[str, Tensor]], Mapping[str, Tensor]],
            metadata: bool = True) -> Path:
    """A copy of the file with other tensors."""
    with safe_open(whole, "pt") as file:
        said = file.metadata()
    save_file(dict(change({key: value.clone() for key, value in load_file(whole).items()})), path,
              said if metadata else None)
    return path


def colorize(checkpoint: Path, output: Path) -> int:
    folder = checkpoint.parent
    return cli.main(["colorize", str(folder / "sketch.png"), str(folder / "reference.png"), "-o", str(output),
                     "--checkpoint", str(checkpoint), "--device", "cpu", "--steps", "1", "--quiet"])


@pytest.mark.parametrize("how", WRAPPED)
@pytest.mark.parametrize("pickled", (False, True))
def test_keys_with_a_wrappers_names_are_told_and_converted(
    how: str, pickled: bool, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    if pickled:
        bad = tmp_path / "bad.ckpt"
        torch.save({"state_dict": {WRAPPED[how](key): value for key, value in load_file(whole).items()}}, bad)
    else:
        bad = changed(whole, tmp_path / "bad.safetensors",
                      lambda tensors: {WRAPPED[how](key): value for key, value in tensors.items()})
    if not pickled:
        with pytest.raises(ColorizeError, match=r"wrapper's names \(.* for .*\); `convert"):
            read(bad)
        assert "wrapper's names" in describe_checkpoint(inspect(bad)) and "`convert" in problem_of(inspect(bad))
        found = colorize_file(bad)
        assert found is not None and "`convert" in found.problem  # a page says so too
        assert cli.main(["convert", str(bad), str(tmp_path / "good.safetensors")]) == 0
        capsys.readouterr()
    else:  # without metadata the heads' width must be given
        with safe_open(whole, "pt") as file:
            heads = head_sizes(file.metadata())
        convert(bad, tmp_path / "good.safetensors", overrides=heads)
    good, old = load_file(tmp_path / "good.safetensors"), load_file(whole)
    assert good.keys() == old.keys() and all(torch.equal(good[key], old[key]) for key in old)


def head_sizes(metadata: Mapping[str, str]) -> dict[str, int]:
    sizes = json.loads(metadata["colorize"])["sizes"]
    return {"num_head_channels": sizes["unet"]["num_head_channels"], "head_width": sizes["reference"]["head_width"]}


def test_two_keys_that_would_become_one_are_not_mended(whole: Path, tmp_path: Path) -> None:
    bad = changed(whole, tmp_path / "bad.safetensors",
                  lambda tensors: tensors | {f"module.{key}": value.clone() for key, value in tensors.items()})
    assert inspect(bad).wrapped == {}
    with pytest.raises(ColorizeError, match="unexpected"):
        read(bad)


@pytest.mark.parametrize("dtype", (torch.int8, torch.uint8, torch.int32))
@pytest.mark.parametrize("part", ("model.diffusion_model.", "control_encoder.", "cond_stage_model.",
                                  "first_stage_model."))
def test_quantised_weights_are_told_before_anything_is_loaded(
    dtype: torch.dtype, part: str, whole: Path, tmp_path: Path,
) -> None:
    bad = changed(whole, tmp_path / "bad.safetensors", lambda tensors: {
        key: (value * 10).to(dtype) if key.startswith(part) else value for key, value in tensors.items()})
    with pytest.raises(ColorizeError, match=rf"bad\.safetensors: {part}[^ ]* is of u?int\d+ num.*, so quant.*16"):
        read(bad)
    with pytest.raises(ColorizeError, match="quantised"):
        convert(bad, tmp_path / "good.safetensors", "fp16")
    assert "quantised" in describe_checkpoint(inspect(bad)) and "quantised" in problem_of(inspect(bad))
    found = colorize_file(bad)
    assert found is not None and "quantised" in found.problem


def test_scales_beside_the_weights_are_told(whole: Path, tmp_path: Path) -> None:
    key = "model.diffusion_model.out.2.weight"
    bad = changed(whole, tmp_path / "bad.safetensors", lambda tensors: {
        **tensors, key: tensors[key].to(torch.float8_e4m3fn), key.replace("weight", "scale_weight"): torch.ones(1)})
    with pytest.raises(ColorizeError, match="quantised .*scale_weight"):
        read(bad)


def test_fp8_is_rounded_and_no_more_and_runs(whole: Path, tmp_path: Path) -> None:
    for name in ("sketch.png", "reference.png"):
        (tmp_path / name).write_bytes((whole.parent / name).read_bytes())
    eight = changed(whole, tmp_path / "eight.safetensors", lambda tensors: {
        key: value.to(torch.float8_e4m3fn) for key, value in tensors.items()})
    rounded = changed(whole, tmp_path / "rounded.safetensors", lambda tensors: {
        key: value.to(torch.float8_e4m3fn).float() for key, value in tensors.items()})
    assert "fp8 (e4m3)" in describe_checkpoint(inspect(eight))
    assert colorize(eight, tmp_path / "a.png") == 0 and colorize(rounded, tmp_path / "b.png") == 0
    a, b = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("a.png", "b.png"))
    assert abs(a - b).max() <= 1  # where weights lie in memory decides the last bit


@pytest.mark.parametrize("value", (float("nan"), float("inf")))
@pytest.mark.parametrize("key", ("model.diffusion_model.out.2.bias", "control_encoder.zero_layer.0.weight",
                                 "first_stage_model.decoder.conv_out.bias", "cond_stage_model.visual.model.proj"))
def test_the_weight_that_is_no_number_is_named(
    key: str, value: float, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    def spoil(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        tensors[key].view(-1)[0] = value
        return tensors

    for name in ("sketch.png", "reference.png"):
        (tmp_path / name).write_bytes((whole.parent / name).read_bytes())
    assert colorize(changed(whole, tmp_path / "bad.safetensors", spoil), tmp_path / "a.png") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(rf"bad\.safetensors: 1 of the \d+ values of {re.escape(key)} are not numbers", said)
    assert not (tmp_path / "a.png").exists()


def test_a_file_whose_metadata_is_gone_says_what_is_missing(whole: Path, tmp_path: Path) -> None:
    bad = changed(whole, tmp_path / "bad.safetensors", lambda tensors: tensors, metadata=False)
    with pytest.raises(ColorizeError, match="only in its metadata, which a tool .* use the file as it was written"):
        read(bad)


def test_a_gguf_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ColorizeError, match="GGUF"):
        inspect(tmp_path / "a.gguf")
