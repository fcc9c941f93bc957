"""The experiment at tiny size: rows of equal budget, resumed after kill -9, table and plots; the feature network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.engine.contact_sheet import GAP, HEADER, TILE, tile
from lib_colorize.errors import ColorizeError
from tests.evidence_drawings import small_benchmark
from tests.training_runs import NETWORKS, ROOT, environment, finish, make_pictures, reset_accelerate
from training.dataset.cache_key import Networks, weights_hash
from training.dataset.pairs import open_pairs
from training.evidence import experiment, features, report, rows, side_by_side, table
from training.evidence.feature_net import FeatureRecipe, group_of, learn
from training.evidence.plan import Experiment, claim_experiment
from training.evidence.questions import PairKind, open_benchmark
from training.evidence.rows import ROWS, recipe_for
from training.evidence.table import RowResult
from training.metrics.frechet import Gaussian, frechet_distance
from training.trainer import feed
from training.trainer.dataclass_json import to_plain, with_settings
from training.trainer.export import model_card, split, write_all
from training.trainer.feed import Position, Share
from training.trainer.networks import Model
from training.trainer.recipe_parts import Encoder, TokenNoise, Tokens
from training.trainer.recipes import POCKET

pytestmark = pytest.mark.usefixtures("fresh_accelerate")
IMAGES = 14  # seven steps of two
pytest.importorskip("resvg_py")


def settings(vae: Path) -> tuple[str, ...]:
    return (*NETWORKS, "optimizer.batch_size=2", "optimizer.warmup=0", f"start.vae={vae}")


def make_inputs(out: Path) -> None:
    """What the experiment would draw from the npm packages, at tiny size."""
    small_benchmark(out / "benchmark")
    make_pictures(out / "train")
    (out / "train" / "index.jsonl").write_text(
        "".join(json.dumps({"member": str(i), "width": 64, "height": 64}) + "\n" for i in range(6)))
    make_start(out / "warm.safetensors")
    torch.manual_seed(7)
    net = learn(torch.rand(8, 3, 64, 64) * 2 - 1, torch.arange(8) % 2, FeatureRecipe(4, 2, 2, 4))
    features.write_features(out / "features.safetensors", net, FeatureRecipe(4, 2, 2, 4), ["a", "b"], "data")


def make_start(target: Path) -> None:
    """In place of the warm-up: networks as they are before it."""
    recipe = replace(with_settings(POCKET, NETWORKS), reference_encoder=Encoder.FROZEN)
    torch.manual_seed(5)
    model = Model(recipe)
    parts, extra = split(model, model.state_dict(), None)
    write_all(target, parts, extra, model_card(recipe, {"recipe": to_plain(recipe)}))


def plan_of(out: Path, vae: Path, names: tuple[str, ...], seeds: tuple[int, ...] = (0,)) -> Experiment:
    return Experiment(out, IMAGES, names, seeds, pairs=1, steps=2, settings=settings(vae))


def command(plan: Experiment) -> list[str]:
    words = [sys.executable, "-m", "training.evidence.experiment", "--out", str(plan.out), "--images", str(plan.images),
             "--pairs", str(plan.pairs), "--steps", str(plan.steps), "--rows", *plan.rows,
             "--seeds", *map(str, plan.seeds)]
    return [*words, *(word for setting in plan.settings for word in ("--set", setting))]


def start(plan: Experiment) -> subprocess.Popen[str]:
    return subprocess.Popen(command(plan), cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the processes that are compared with this one: sums over threads differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def finished(module_folder: Path, training_files: Path) -> Path:
    """An unbroken experiment of three rows, one of them with tokens that the engine does not know."""
    make_inputs(module_folder)
    experiment.run_experiment(plan_of(module_folder, training_files / "vae.pt", ("drop-0.5", "proposed", "cls-0.1")))
    reset_accelerate()
    return module_folder


@pytest.mark.parametrize("images", [112, 40_768])
def test_every_row_has_the_same_budget_batches_and_windows(images: int) -> None:
    recipes = [recipe_for(name, images) for name in ROWS]
    assert {recipe.length(999) for recipe in recipes} == {images}
    for at in range(0, images, 16):  # the stage that a step at each place belongs to
        assert len({stage_of(recipe.stages, at).window for recipe in recipes}) == 1
    assert len({(r.optimizer, r.data, r.networks, r.start) for r in recipes}) == 1
    assert {lr for r in recipes for stage in r.stages for lr in (stage.lr, stage.final_lr)} == {rows.LR}


def stage_of(stages, at):
    for stage in stages:
        if at < stage.images:
            return stage
        at -= stage.images
    raise AssertionError(at)


def test_rows_are_those_of_table_1() -> None:
    def stages(name: str) -> list[tuple[int, TokenNoise, float, float]]:
        return [(s.images, s.token_noise, s.drop_reference, s.drop_sketch) for s in recipe_for(name, 112).stages]

    assert stages("drop-0.5") == [(32, TokenNoise.NONE, 0.5, 0.0), (80, TokenNoise.NONE, 0.5, 0.0)]
    assert stages("noisy-only") == [(32, TokenNoise.PAPER, 0.1, 0.0), (80, TokenNoise.PAPER, 0.1, 0.0)]
    assert stages("proposed") == [(32, TokenNoise.PAPER, 0.1, 0.0), (48, TokenNoise.PAPER, 0.1, 0.0),
                                  (32, TokenNoise.NONE, 0.5, 0.1)]
    for name, tokens in (("proj-0.1", Tokens.PROJECTED), ("cls-0.1", Tokens.CLS)):
        assert {s[1:] for s in stages(name)} == {(TokenNoise.NONE, 0.1, 0.0)}
        assert recipe_for(name, 112).tokens is tokens


def test_all_rows_of_a_seed_see_the_same_pictures_steps_and_noise_and_seeds_differ(training_files: Path) -> None:
    base = with_settings(POCKET, settings(training_files / "vae.pt"))

    def seen(name: str, seed: int) -> list[tuple[torch.Tensor, ...]]:
        recipe = recipe_for(name, IMAGES, base)
        pairs = open_pairs(training_files / "data", recipe.data)
        steps = feed.loader(recipe, pairs, seed, Position(), IMAGES, Share.of(recipe, 0, 1), 1000, False)
        return [(x.batch.sketch, x.batch.reference, x.draws.t, x.draws.noise, x.draws.keep_reference) for x in steps]

    first = seen("drop-0.5", 0)
    assert len(first) == 7
    for name in ROWS:
        assert all(torch.equal(a, b) for mine, theirs in zip(seen(name, 0), first) for a, b in zip(mine, theirs))
    assert not any(torch.equal(mine[3], theirs[3]) for mine, theirs in zip(seen("drop-0.5", 1), first))


@pytest.mark.parametrize("images", [0, 100, 7])
def test_a_budget_that_cannot_be_cut_is_refused_with_one_that_can(images: int) -> None:
    with pytest.raises(ColorizeError, match="--images: found .*, expected a multiple of 112 .* such as 112"):
        recipe_for("proposed", images)


def test_only_main_rows_are_trained_with_every_seed() -> None:
    trainings = Experiment(Path("x"), seeds=(3, 4)).trainings()
    assert trainings[:5] == [(name, 3) for name in ROWS]
    assert trainings[5:] == [("drop-0.5", 4), ("noisy-only", 4), ("proposed", 4)]


def test_the_plan_states_the_budget_of_every_row(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    experiment.main(["--plan", "--images", "1120", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert printed.count("1,120 images (320 ") == 8 and "together about" in printed
    assert not (tmp_path / "out").exists()


def test_every_point_is_measured_and_the_ends_are_measured_whole(finished: Path) -> None:
    found = {(r.row, r.images): r for r in experiment.results(finished)}
    assert set(found) == {(row, i) for row in ("drop-0.5", "proposed", "cls-0.1") for i in range(2, 15, 2)}
    whole = {key for key, r in found.items() if "scales" in r.found}
    assert whole == {("drop-0.5", 10), ("drop-0.5", 14), ("proposed", 14), ("cls-0.1", 14)}
    for key in whole:
        scales = found[key].found["scales"]
        assert set(scales) == {"3", "5"} and scales["5"]["pairs"] == 8 and scales["5"]["leak_pairs"] == 4
        assert scales["5"]["parts"]["count"] == 6  # hair, skin, clothes of two pairs of figures
        assert scales["5"]["self"]["psnr"] > 0 and scales["5"]["fd"] >= -1e-6


def test_the_report_has_the_rows_and_the_plots(finished: Path) -> None:
    text = (finished / "report.md").read_text()
    assert "## GS 3" in text and "## GS 5" in text
    assert all(ROWS[name].title in text for name in ("drop-0.5", "proposed", "cls-0.1"))
    for name, *_ in report.CURVES:
        assert f"curve-{name}.png" in text
        assert np.asarray(Image.open(finished / f"curve-{name}.png").convert("L")).std() > 5
    stored = json.loads((finished / "results.json").read_text())
    assert stored["images"] == IMAGES and len(stored["results"]) == 21


def test_a_finished_experiment_computes_nothing_again(finished: Path, training_files: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.suffix in (".safetensors", ".json", ".png")
                and p.parent != finished}

    before = stamps()
    experiment.run_experiment(plan_of(finished, training_files / "vae.pt", ("drop-0.5", "proposed", "cls-0.1")))
    assert stamps() == before


def test_other_settings_in_the_same_folder_are_refused(finished: Path, training_files: Path) -> None:
    plan = plan_of(finished, training_files / "vae.pt", ("proposed",))
    with pytest.raises(ColorizeError, match=r"holds an experiment with other settings \(images: 28 instead of 14\)"):
        experiment.run_experiment(Experiment(**{**vars(plan), "images": 28}))


def test_how_it_is_computed_may_change_on_another_machine(tmp_path: Path) -> None:
    def asked(*settings: str) -> Experiment:
        return Experiment(tmp_path, images=IMAGES, settings=settings)

    claim_experiment(asked("optimizer.batch_size=2", "run.workers=5"))
    claim_experiment(asked("optimizer.batch_size=2", "run.precision=bf16"))
    for other in ("optimizer.batch_size=1", "data.flip=true"):
        with pytest.raises(ColorizeError, match="holds an experiment with other settings"):
            claim_experiment(asked(other))


def test_a_long_run_spends_its_time_on_training_and_not_on_checkpoints() -> None:
    short, long = (recipe_for("proposed", images).run for images in (112, 112 * 3_000))
    assert short.save_every == 1_600 and short.log_every == POCKET.run.log_every
    assert long.save_every == 12_000 and long.log_every == 1_200


def test_latents_are_made_where_the_training_is(
    tmp_path: Path, training_files: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_inputs(tmp_path)
    plan = plan_of(tmp_path, training_files / "vae.pt", ("proposed",))
    found: list[str] = []

    def build_cache(pairs: object, root: Path, networks: Networks) -> None:
        assert networks.vae is not None
        found.append(next(networks.vae.parameters()).device.type)

    monkeypatch.setattr("training.dataset.cache.build_cache", build_cache)
    monkeypatch.setattr(experiment, "named_device", lambda name: torch.device("meta"))
    monkeypatch.setattr("training.trainer.run.train_recipe", lambda *_: None)
    experiment.train_to(plan, "proposed", 0, 2, tmp_path / "runs" / "proposed-s0" / "points" / "2.safetensors")
    assert found == ["meta"]


def test_pictures_of_another_checkpoint_are_not_taken_for_this_ones(finished: Path, training_files: Path) -> None:
    plan = plan_of(finished, training_files / "vae.pt", ("proposed",))
    folder = finished / "runs" / "proposed-s0"
    scorer = experiment.prepare(plan)
    with pytest.raises(ColorizeError, match="pictures of another checkpoint"):
        scorer.score(folder / "points" / "00000002.safetensors", folder / "pictures" / "00000014", True)


def test_killed_at_any_moment_it_goes_on_to_the_same_weights_and_numbers(
    finished: Path, tmp_path: Path, training_files: Path,
) -> None:
    make_inputs(tmp_path)
    plan = plan_of(tmp_path, training_files / "vae.pt", ("proposed",))
    run = tmp_path / "runs" / "proposed-s0"
    for wanted in ("points/00000002.safetensors", "results/00000004.json"):  # while measuring, while training
        process = start(plan)
        end = time.monotonic() + 300
        while not (run / wanted).exists():
            assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (run / "results" / "00000014.json").exists()
    finish(start(plan))
    unbroken = finished / "runs" / "proposed-s0"
    for images in (2, 4, 8, 14):
        name = f"points/{images:08d}.safetensors"
        mine, theirs = load_file(run / name), load_file(unbroken / name)
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
        result = f"results/{images:08d}.json"
        assert json.loads((run / result).read_text()) == json.loads((unbroken / result).read_text())
    assert not (run / "checkpoints").exists()


def test_in_short_pieces_it_comes_to_the_same_weights_and_numbers(
    finished: Path, tmp_path: Path, training_files: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    make_inputs(tmp_path)
    words = [*command(plan_of(tmp_path, training_files / "vae.pt", ("proposed",)))[3:], "--minutes", "0.05"]
    stops = 0
    while stops < 100:
        try:
            experiment.main(words)
            break
        except SystemExit as stopped:
            assert stopped.code == 143 and "the same command goes on" in capsys.readouterr().err
            reset_accelerate()
            stops += 1
    assert stops > 1 and "report.md" in capsys.readouterr().out
    run, unbroken = (folder / "runs" / "proposed-s0" for folder in (tmp_path, finished))
    for images in (2, 8, 14):
        mine, theirs = (load_file(folder / "points" / f"{images:08d}.safetensors") for folder in (run, unbroken))
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
        result = f"results/{images:08d}.json"
        assert json.loads((run / result).read_text()) == json.loads((unbroken / result).read_text())


def test_a_finished_checkpoint_is_measured_as_a_row_of_its_own(finished: Path, training_files: Path) -> None:
    plan = plan_of(finished, training_files / "vae.pt", ("proposed",))
    checkpoint = finished / "runs" / "proposed-s0" / "points" / "00000014.safetensors"
    found = {r.row: r for r in experiment.measure_checkpoints(plan, [checkpoint]) if not r.images}
    own = next(r for r in experiment.results(finished) if (r.row, r.images) == ("proposed", 14))
    assert found["00000014"].found == own.found
    laid, plain = found["00000014, lines laid over"].found["scales"]["5"], own.found["scales"]["5"]
    assert laid["lines"] > max(0.95, plain["lines"]) and laid["parts"]["count"] == plain["parts"]["count"]
    for folder in ("00000014", "00000014-lines"):
        (finished / "models" / folder / "results" / "00000000.json").unlink()
    with pytest.raises(ColorizeError, match="--checkpoint: found no file"):
        experiment.measure_checkpoints(plan, [finished / "none.safetensors"])


def test_to_measure_a_checkpoint_needs_no_warm_up(tmp_path: Path, finished: Path, training_files: Path) -> None:
    make_inputs(tmp_path)
    (tmp_path / "warm.safetensors").unlink()
    checkpoint = finished / "runs" / "proposed-s0" / "points" / "00000014.safetensors"
    found = experiment.measure_checkpoints(plan_of(tmp_path, training_files / "vae.pt", ("proposed",)), [checkpoint])
    assert [r.row for r in found] == ["00000014", "00000014, lines laid over"]
    assert not (tmp_path / "warm.safetensors").exists()
    assert "warm-up" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def numbers(within: float, leak: float | None = 0.5) -> dict[str, object]:
    return {"parts": {"median": 12.0, "within_10": 0.25, "within_20": within}, "parts_by_group": {},
            "fd": 1.0, "kd": 0.01, "leak": {"colour": leak, "edge": leak}, "lines": 0.9}


def test_the_table_shows_mean_and_spread_over_seeds() -> None:
    results = [RowResult("proposed", seed, 14, {"some": numbers(w), "scales": {"5": numbers(w)}})
               for seed, w in ((0, 0.5), (1, 0.75))]
    heading = {"pairs": 4, "benchmark": "b", "steps": 2, "images": 14, "train": "t", "warm": "w", "features": "f"}
    row = next(line for line in table.results_markdown(results, heading).splitlines() if line.startswith("| proposed"))
    assert "| 14 | 2 | 12.0 (12.0 to 12.0) | 0.25 (0.25 to 0.25) | 0.62 (0.50 to 0.75) |" in row
    assert table.spread([None, None], 2) == "-" and table.spread([0.5], 2) == "0.50"


def test_curves_keep_seeds_apart_and_leave_out_what_was_not_measured() -> None:
    results = [RowResult("proposed", seed, images, {"some": numbers(0.1 * images, None if images == 2 else 0.1)})
               for seed in (0, 1) for images in (2, 4)]
    assert report.curves(results, report.CURVES[0][2]) == {"proposed": {2: [0.2, 0.2], 4: [0.4, 0.4]}}
    assert report.curves(results, report.CURVES[1][2]) == {"proposed": {4: [0.1, 0.1]}}


@pytest.mark.parametrize("member, kind", [
    ("0003/openmoji-1F468-1F3FD-2", "people-body"), ("0000/dicebear-adventurer-12-1", "adventurer")])
def test_kinds_are_read_off_the_builders_names(member: str, kind: str) -> None:
    assert group_of(member, {"1F468-1F3FD": "people-body"}) == kind


def test_pictures_of_another_builder_are_refused() -> None:
    with pytest.raises(ColorizeError, match=r"0000/cat: found no kind of picture in its name, expected one of"):
        group_of("0000/cat", {})


def test_the_feature_network_is_reproducible_tells_what_it_learnt_and_its_distance_orders(tmp_path: Path) -> None:
    torch.manual_seed(0)
    colours = torch.tensor([[0.8, -0.8, -0.8], [-0.8, -0.8, 0.8]])
    kinds = torch.arange(64) % 2
    x = (colours[kinds][:, :, None, None] + 0.1 * torch.randn(64, 3, 64, 64)).clamp(-1, 1)
    recipe = FeatureRecipe(width=8, features=8, steps=30, batch_size=16, seed=3)
    nets = [learn(x, kinds, recipe) for _ in range(2)]
    for i, net in enumerate(nets):
        features.write_features(tmp_path / f"{i}.safetensors", net, recipe, ["red", "blue"], "digest")
    assert weights_hash(nets[0].state_dict()) == weights_hash(nets[1].state_dict())
    other = learn(x, kinds, FeatureRecipe(width=8, features=8, steps=30, batch_size=16, seed=4))
    assert weights_hash(other.state_dict()) != weights_hash(nets[0].state_dict())
    assert (nets[0].kind(nets[0](x)).argmax(1) == kinds).float().mean() == 1
    with open_tensors(tmp_path / "0.safetensors") as file:
        assert json.loads(file.metadata["recipe"])["seed"] == 3
    network = features.load_features(tmp_path / "0.safetensors")
    assert weights_hash(nets[0].state_dict())[:16] in network.source

    def pictures(which: int, noise: int) -> list[Image.Image]:
        rng = np.random.default_rng(noise)
        base = np.array([[230, 25, 25], [25, 25, 230]][which])
        return [Image.fromarray((base + rng.integers(-20, 20, (64, 64, 3))).clip(0, 255).astype(np.uint8))
                for _ in range(24)]

    red, again, blue = (Gaussian.of(network.of(pictures(which, noise))) for which, noise in ((0, 1), (0, 2), (1, 3)))
    assert frechet_distance(red, red) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(red, blue) > 100 * max(frechet_distance(red, again), 1e-9)


def test_a_missing_or_foreign_feature_network_is_refused(tmp_path: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(ColorizeError, match="no such file, expected the feature network; make it with"):
        features.load_features(tmp_path / "none.safetensors")
    with pytest.raises(ColorizeError, match="found no recipe inside"):
        features.load_features(tiny_checkpoint)


def test_rows_that_do_not_exist_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="error: --rows: found 'drop', expected some of drop-0.5, noisy-only"):
        experiment.main(["--out", str(tmp_path), "--rows", "drop"])


def test_the_small_recipe_can_be_changed_for_all_rows_alike() -> None:
    plan = Experiment(Path("x"), settings=("optimizer.batch_size=8",))
    assert plan.recipe("proposed").optimizer.batch_size == 8 != POCKET.optimizer.batch_size


def test_bounds_are_those_of_the_best_and_of_the_worst(tmp_path: Path, training_files: Path) -> None:
    make_inputs(tmp_path)
    plan = plan_of(tmp_path, training_files / "vae.pt", ("drop-0.5",))
    experiment.main([*command(plan)[3:], "--bounds"])
    found = {r.row: r.found["scales"]["5"] for r in experiment.results(tmp_path)}
    assert [*found] == ["bound: paper", "bound: perfect", "bound: perfect, decoded", "bound: unrelated colours"]
    perfect, paper, unrelated = (found[f"bound: {name}"] for name in ("perfect", "paper", "unrelated colours"))
    assert perfect["parts"]["median"] < 0.5 and perfect["parts"]["within_10"] == 1.0
    assert perfect["self"]["difference"] == 0.0 and unrelated["self"]["difference"] == 0.0
    assert paper["lines"] == 1.0 and paper["self"]["difference"] > 1.0
    assert unrelated["parts"]["median"] > 20 and paper["parts"]["median"] > 10
    decoded = found["bound: perfect, decoded"]  # by an auto-encoder of random weights
    assert decoded["parts"]["within_20"] < 1.0 and decoded["self"]["difference"] > 1.0
    assert "bound: perfect" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_rows_stand_side_by_side(finished: Path, tmp_path: Path) -> None:
    words = ["--out", str(finished), "--scale", "3", "--rows"]
    side_by_side.main([str(tmp_path / "sheet.png"), *words, "drop-0.5", "proposed"])
    sheet = Image.open(tmp_path / "sheet.png")
    column, first = TILE + GAP, GAP + HEADER
    pair = next(p for p in open_benchmark(finished / "benchmark").pairs if p.kind is PairKind.FIGURE_FIGURE and p.busy)
    for i, row in enumerate(("drop-0.5", "proposed"), 2):
        [folder] = (finished / "runs" / f"{row}-s0" / "pictures").glob("00000014/gs3")
        shown = sheet.crop((GAP + i * column, first, GAP + i * column + TILE, first + TILE))
        assert np.array_equal(np.asarray(shown), np.asarray(tile(Image.open(folder / f"{pair.name}.png"))))
    with pytest.raises(SystemExit, match="found no pictures of noisy-only"):
        side_by_side.main([str(tmp_path / "none.png"), *words, "noisy-only"])
