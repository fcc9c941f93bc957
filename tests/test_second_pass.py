"""Two passes: sizes, the level and the picture that the second begins from, windows that are joined without a seam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.engine.second_pass import begun_from, in_tiles, passes_of, second_levels, told_of_passes
from lib_colorize.engine.windows import windows_of
from lib_colorize.method.conditioning import Conditioning
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.canvas import Placement
from lib_colorize.pictures.extras import Extras, FurtherReference
from tests.coloured_files import again, colorize, pixels
from tests.standalone_models import RESOLUTION, draw_reference, draw_sketch, write_checkpoint

TWICE = Settings(steps=2, second_pass=2.0)


@pytest.fixture(scope="module")
def folder(module_folder: Path) -> Path:
    write_checkpoint(module_folder / "model.safetensors")
    draw_sketch(module_folder / "sketch.png", (400, 300))
    draw_reference(module_folder / "reference.png")
    return module_folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.load(folder / "model.safetensors", device="cpu")


def picture(folder: Path, name: str) -> Image.Image:
    return Image.open(folder / f"{name}.png").convert("RGB")


def test_the_second_pass_is_as_large_as_asked_for_and_no_larger_than_the_sketch() -> None:
    assert [each.resolution for each in passes_of((4000, 3000), Settings(second_pass=3), 512)] == [512, 1536]
    assert [each.resolution for each in passes_of((900, 900), Settings(second_pass=3), 512)] == [512, 900]
    assert len(passes_of((512, 512), Settings(second_pass=3), 512)) == 1
    assert len(passes_of((4000, 3000), Settings(), 512)) == 1


def test_a_size_that_is_asked_for_is_the_second_passs() -> None:
    first, second = passes_of((900, 900), Settings(second_pass=2, width=640, height=320), 128)
    assert (first.settings.width, first.settings.height) == (320, 160)
    assert (second.settings.width, second.settings.height) == (640, 320)


def test_at_a_size_that_is_asked_for_the_first_pass_is_no_smaller_than_the_model() -> None:
    first, second = passes_of((900, 900), Settings(second_pass=8, width=1024, height=1024), 512)
    assert (first.settings.width, first.settings.height) == (512, 512)
    assert (second.settings.width, second.settings.height) == (1024, 1024)
    small = Settings(second_pass=2, width=512, height=512)
    assert len(passes_of((900, 900), small, 512)) == 1
    assert told_of_passes((900, 900), small, 512, 64) == ("one pass, the size is no larger than the model works",)


@pytest.mark.parametrize("sampler", ("DPM++ 2M", "Euler a", "DPM2", "DPM fast", "DPM adaptive", "DPM++ 2M SDE"))
def test_the_second_pass_takes_the_last_part_of_a_run(engine: Engine, sampler: str) -> None:
    settings = Settings(steps=20, sampler=sampler)
    whole = engine.noise_levels(settings)
    assert torch.equal(second_levels(settings, engine.schedule), whole[10:])
    assert torch.equal(second_levels(settings.with_(second_strength=1.0), engine.schedule), whole)
    few = second_levels(settings.with_(steps=1), engine.schedule)
    assert len(few) == 2 and 0 < float(few[0]) < float(whole[0]), "one step does not begin from noise alone"


def test_what_a_second_pass_begins_from_stops_at_the_lines() -> None:
    """Red left of a line and blue right of it, smeared over five pixels of the small picture."""
    small = np.full((32, 32, 3), (255, 0, 0), np.uint8)
    small[:, 16:] = (0, 0, 255)
    smeared = Image.fromarray(small).resize((8, 8), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BICUBIC)
    drawing = torch.full((1, 3, 128, 128), -1.0)
    drawing[..., 63:65] = 1
    begun, = begun_from([smeared], drawing, Placement(0, 0, 128, 128, 128, 128), 0.03)
    left, right = ((begun[0, :, 20:100, part] + 1) * 127.5 for part in (slice(50, 60), slice(68, 78)))
    assert float((left - torch.tensor([255.0, 0, 0]).view(3, 1, 1)).abs().max()) < 12
    assert float((right - torch.tensor([0, 0, 255.0]).view(3, 1, 1)).abs().max()) < 12


def test_windows_cover_a_canvas_and_overlap() -> None:
    for height, width in ((64, 64), (256, 192), (200, 96)):
        covered = torch.zeros(height, width)
        for window in windows_of(height, width, 64, 8):
            assert window.top % 8 == window.left % 8 == 0
            assert (window.height, window.width) == (64, 64)
            window.of(covered).add_(window.weights())
        assert float(covered.min()) > 0


@pytest.mark.parametrize("sampler", ("DPM++ 2M", "DPM++ SDE"))
def test_two_passes_give_a_larger_picture_that_holds_on_to_the_first(
    engine: Engine, folder: Path, sampler: str,
) -> None:
    sketch, reference = picture(folder, "sketch"), picture(folder, "reference")
    settings = TWICE.with_(sampler=sampler, batch=2)
    one, = engine.colorize(sketch, reference, settings.with_(second_pass=1.0, batch=1))
    two = engine.colorize(sketch, reference, settings)
    assert two[0].image.width >= 1.4 * one.image.width, "canvases are rounded to what the networks need"
    assert "two passes" in two[0].read_as
    alone, = engine.colorize(sketch, reference, two[1].settings)
    assert np.array_equal(np.asarray(alone.image), np.asarray(two[1].image)), "each of a batch is the same alone"


def test_progress_counts_both_passes(engine: Engine, folder: Path) -> None:
    said: list[tuple[int, int]] = []
    settings = Settings(steps=4, second_pass=2.0)
    engine.colorize(picture(folder, "sketch"), picture(folder, "reference"), settings, lambda *of: said.append(of))
    assert [done for done, _ in said] == sorted(done for done, _ in said) and said[-1] == (6, 6)


def test_each_window_is_shown_its_own_part_of_sketch_and_regions(engine: Engine, folder: Path) -> None:
    sketch, reference = picture(folder, "sketch"), picture(folder, "reference")
    region = Image.new("L", sketch.size)
    region.paste(255, (0, 0, sketch.width // 2, sketch.height))
    extras = Extras(reference_region=region, further=(FurtherReference(reference),))
    resolution = 4 * engine.resolution
    settings = Settings(sketch_guidance=2.0)
    ready = engine.preparing.prepare(sketch, reference, settings, extras, resolution, tiled=True)
    assert len(ready.windows) > 3
    seen = [each for each in ready.seen if each is not None]
    assert len(seen) < len(ready.seen), "a window without lines is not coloured"
    for window, each in zip(ready.windows, ready.seen):
        if each is None:
            continue
        part = window.of(ready.drawing, engine.vae.factor)
        assert torch.equal(each.hints[0], engine.preparing.encoded(part, None, settings).hints[0])
        assert each.token_bias is not None and each.token_bias.areas is not None
        assert each.token_bias.areas.shape[-2:] == (window.height, window.width) == each.latent_size
        assert each.blank_hints is not None
    left, right = (next(each for window, each in zip(ready.windows, ready.seen) if each and place(window.left))
                   for place in (lambda x: x == 0, lambda x: x == max(w.left for w in ready.windows)))
    assert areas(left)[0] > 0.9 > 0.1 > areas(right)[0]


def areas(seen: Conditioning) -> list[float]:
    assert seen.token_bias is not None and seen.token_bias.areas is not None
    return [float(area.mean()) for area in seen.token_bias.areas[0]]


def test_windows_together_are_the_whole_where_a_network_looks_at_each_place_alone(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With every window predicting one and the same, nothing is seen of where they meet."""
    ready = engine.preparing.prepare(picture(folder, "sketch"), picture(folder, "reference"), Settings(), Extras(),
                                     4 * engine.resolution, tiled=True)
    x = torch.randn(2, 4, *(side // engine.vae.factor for side in ready.canvas))
    with engine.shown(ready, Settings()) as step:
        step.begin(x * 0.5)
        monkeypatch.setattr("lib_colorize.engine.guided_step.GuidedStep.__call__", lambda self, x, sigma: x * 0.5)
        found = step(x, torch.ones(1))
    assert torch.allclose(found, x * 0.5, atol=1e-6)
    assert in_tiles((ready.canvas[1], ready.canvas[0]), engine.resolution)


def test_a_large_canvas_is_denoised_in_windows_and_leaves_nothing_on_the_networks(
    engine: Engine, folder: Path,
) -> None:
    rows: list[torch.Size] = []
    hook = engine.unet.input_blocks[0].register_forward_hook(lambda module, args, output: rows.append(output.shape))
    settings = Settings(steps=1, second_pass=4.0)
    result, = engine.colorize(picture(folder, "sketch"), picture(folder, "reference"), settings)
    hook.remove()
    assert "in tiles" in result.read_as
    assert max(shape[-1] for shape in rows) * engine.vae.factor <= 2 * engine.resolution
    assert not any(module._forward_hooks for module in engine.unet.input_blocks)


def test_a_single_pass_is_in_one_piece_at_any_size(engine: Engine, folder: Path) -> None:
    """As it always was."""
    side = 4 * engine.resolution
    ready = engine.preparing.prepare(picture(folder, "sketch"), picture(folder, "reference"),
                                     Settings(width=side, height=side), Extras())
    assert ready.canvas == (side, side) and not ready.windows


@pytest.mark.parametrize("options", (("2", "--second-strength", "0.7"), ("3", "--sampler", "DPM++ SDE")))
def test_a_recorded_second_pass_is_repeated_bit_for_bit(folder: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    """In one piece and in windows."""
    made = tmp_path / "made.png"
    assert colorize(folder, made, "--steps", "2", "--second-pass", *options) == 0
    assert again(made, tmp_path / "again.png") == 0
    assert np.array_equal(pixels(made), pixels(tmp_path / "again.png"))
    assert max(pixels(made).shape) > 1.5 * RESOLUTION, "larger than a first pass"
