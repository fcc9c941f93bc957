"""The command that makes the small model: drawings in a file, pieces of pairs, the window, and a run end to end."""

from __future__ import annotations

import json
import lzma
import multiprocessing
import os
import random
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.checkpoint.read import read
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tests.evidence_drawings import figure, thing
from tests.fake_cuda import FakeCuda
from training.small.carried import WHERE, Where, bring_back, read_carry, write_carry
from training.small.drawing_file import _plain, read_drawings
from training.small.drawing_processes import CHUNK, DrawingProcesses, PieceShape
from training.small.dress import Dress
from training.small.figures import FRONT
from training.small.grow_encoder import grown_encoder
from training.small.make_plan import MakePlan, processors
from training.small.make_small import main
from training.small.pair_choice import Sized, groups
from training.small.pair_window import PairWindow
from training.small.recorded_pass import RecordedPass
from training.small.small_loop import SmallLoop
from training.small.trainee import draws_of
from training.small.varied_pairs import CLASSES, NOBODY, draw_varied, label_cells, lean
from training.trainer.ema import EMA
from training.trainer.initial_weights import load_vae
from training.trainer.recipes import recipe_of

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")
SIZE = 64
NAMES = ("dicebear/a", "dicebear/b", "c", "d")
START = ROOT / "models" / "colorize-small.safetensors"
SMALLER = read(START, ("sketch_encoder",)).config.reference  # which the encoder of these runs begins as
SETTINGS = [f"data.resolution={SIZE}", f"networks.reference.image_size={SMALLER.image_size}",
            f"networks.reference.layers={SMALLER.layers + 1}",
            "optimizer.batch_size=2", "optimizer.warmup=4", "run.precision=no"]


@pytest.fixture(scope="module")
def sized():
    return [Sized.of(d) for d in (*map(figure, NAMES), thing("e"), thing("f"))]


@pytest.fixture(scope="module")
def drawings(sized, tmp_path_factory):
    file = tmp_path_factory.mktemp("drawings") / "drawings.jsonl.xz"
    file.write_bytes(lzma.compress("".join(json.dumps(_plain(s)) + "\n" for s in sized).encode()))
    return file


def test_drawings_come_back_from_their_file_with_parts_in_order_and_line_art(sized, drawings):
    assert read_drawings(drawings) == sized


@pytest.mark.parametrize("content", [b"", b"no xz", lzma.compress(b"{}\n"), lzma.compress(b"")])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ColorizeError, match="--prepare"):
        read_drawings(tmp_path / "f")


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(ColorizeError, match="npm ci --prefix training"):
        read_drawings(tmp_path / "f")


def test_cells_are_told_by_colour_and_by_nobody_where_two_mean_the_same():
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4, :4], picture[:4, 4:], picture[4:, :4] = (1, 2, 3), (9, 9, 9), (4, 5, 6)
    dress = Dress({"hair": "#010203", "color x": "#040506", "skin": "#090909", "color y": "#090909"}, ("#ffffff",))
    assert label_cells(picture, dress).tolist() == [[CLASSES.index("hair"), NOBODY], [CLASSES.index("other"), NOBODY]]


@pytest.fixture(scope="module")
def shape():
    return PieceShape(CHUNK + 3, SIZE, 2, seed=5)


@pytest.fixture
def processes(sized, shape):
    drawers = DrawingProcesses(groups(sized), shape, 2, first=3)
    yield drawers
    drawers.close()


def test_pieces_come_in_order_and_hold_the_pairs_of_their_numbers(processes, sized, shape):
    for number in (3, 4, 5):
        piece = processes.wait()
        for i in (0, CHUNK, shape.pairs - 1):
            pair = draw_varied(number * shape.pairs + i, groups(sized), SIZE, shape.seed)
            assert np.array_equal(piece.pixels[i][..., :3], pair.color)
            assert np.array_equal(piece.pixels[i][..., 3], pair.sketch)
            assert np.array_equal(piece.pixels[i][..., 4:], pair.reference)
            assert np.array_equal(piece.cells[i], pair.labels)
        processes.free()
    assert processes.rate > 0


def test_who_is_told_to_stop_does_not_wait_for_a_piece_that_comes_no_more(processes):
    for process in multiprocessing.active_children():
        process.kill()
    for _ in range(processes.shape.slots):  # what was drawn before
        if processes.ready:
            processes.wait()
            processes.free()
    asked = []
    piece = processes.wait(lambda: bool(asked.append(1)) or len(asked) > 2)
    assert piece is None or len(asked) < 3  # those that were started in their place may have drawn it after all


