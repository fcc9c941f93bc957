"""The preview command, and the page's button: what the sketch encoder is shown, as a picture."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.cli import commands as cli
from lib_colorize.engine.engine import Engine
from lib_colorize.hosts.checkpoints import SHIPPED
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.sketch_preview import preview_sketch
from lib_colorize.method.settings import Settings
from lib_colorize.pictures import eight_bits
from lib_colorize.pictures.images import sketch_tensor
from tests.standalone_models import write_checkpoint


def drawing(size: tuple[int, int] = (300, 180)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((40, 30, 220, 150), outline="black", width=6)
    return image


def run(folder: Path, *more: str, image: Image.Image | None = None) -> int:
    (image or drawing()).save(folder / "sketch.png")
    return cli.main(["preview", str(folder / "sketch.png"), "-o", str(folder / "out.png"), *more])


@pytest.mark.parametrize("preset", ["pocket-pairs", "small-256"])
def test_it_is_what_the_engine_shows_its_sketch_encoder_cut_to_the_drawing(tmp_path: Path, preset: str) -> None:
    write_checkpoint(tmp_path / "model.safetensors", training={"preset": preset})
    engine = Engine.load(tmp_path / "model.safetensors", device="cpu")
    assert run(tmp_path, "--checkpoint", str(tmp_path / "model.safetensors"), "--polarity", "dark on light") == 0
    lines, p = sketch_tensor(drawing(), Settings(polarity="dark on light"), engine.resolution, engine.multiple,
                             square=preset == "small-256")
    assert p.canvas_width == p.canvas_height or not engine.square
    shown = lines[0, :, p.top:p.top + p.height, p.left:p.left + p.width].clamp(-1, 1).permute(1, 2, 0).numpy()
    seen = np.asarray(Image.open(tmp_path / "out.png"), dtype=np.float64)
    assert seen.shape == (p.height, p.width, 3)
    assert np.abs(seen - (1 - shown) * 127.5).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("pixels", [128, 256, 512])
def test_it_works_at_an_area_of_so_many_pixels(tmp_path: Path, pixels: int, capsys) -> None:
    assert run(tmp_path, "--pixels", str(pixels)) == 0
    seen = Image.open(tmp_path / "out.png")
    assert 0.59 < seen.width * seen.height / pixels**2 < 1.5 and abs(seen.width / seen.height - 300 / 180) < 0.05
    assert np.asarray(seen)[0, 0].tolist() == [255, 255, 255] and np.asarray(seen).min() < 60  # black on white
    said = capsys.readouterr()
    assert said.out.count("\n") == 1 and "300x180" in said.out and said.err == ""


def test_of_a_page_that_was_averaged_down_the_files_own_size_is_told(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(eight_bits, "MAX_PIXELS", 20_000)
    for image in (drawing().convert("L"), drawing().convert("1")):
        assert run(tmp_path, image=image) == 0
        assert " of 300x180 pixels; " in capsys.readouterr().out


@pytest.mark.parametrize("more", [(), ("--extractor", "lineart"), ("--polarity", "light on dark")])
def test_a_sheet_without_lines_is_one_sentence_and_no_file(tmp_path: Path, more: tuple[str, ...], capsys) -> None:
    assert run(tmp_path, *more, image=Image.new("RGB", (300, 200), "white")) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and "no lines" in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("more", [("--pixels", "3"), ("--pixels", "9000"), ("--extractor", "magic")])
def test_bad_arguments_are_one_sentence(tmp_path: Path, more: tuple[str, ...], capsys) -> None:
    assert run(tmp_path, *more) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out.png").exists()


def test_the_sketch_itself_is_not_written_over(tmp_path: Path) -> None:
    drawing().save(tmp_path / "sketch.png")
    before = (tmp_path / "sketch.png").read_bytes()
    name = str(tmp_path / "sketch.png")
    assert cli.main(["preview", name, "-o", name]) == 2 and (tmp_path / "sketch.png").read_bytes() == before


@pytest.mark.parametrize("extractor", ["none", "lineart"])
def test_the_pages_button_shows_the_same(tmp_path: Path, extractor: str) -> None:
    assert run(tmp_path, "--extractor", extractor) == 0
    host = SimpleNamespace(chosen_path=lambda: str(SHIPPED), picture_folders=lambda: (), fetch_picture=lambda: None)
    page = preview_sketch(host, drawing(), JobSettings(extractor=extractor))
    assert np.array_equal(np.asarray(page), np.asarray(Image.open(tmp_path / "out.png")))


def test_the_button_shows_the_sketchs_own_size_where_no_checkpoint_can_colour() -> None:
    host = SimpleNamespace(chosen_path=lambda: "", picture_folders=lambda: (), fetch_picture=lambda: None)
    assert preview_sketch(host, drawing(), JobSettings()).size == (300, 180)
