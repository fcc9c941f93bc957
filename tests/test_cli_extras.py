"""The command line's further pictures and text half: what is typed, what is refused, and a picture made again."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lib_colorize.checkpoint.text_half import text_shapes
from lib_colorize.cli.extra_options import add_extra_options, given_pictures
from lib_colorize.cli.random_networks import random_tensors
from lib_colorize.cli.result_file import read_record
from lib_colorize.errors import ColorizeError
from lib_colorize.method.text.tower import TextConfig
from tests.coloured_files import again, colorize, pixels
from tests.standalone_models import VISION, draw_reference, draw_sketch, write_checkpoint

TEXT = TextConfig(77, 49408, 64, 1, 1, 2.0, VISION.output_dim)


@pytest.fixture(scope="module")
def inputs(module_folder: Path) -> Path:
    write_checkpoint(module_folder / "model.safetensors")
    save_file(random_tensors(text_shapes(TEXT), torch.float16), module_folder / "text.safetensors")
    draw_sketch(module_folder / "sketch.png")
    draw_reference(module_folder / "reference.png")
    draw_reference(module_folder / "other.png", "green")
    mask = Image.new("L", (80, 60))
    mask.paste(255, (0, 0, 40, 60))
    mask.save(module_folder / "left.png")
    return module_folder


def typed(*words: str) -> tuple[dict[str, str], dict[str, float]]:
    command = argparse.ArgumentParser(exit_on_error=False)
    add_extra_options(command)
    return given_pictures(command.parse_args(words))


def test_weight_and_region_belong_to_the_reference_named_last() -> None:
    assert typed() == ({}, {})
    assert typed("--region", "l", "--weight", "0.5", "--also", "b", "--also", "c", "--weight", "2", "--region", "r",
                 "--background", "bg", "--sketch-mask", "s", "--reference-mask", "m") == (
        {"sketch_mask": "s", "reference_mask": "m", "background": "bg", "reference_region": "l", "reference_2": "b",
         "reference_3": "c", "reference_3_region": "r"}, {"reference": 0.5, "reference_3": 2.0})


def test_a_second_call_does_not_see_the_first() -> None:
    typed("--also", "b")
    assert typed("--weight", "2") == ({}, {"reference": 2.0})


def test_five_references_are_refused() -> None:
    with pytest.raises(ColorizeError, match="5 references"):
        typed(*["--also", "x"] * 4)


@pytest.mark.parametrize(("words", "says"), [
    (("--also", "b", "--weight", "1", "--weight", "2"), "two for one reference"), (("--weight", "-1"), "'-1'"),
    (("--weight", "much"), "'much'"), (("--weight", "nan"), "'nan'"), (("--background", ""), "empty name"),
    (("--also", "no-such-file.png"), "no-such-file"), (("--text-target", "x", "--text-threshold-0", "0.9"), "rising"),
])
def test_what_cannot_be_is_one_sentence(inputs, tmp_path, capsys, words, says) -> None:
    assert colorize(inputs, tmp_path / "a.png", *words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not (tmp_path / "a.png").exists()


def test_a_further_picture_is_never_written_over(inputs, tmp_path, capsys) -> None:
    before = (inputs / "other.png").read_bytes()
    assert colorize(inputs, inputs / "other.png", "--also", str(inputs / "other.png"), "--force") == 2
    assert "one of the inputs" in capsys.readouterr().err and (inputs / "other.png").read_bytes() == before


def test_a_picture_changed_by_text_is_made_again_from_the_same_text_half(inputs, tmp_path, capsys) -> None:
    texts = tmp_path / "texts.safetensors"
    texts.write_bytes((inputs / "text.safetensors").read_bytes())
    words = ("--text-target", "blue hair", "--text-control", "hair")
    assert colorize(inputs, tmp_path / "a.png", *words, "--text-encoder", str(texts)) == 0
    assert colorize(inputs, tmp_path / "plain.png") == 0
    assert not np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "plain.png"))
    assert set(read_record(tmp_path / "a.png").files) == {"text_encoder"}
    assert read_record(tmp_path / "plain.png").files == {}
    assert again(tmp_path / "a.png", tmp_path / "b.png") == 0
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))
    texts.rename(tmp_path / "moved.safetensors")
    assert again(tmp_path / "a.png", tmp_path / "c.png") == 2 and "text encoder" in capsys.readouterr().err
    assert again(tmp_path / "a.png", tmp_path / "c.png", "--text-encoder", str(tmp_path / "moved.safetensors")) == 0
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "c.png"))


@pytest.mark.parametrize("words", [("--background", "other.png"), ("--weight", "2"), ("--text-encoder", "other.png")])
def test_a_picture_made_without_such_a_file_is_not_made_again_with_it(inputs, tmp_path, capsys, words) -> None:
    assert colorize(inputs, tmp_path / "a.png") == 0
    assert again(tmp_path / "a.png", tmp_path / "b.png", *words) == 2
    assert "leave out" in capsys.readouterr().err


ALL = ("--also", "other.png", "--weight", "0.5", "--region", "left.png", "--sketch-mask", "left.png",
       "--reference-mask", "figure.png", "--background", "other.png", "--background-enhance", "true",
       "--injection", "0.5", "--reference-padding", "1.25", "--trim-reference", "false")


def test_a_picture_of_everything_is_made_again_bit_for_bit(inputs, tmp_path, capsys) -> None:
    mask = Image.new("L", (50, 70))
    mask.paste(255, (5, 10, 45, 30))
    mask.save(inputs / "figure.png")
    words = [str(inputs / word) if word.endswith(".png") else word for word in ALL]
    assert colorize(inputs, tmp_path / "a.png", *words) == 0, capsys.readouterr().err
    record = read_record(tmp_path / "a.png")
    assert set(record.files) == {"reference_2", "reference_2_region", "sketch_mask", "reference_mask", "background"}
    assert dict(record.weights) == {"reference_2": 0.5}
    assert again(tmp_path / "a.png", tmp_path / "b.png") == 0, capsys.readouterr().err
    assert np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))
    enhanced = ("--background", "--background-enhance", "--sketch-mask", "--reference-mask")
    for left in (("--also",), ("--weight",), ("--region",), enhanced, ("--injection",)):
        fewer = [word for at, word in enumerate(words) if word not in left and words[at - 1] not in left]
        if left == ("--also",):
            fewer = [word for at, word in enumerate(fewer) if word not in ("--weight", "--region")
                     and fewer[at - 1] not in ("--weight", "--region")]
        assert colorize(inputs, tmp_path / f"{left[0]}.png", *fewer) == 0, capsys.readouterr().err
        assert not np.array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / f"{left[0]}.png")), left