def test_the_window_shows_what_was_drawn_and_forgets_the_oldest(processes, shape):
    vae = load_vae(recipe_of("small-256"))
    window = PairWindow(2, shape, vae, CPU)
    pieces = []
    for _ in range(3):
        piece = processes.wait()
        pieces.append((piece.pixels.copy(), piece.cells.copy()))
        window.add(piece)
        processes.free()
    shown = window.batch(64, torch.Generator().manual_seed(0))
    known = {pixels[..., :3].tobytes(): (number, i) for number, (all_pixels, _) in enumerate(pieces)
             for i, pixels in enumerate(all_pixels)}
    bytes_of = ((shown.color + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    found = [known[picture.tobytes()] for picture in bytes_of]
    assert {number for number, _ in found} == {1, 2}
    for row, (number, i) in enumerate(found):
        pixels, cells = pieces[number][0][i], pieces[number][1][i]
        assert torch.allclose(shown.sketch[row, 1], 1 - torch.from_numpy(pixels[..., 3]) / 127.5, atol=1e-6)
        assert torch.allclose(shown.reference[row], torch.from_numpy(pixels[..., 4:]).permute(2, 0, 1) / 127.5 - 1)
        assert torch.equal(shown.cells[row], torch.from_numpy(cells).long())
    with torch.no_grad():
        mean, _ = vae.encode(shown.color)
    assert torch.allclose(shown.mean, vae.scale_factor * mean, atol=5e-3)


def test_a_steps_chance_follows_from_its_number_and_t_from_its_power():
    recipe = recipe_of("small-256")
    one, again, next_ = (draws_of(recipe, 7, step, 4096, (1, 1, 1), 1000, CPU)[0] for step in (3, 3, 4))
    assert torch.equal(one.t, again.t) and torch.equal(one.noise, again.noise) and not torch.equal(one.t, next_.t)
    assert one.t.min() >= 0 and one.t.max() == 999
    assert (one.t >= 900).float().mean() == pytest.approx(1 - 0.9**2, abs=0.02)


def test_a_pass_that_is_not_recorded_leaves_the_gradients_of_its_last_call_alone():
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))

    def one(x):
        loss = (weight * x).sum()
        torch.autograd.backward([loss])
        return loss.detach()

    passes = RecordedPass(one, [weight], CPU)
    assert passes(torch.tensor([3.0, 4.0])) == 11 and passes(torch.tensor([5.0, 6.0])) == 17
    assert weight.grad.tolist() == [5, 6]


def test_a_kill_between_two_carried_folders_leaves_the_one_of_before(tmp_path, monkeypatch):
    layer = torch.nn.Linear(2, 2)
    trainee = SimpleNamespace(model=layer, vae=layer, head=layer, trained=[layer.weight],
                              ema=SimpleNamespace(shadow=[layer.weight.detach()]))
    folder, renamed = tmp_path / "carry", Path.replace

    def killed(source, target):
        if target == folder:
            raise KeyboardInterrupt
        return renamed(source, target)

    bring_back(folder)  # of a run that begins: nothing
    write_carry(folder, trainee, Where(images=5))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        write_carry(folder, trainee, Where(images=9))
    assert not folder.exists()
    bring_back(folder)
    assert json.loads((folder / WHERE).read_text())["images"] == 5
    write_carry(folder, trainee, Where(images=9))
    bring_back(folder)
    assert json.loads((folder / WHERE).read_text())["images"] == 9
    assert [path.name for path in tmp_path.iterdir()] == ["carry"]


