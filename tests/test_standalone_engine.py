"""The engine: seeds, batches, references, what is left behind, and loading."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lib_colorize.cli import random_networks
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import Prediction
from lib_colorize.method.settings import MAX_SEED, Settings
from lib_colorize.pictures.images import sketch_tensor
from tests.standalone_models import VISION, draw_reference, draw_sketch, write_checkpoint

QUICK = Settings(steps=3)


@pytest.fixture(scope="module")
def folder(module_folder: Path) -> Path:
    write_checkpoint(module_folder / "model.safetensors")
    draw_sketch(module_folder / "sketch.png")
    draw_reference(module_folder / "reference.png")
    return module_folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.load(folder / "model.safetensors", device="cpu")


@pytest.fixture(scope="module")
def sketch(folder: Path) -> Image.Image:
    return Image.open(folder / "sketch.png").convert("RGB")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Image.Image:
    return Image.open(folder / "reference.png").convert("RGB")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("sampler", ("DPM++ 2M", "Euler a", "DPM++ SDE"))
def test_a_picture_is_the_same_alone_and_in_a_batch(
    engine: Engine, sketch: Image.Image, reference: Image.Image, sampler: str,
) -> None:
    together = engine.colorize(sketch, reference, Settings(steps=2, sampler=sampler, seed=7, batch=3))
    assert [result.seed for result in together] == [7, 8, 9]
    for result in together[1:]:
        alone, = engine.colorize(sketch, reference, result.settings)
        assert np.array_equal(pixels(alone.image), pixels(result.image))
    assert not np.array_equal(pixels(together[0].image), pixels(together[1].image))


@pytest.fixture
def together(engine: Engine) -> Iterator[Engine]:
    """As on a GPU."""
    engine.one_by_one = False
    yield engine
    engine.one_by_one = True


@pytest.mark.parametrize("sampler", ("DPM++ 2M", "Euler a", "DPM++ SDE", "DPM fast"))
def test_sampled_together_each_is_the_same_to_the_last_of_255(
    together: Engine, sketch: Image.Image, reference: Image.Image, sampler: str,
) -> None:
    rows: list[int] = []
    settings = Settings(steps=3, sampler=sampler, seed=7, batch=3)
    hook = together.unet.input_blocks[1].register_forward_hook(lambda module, args, output: rows.append(len(output)))
    found = together.colorize(sketch, reference, settings)
    hook.remove()
    assert set(rows) == {6}
    for result in found:
        alone, = together.colorize(sketch, reference, result.settings)
        assert np.abs(pixels(alone.image) - pixels(result.image)).max() <= 1
    assert np.abs(pixels(found[0].image) - pixels(found[1].image)).max() > 1


def test_together_progress_runs_to_the_end_too(
    together: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    seen: list[tuple[int, int]] = []
    together.colorize(sketch, reference, QUICK.with_(batch=18), lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (54, 54) and (32, 54) in seen  # 16 at once, then two


def test_a_sampler_that_adapts_its_steps_takes_each_picture_alone(
    together: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    settings = Settings(steps=2, sampler="DPM adaptive", batch=2)
    last = together.colorize(sketch, reference, settings)[1]
    alone, = together.colorize(sketch, reference, last.settings)
    assert np.array_equal(pixels(alone.image), pixels(last.image))


def test_on_a_cpu_pictures_are_made_one_by_one_unless_told(folder: Path) -> None:
    assert Engine.load(folder / "model.safetensors", device="cpu").one_by_one
    assert not Engine.load(folder / "model.safetensors", device="cpu", one_by_one=False).one_by_one


def test_the_last_seed_is_followed_by_the_first(engine: Engine) -> None:
    assert engine.settings_of(Settings(seed=MAX_SEED, batch=2), 1).seed == 0


def test_a_result_depends_on_the_reference_and_has_the_shape_of_the_sketch(
    engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    one, = engine.colorize(sketch, reference, QUICK)
    other, = engine.colorize(sketch, Image.new("RGB", (40, 40), "green"), QUICK)
    without, = engine.colorize(sketch, None, QUICK)
    assert np.abs(pixels(one.image) - pixels(other.image)).max() > 0
    assert np.abs(pixels(one.image) - pixels(without.image)).max() > 0
    assert abs(one.image.width / one.image.height - sketch.width / sketch.height) < 0.05
    sized, = engine.colorize(sketch, reference, QUICK.with_(width=70, height=100))
    assert sized.image.size == (70, 100)


def test_without_reference_the_guidance_window_is_empty(
    engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    """Outside the window only one row is computed; the outcome must be that of a run without reference."""
    shut = QUICK.with_(no_guidance_end=1.0, sketch_guidance=2.0, reference_guidance=1.0)
    with_it, = engine.colorize(sketch, reference, shut)
    without, = engine.colorize(sketch, None, shut)
    assert np.array_equal(pixels(with_it.image), pixels(without.image))


def test_progress_runs_to_the_end_and_never_back(engine: Engine, sketch: Image.Image, reference: Image.Image) -> None:
    seen: list[tuple[int, int]] = []
    engine.colorize(sketch, reference, QUICK.with_(batch=2), lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (6, 6)
    assert {total for _, total in seen} == {6}


def test_an_interrupt_leaves_the_networks_as_they_were(
    engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    before, = engine.colorize(sketch, reference, QUICK)
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), torch.randn(1, 9, VISION.output_dim)
    with torch.no_grad():
        plain = engine.unet(x, t, context)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            engine.colorize(sketch, reference, QUICK, stop)
        assert torch.equal(plain, engine.unet(x, t, context))
    after, = engine.colorize(sketch, reference, QUICK)
    assert np.array_equal(pixels(before.image), pixels(after.image))


def test_the_reference_encoder_is_loaded_once_for_one_reference(
    engine: Engine, sketch: Image.Image, reference: Image.Image, monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine.tokens(reference)
    monkeypatch.setattr(engine.preparing.reference_tokens, "load", lambda: pytest.fail("loaded again"))
    engine.colorize(sketch, reference.copy(), QUICK)


def test_bfloat16_gives_nearly_the_picture_of_float32(
    folder: Path, engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    half = Engine.load(folder / "model.safetensors", device="cpu", dtype="bfloat16")
    exact, = engine.colorize(sketch, reference, QUICK)
    rough, = half.colorize(sketch, reference, QUICK)
    assert np.abs(pixels(exact.image) - pixels(rough.image)).mean() < 12


def test_half_precision_is_of_the_networks_themselves(
    folder: Path, engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    """All weights and hidden states in one type, without autocast; a step is near that of float32."""
    half = Engine.load(folder / "model.safetensors", device="cpu", dtype="bfloat16")
    assert {p.dtype for net in (half.unet, half.sketch_encoder) for p in net.parameters()} == {torch.bfloat16}
    settings, found, seen = Settings(sketch_guidance=2.0), [], set()
    drawing, _ = sketch_tensor(sketch, settings, engine.resolution, engine.multiple)
    x = torch.randn(1, 4, drawing.shape[2] // 8, drawing.shape[3] // 8, generator=torch.Generator().manual_seed(0))

    def note(module: torch.nn.Module, args: object, output: torch.Tensor) -> None:
        seen.add((output.dtype, output.is_contiguous(memory_format=torch.channels_last)))

    hooks = [block.register_forward_hook(note) for block in (*half.unet.input_blocks, *half.unet.output_blocks)]
    for each in (engine, half):
        with each.denoiser(each.condition(drawing, engine.tokens(reference), settings), settings) as denoise:
            found.append(denoise(5 * x, torch.tensor([5.0])))
    for hook in hooks:
        hook.remove()
    assert seen == {(torch.bfloat16, True)}
    assert found[1].dtype == torch.float32 and float((found[0] - found[1]).norm() / found[0].norm()) < 0.05


def test_a_reference_encoder_in_a_file_of_its_own_gives_the_same_picture(
    folder: Path, engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    tower = folder / "clip.safetensors"
    save_file({f"visual.{key}": value for key, value in random_networks.vision_state(VISION).items()}, tower)
    bare = write_checkpoint(folder / "bare.safetensors", with_reference_encoder=False)
    with pytest.raises(ColorizeError, match="--reference-encoder"):
        Engine.load(bare, device="cpu")
    with pytest.raises(ColorizeError, match="head"):  # head width of no published size, and no metadata to say it
        Engine.load(bare, tower, device="cpu")
    whole = folder / "model.safetensors"
    apart = Engine.load(bare, whole, device="cpu")
    assert torch.equal(apart.tokens(reference), engine.tokens(reference))
    own, = apart.colorize(sketch, reference, QUICK)
    inside, = engine.colorize(sketch, reference, QUICK)
    assert np.abs(pixels(own.image) - pixels(inside.image)).max() <= 1  # weights lie otherwise in the other file


def test_an_untold_prediction_type_is_asked_for_when_a_trial_does_not_tell(folder: Path) -> None:
    silent = write_checkpoint(folder / "silent.safetensors", prediction=None)
    with pytest.raises(ColorizeError, match="--prediction"):
        Engine.load(silent, device="cpu")  # random weights predict nothing
    assert Engine.load(silent, prediction=Prediction.EPS, device="cpu").prediction is Prediction.EPS


def test_a_word_against_the_metadata_is_an_error(folder: Path) -> None:
    with pytest.raises(ColorizeError, match="says v, you say eps"):
        Engine.load(folder / "model.safetensors", prediction=Prediction.EPS, device="cpu")


@pytest.mark.parametrize("device", ("nonsense", "cuda:99", "meta"))
def test_a_device_that_is_not_there_is_refused(folder: Path, device: str) -> None:
    with pytest.raises(ColorizeError, match="device"):
        Engine.load(folder / "model.safetensors", device=device)


def test_the_line_overlay_comes_at_the_sketchs_own_size(
    engine: Engine, sketch: Image.Image, reference: Image.Image,
) -> None:
    plain, lined = (engine.colorize(sketch, reference, Settings(steps=1, line_overlay=overlay))[0].image
                    for overlay in (0.0, 1.0))
    assert lined.size == sketch.size != plain.size
    lines = np.asarray(sketch.convert("L")) == 0
    assert pixels(lined)[lines].max() <= 8


@pytest.mark.parametrize("sketch_guidance", (1.0, 2.0))
def test_equal_rows_are_computed_once_and_give_the_same(
    engine: Engine, sketch: Image.Image, reference: Image.Image, sketch_guidance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = QUICK.with_(sketch_guidance=sketch_guidance)
    rows: list[int] = []
    hook = engine.unet.input_blocks[0][0].register_forward_hook(lambda module, args, output: rows.append(len(output)))
    shared, = engine.colorize(sketch, reference, settings)
    hook.remove()
    assert set(rows) == ({1} if sketch_guidance == 1 else {3})
    monkeypatch.setattr("lib_colorize.engine.engine.share_rows", lambda unet, attached: contextlib.nullcontext())
    apart, = engine.colorize(sketch, reference, settings)
    assert np.abs(pixels(shared.image) - pixels(apart.image)).max() <= 1


def test_equal_rows_of_several_pictures_are_computed_once_too(
    together: Engine, sketch: Image.Image, reference: Image.Image, monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, rows = QUICK.with_(batch=3), list[int]()
    first: Any = together.unet.input_blocks[1]
    hooks = [module.register_forward_hook(lambda module, args, output: rows.append(len(output)))
             for module in (first[0].in_layers[2], first[1].transformer_blocks[0].attn1.to_q)]
    shared = together.colorize(sketch, reference, settings)
    for hook in hooks:
        hook.remove()
    assert set(rows) == {3}
    monkeypatch.setattr("lib_colorize.engine.engine.share_rows", lambda unet, attached: contextlib.nullcontext())
    for one, other in zip(shared, together.colorize(sketch, reference, settings)):
        assert np.abs(pixels(one.image) - pixels(other.image)).max() <= 1


def test_nothing_stays_on_the_networks(engine: Engine, sketch: Image.Image, reference: Image.Image) -> None:
    engine.colorize(sketch, reference, QUICK)
    for module in engine.unet.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and "forward" not in vars(module)