def test_a_pass_is_recorded_on_the_device_that_it_runs_on(monkeypatch):
    cuda = FakeCuda()
    for name in ("graph", "Stream", "stream", "device", "current_device", "current_stream", "CUDAGraph",
                 "synchronize"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    with FakeTensorMode():
        passes = RecordedPass(lambda x: x + 1, [], torch.device("cuda:1"))
        passes(torch.empty(2, device="cuda:1"))
    assert passes.replay is not None and cuda.captures == [(1, 1)] and cuda.now.device == 0


def test_what_is_carried_is_near_what_was_there(tmp_path):
    torch.manual_seed(0)

    def made():
        layer = torch.nn.Linear(40, 40)
        return SimpleNamespace(model=layer, vae=torch.nn.Linear(2, 2), head=torch.nn.Linear(2, 2),
                               trained=list(layer.parameters()), ema=EMA(list(layer.parameters()), 0.9))

    one, other = made(), made()
    one.ema.shadow = [weight.detach() + 0.01 * torch.randn(weight.shape) for weight in one.trained]
    write_carry(tmp_path / "carry", one, Where(images=9, updates=3))
    assert read_carry(tmp_path / "carry", other) == Where(images=9, updates=3) and other.ema.updates == 3
    for found, expected in zip(other.trained, one.trained):
        assert torch.allclose(found, expected, rtol=1e-3)
    for found, expected in zip(other.ema.shadow, one.ema.shadow):
        assert (found - expected).abs().max() < 0.06 / 127, "half a step of the widest difference, and rounding"


def test_a_grown_encoder_begins_as_the_small_one_where_it_has_the_same_patches():
    old = VisionConfig(image_size=32, patch_size=16, width=32, layers=1, head_width=16, mlp_ratio=2.0, output_dim=16)
    torch.manual_seed(0)
    small = ReferenceEncoder(old)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    deeper = ReferenceEncoder(replace(old, layers=3))
    deeper.visual.load_state_dict(grown_encoder(small.visual.state_dict(), old, replace(old, layers=3)))
    assert torch.allclose(deeper(pictures), small(pictures), atol=1e-6)
    wider = grown_encoder(small.visual.state_dict(), old, replace(old, image_size=64))
    positions = wider["positional_embedding"]
    assert positions.shape == (17, 32) and torch.equal(positions[0], small.visual.positional_embedding[0])
    corners = positions[1:].reshape(4, 4, 32)[::3, ::3].reshape(4, 32)
    assert torch.allclose(corners, small.visual.positional_embedding[1:], atol=0.3 * float(corners.abs().max()))


def test_an_encoder_of_other_widths_is_no_beginning():
    old = VisionConfig(image_size=32, patch_size=16, width=32, layers=2, head_width=16, mlp_ratio=2.0, output_dim=16)
    with pytest.raises(ColorizeError, match="--start none"):
        grown_encoder({}, old, replace(old, layers=1))


def command(out, drawings, *more):
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    main(["--out", str(out), "--drawings", str(drawings), "--device", "cpu", "--piece", "8", "--window", "2",
          "--processes", "1", "--decoder-batch", "1", "--decoder-share", "0.5", *settings, *more])


def test_the_command_makes_a_checkpoint_that_is_read_back_and_carries_what_it_needs(drawings, tmp_path):
    command(tmp_path, drawings, "--images", "4")
    file = read(tmp_path / "small.safetensors")
    assert file.config.reference == replace(SMALLER, layers=SMALLER.layers + 1)
    assert file.resolution == SIZE and file.card.training["images"] == 4 and file.card.training["decoder_images"] == 2
    assert "Streamline" in file.card.description
    start = read(tmp_path / "start.safetensors")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["phase"] for line in lines] == ["pairs", "decoder"]
    assert all(line["images_per_second"] > 0 and line["drawn_per_second"] > 0 for line in lines)
    changed = {part: any(not torch.equal(v.half(), getattr(start, part)[k].half())
                         for k, v in getattr(file, part).items()) for part in ("unet", "sketch_encoder", "vae")}
    assert all(changed.values())
    assert all(torch.equal(v, start.vae[k].half()) for k, v in file.vae.items() if k.startswith(("encoder", "quant")))
    sizes = [part.stat().st_size for part in (tmp_path / "carry").iterdir()]
    assert max(sizes) < 16e6 and sum(sizes) < 60e6


def test_a_run_that_was_stopped_leaves_a_checkpoint_and_goes_on_elsewhere(drawings, tmp_path):
    with pytest.raises(SystemExit) as stop:
        command(tmp_path / "a", drawings, "--images", "6", "--session-minutes", "1e-9")
    assert stop.value.code == 143 and read(tmp_path / "a" / "small.safetensors").card.training["images"] == 0
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "carry").replace(tmp_path / "b" / "carry")
    (tmp_path / "a" / "run.json").replace(tmp_path / "b" / "run.json")
    shutil.copy(START, tmp_path / "other.safetensors")
    command(tmp_path / "b", drawings, "--images", "6", "--start", str(tmp_path / "other.safetensors"))
    where = json.loads((tmp_path / "b" / "carry" / "where.json").read_text(encoding="utf-8"))
    assert where["images"] == 6 and where["steps"] == 3 and where["updates"] == 3
    with pytest.raises(SystemExit, match="another configuration"):
        command(tmp_path / "b", drawings, "--images", "6", "--set", "optimizer.weight_decay=0.5")


def test_from_nothing_the_auto_encoder_comes_first(drawings, tmp_path):
    command(tmp_path, drawings, "--images", "4", "--start", "none", "--auto-encoder-share", "0.4")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["phase"] for line in lines] == ["auto-encoder", "pairs", "decoder"]
    assert not (tmp_path / "start.safetensors").exists()
    assert read(tmp_path / "small.safetensors").card.training["start"]["checkpoint"] == "none"


def test_by_the_clock_there_is_a_checkpoint_when_the_time_is_over(drawings, tmp_path):
    command(tmp_path, drawings, "--minutes", "0.15")
    assert read(tmp_path / "small.safetensors").card.training["minutes"] < 1


def test_the_learning_rate_ends_with_the_time_and_rises_on_every_machine(tmp_path):
    recipe = recipe_of("small-256")
    stage, warmup, batch = recipe.stages[0], recipe.optimizer.warmup, recipe.optimizer.batch_size
    loop = SmallLoop(SimpleNamespace(recipe=recipe), None, None, MakePlan(minutes=10), tmp_path,
                     Where(images=1_000_000), 0.0)
    loop.first_second = 60.0
    assert loop._lr(0.0) == pytest.approx(stage.lr * batch / warmup)
    loop.where = Where(images=1_000_000 + warmup)
    assert loop._lr(0.0) == pytest.approx(stage.lr) and loop._lr(1.0) == pytest.approx(stage.final_lr)
    end = MakePlan(minutes=10).unet_seconds()
    for elapsed, progress in ((60.0, 0.0), ((60 + end) / 2, 0.5), (end, 1.0)):
        loop.began = time.perf_counter() - elapsed
        assert loop._unet_progress() == pytest.approx(progress, abs=0.01)


@pytest.mark.parametrize(("name", "value"), [("minutes", 0), ("reuse", 0.5), ("decoder_share", 1.0), ("piece", 0)])
def test_a_plan_that_cannot_be_is_refused(name, value):
    with pytest.raises(ColorizeError, match=f"--{name.replace('_', '-')}: found {value}"):
        MakePlan(**{name: value})


@pytest.mark.parametrize(("quota", "expected"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", None)])
def test_a_container_draws_on_the_processors_that_it_may_use(quota, expected, tmp_path):
    (tmp_path / "cpu.max").write_text(quota, encoding="utf-8")
    found = processors(tmp_path / "cpu.max")
    assert found == (processors(tmp_path / "none") if expected is None else min(expected, os.cpu_count()))


def test_a_start_that_is_not_there_is_told(drawings, tmp_path):
    with pytest.raises(SystemExit, match="no such file"):
        command(tmp_path, drawings, "--start", "nowhere.safetensors")


def test_a_drawing_that_leans_is_turned_about_the_middle_of_its_window():
    svg = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="10 20 40 40">'
           '<rect x="44" y="38" width="4" height="4"/></svg>')

    def middle(picture):
        rows, columns = np.nonzero(np.asarray(picture)[..., 3] > 128)
        return round(float(columns.mean())), round(float(rows.mean()))

    assert middle(FRONT.of(svg, 80)) == (72, 40) == middle(replace(FRONT, lean=(1, 0, 0, 1)).of(svg, 80))
    assert middle(replace(FRONT, lean=(0, 1, -1, 0)).of(svg, 80)) == (40, 72), "a quarter turn to the right"
    assert middle(replace(FRONT, lean=(0.5, 0, 0, 2)).of(svg, 80)) == (56, 40)


def test_some_drawings_lean_and_none_much():
    rng = random.Random(0)
    found = [lean(rng) for _ in range(400)]
    assert 0.5 < sum(one is None for one in found) / 400 < 0.7
    for a, b, c, d in filter(None, found):
        assert 0.75 < a * d - b * c < 1.3 and abs(b) < 0.3 and abs(c) < 0.4
