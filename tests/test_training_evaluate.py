"""The evaluation command, end to end: what it colours, that it goes on, what it writes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.pictures.picture_files import open_image
from tests.training_data_folders import color_of, sketch_of, write_pairs
from tests.training_runs import finish_together, start_together, tiny
from training.dataset.extractors import REGISTRY
from training.metrics.evaluate import evaluate, main, parse_part, read_evaluation
from training.metrics.measure import notes
from training.metrics.paint_jobs import PaintJob
from training.metrics.painter import AblationPainter, EnginePainter, open_painter
from training.metrics.share import ProcessShare
from training.metrics.table import evaluations_markdown
from training.metrics.validation import EvaluateOptions, choose_cases
from training.trainer.dataclass_json import to_plain
from training.trainer.export import model_card, split, write_all
from training.trainer.networks import Model
from training.trainer.recipe_parts import Encoder

OPTIONS = EvaluateOptions(scales=(1.0, 3.0), schedulers=("Karras",), steps=2)
ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "models" / "colorize-small.safetensors"


def quiet(message: str) -> None:
    """No output."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "data", 4, ((64, 64), (80, 48)))


def run(checkpoint: Path, data: Path, out: Path, **changes: Any) -> dict[str, Any] | None:
    options = {"network_names": ["reference-encoder"], "device": "cpu", "say": quiet, **changes}
    return evaluate(checkpoint, data, out, options.pop("options", OPTIONS), **options)


# Random references

def test_references_are_random_and_never_the_picture_itself() -> None:
    cases = choose_cases(50, 0, seed=1)
    assert sorted(case.index for case in cases) == list(range(50))
    assert all(case.index != case.reference for case in cases)
    assert len({case.reference for case in cases}) > 25
    assert cases == choose_cases(50, 0, seed=1) != choose_cases(50, 0, seed=2)
    assert [case.index for case in choose_cases(50, 7, seed=1)] == [case.index for case in cases[:7]]
    many = np.array([[c.index, c.reference] for s in range(400) for c in choose_cases(3, 0, s)])
    for i in range(3):  # each of the two others half of the time
        others = many[many[:, 0] == i, 1]
        assert np.mean(others == (i + 1) % 3) == pytest.approx(0.5, abs=0.1)


def test_one_picture_is_too_few() -> None:
    with pytest.raises(ColorizeError, match="two or more"):
        choose_cases(1, 0, 0)


# What is made

@torch.no_grad()
def test_the_painter_paints_what_the_engine_does(tiny_checkpoint: Path) -> None:
    settings = Settings(steps=2, reference_guidance=3.0, scheduler="Uniform", seed=7, polarity=Polarity.DARK_ON_LIGHT)
    sketch, reference = sketch_of(0, (80, 48)), color_of(1, (50, 70))
    painter = open_painter(tiny_checkpoint, None, "cpu", None)
    assert isinstance(painter, EnginePainter)
    got = painter.paint(sketch, reference, settings)
    want = Engine.load(tiny_checkpoint, device="cpu").colorize(sketch, reference, settings)[0].image
    assert np.array_equal(np.asarray(got), np.asarray(want))


def ablation(path: Path, preset: str) -> Path:
    """An exported model of Table 1 at small width, its encoder inside, random weights."""
    recipe = replace(tiny(preset), reference_encoder=Encoder.TRAINED)
    torch.manual_seed(0)
    model = Model(recipe)
    with torch.no_grad():
        for parameter in model.parameters():
            if float(parameter.abs().sum()) == 0:  # layers that begin at zero would hide what they are shown
                parameter.normal_(0, 0.1)
    vae = AutoencoderKL(recipe.networks.vae).state_dict()
    parts, extra = split(model, model.state_dict(), vae)
    write_all(path, parts, extra, model_card(recipe, {"recipe": to_plain(recipe)}))
    return path


@pytest.mark.parametrize("preset", ["proj-0.1", "cls-0.1"])
def test_the_ablations_of_table_1_are_painted(tmp_path: Path, preset: str) -> None:
    painter = open_painter(ablation(tmp_path / "model.safetensors", preset), None, "cpu", None)
    assert isinstance(painter, AblationPainter)
    settings = Settings(steps=2, reference_guidance=3.0, polarity=Polarity.DARK_ON_LIGHT)
    pictures = [np.asarray(painter.paint(sketch_of(number, (80, 48)), color_of(reference, (50, 70)), settings))
                for number, reference in ((0, 1), (0, 1), (0, 2), (3, 1))]
    assert np.array_equal(pictures[0], pictures[1]) and pictures[0].shape[1] > pictures[0].shape[0]
    assert not np.array_equal(pictures[0], pictures[2]) and not np.array_equal(pictures[0], pictures[3])


@torch.no_grad()
def test_both_painters_agree_on_local_tokens(tmp_path: Path) -> None:
    path = ablation(tmp_path / "model.safetensors", "pocket")
    settings = Settings(steps=2, reference_guidance=3.0, polarity=Polarity.DARK_ON_LIGHT)
    inputs = sketch_of(0, (80, 48)), color_of(1, (50, 70)), settings
    painters = EnginePainter.load(path, None, "cpu", None), AblationPainter(path, None, "cpu", None)
    a, b = (np.asarray(painter.paint(*inputs), int) for painter in painters)
    assert np.abs(a - b).max() <= 1 and a.std() > 1


def test_an_evaluation_measures_every_run(tiny_checkpoint: Path, data: Path, tmp_path: Path) -> None:
    found = run(tiny_checkpoint, data, tmp_path / "out")
    assert found and found["pictures"] == 4 and found["checkpoint"]["name"] == "tiny.safetensors"
    assert [(r["scheduler"], r["guidance"]) for r in found["runs"]] == [("Karras", 1.0), ("Karras", 3.0)]
    for measured in found["runs"]:
        distance = measured["distances"]["FD (reference encoder)"]
        assert distance["frechet"] > 0 and np.isfinite(distance["kernel"])
        assert -1 <= measured["similarity"]["own"] <= 1 and 0 <= measured["lines"]["f1"] <= 1
        assert measured["leak"]["samples"] + measured["leak"]["without_background"] == 4
    assert found["ground_truth"]["lines"]["f1"] >= 0 and "far too large" in found["notes"][0]
    folders = {p.name: len(list(p.glob("*.png"))) for p in (tmp_path / "out").iterdir() if p.is_dir()}
    assert folders == dict.fromkeys(["karras-gs1", "karras-gs1-blank", "karras-gs3", "karras-gs3-blank"], 4)
    assert json.loads(json.dumps(found)) == found


def test_ground_truth_in_place_of_results_is_perfect(tiny_checkpoint: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = replace(OPTIONS, leak=False, scales=(1.0,))
    run(tiny_checkpoint, data, out, options=options)
    sizes = {p.name: Image.open(p).size for p in (out / "karras-gs1").glob("*.png")}
    keys = sorted(f"{i % 2:04d}/{i:04d}" for i in range(4))
    for name, size in sizes.items():
        number = int(keys[int(name[:8])][-4:])
        truth = color_of(number, ((64, 64), (80, 48))[number % 2]).resize(size, Image.Resampling.BICUBIC)
        truth.save(out / "karras-gs1" / name)
    found = run(tiny_checkpoint, data, out, options=options)
    assert found
    distance = found["runs"][0]["distances"]["FD (reference encoder)"]["frechet"]
    assert distance == pytest.approx(0, abs=1e-3)
    assert found["runs"][0]["lines"] == found["ground_truth"]["lines"] and found["runs"][0]["leak"] is None


def test_a_stopped_evaluation_goes_on_and_parts_are_the_whole(
    tiny_checkpoint: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run(tiny_checkpoint, data, tmp_path / "whole")
    assert run(tiny_checkpoint, data, tmp_path / "parts", part=(0, 2)) is None
    assert len(list((tmp_path / "parts" / "karras-gs3").glob("*.png"))) == 2
    assert run(tiny_checkpoint, data, tmp_path / "parts", part=(1, 2)) is None
    monkeypatch.setattr(EnginePainter, "paint_together", lambda *more: pytest.fail("painted again"))
    assert run(tiny_checkpoint, data, tmp_path / "parts") == whole


@pytest.mark.parametrize("sampler", ["DPM++ 2M", "Euler a", "DPM++ 2M SDE"])
def test_pictures_of_a_batch_are_those_made_one_by_one(tiny_checkpoint: Path, sampler: str) -> None:
    """Of two sizes, mixed, and with one more than fills the batches."""
    painter = open_painter(tiny_checkpoint, None, "cpu", None)
    jobs = [PaintJob(sketch_of(i, ((64, 64), (80, 48))[i % 2]), color_of(i + 1, (50, 70)),
                     OPTIONS.settings(3.0, "Uniform", i).with_(sampler=sampler)) for i in range(7)]
    alone = [painter.paint(job.sketch, job.reference, job.settings) for job in jobs]
    painter.at_once = 2
    together = painter.paint_many(jobs)
    assert [p.size for p in together] == [p.size for p in alone] and len({p.size for p in alone}) == 2
    differences = [np.abs(np.asarray(a, int) - np.asarray(b, int)).max() for a, b in zip(alone, together)]
    assert max(differences) <= 1
    assert all(np.abs(np.asarray(a, int) - np.asarray(b, int)).max() > 1 for a, b in zip(alone, alone[2:]))


def test_a_batch_is_what_is_alike_and_nothing_is_left_over(tiny_checkpoint: Path) -> None:
    painter = open_painter(tiny_checkpoint, None, "cpu", None)
    painter.at_once = 3
    jobs = [painter.prepare(PaintJob(sketch_of(i, ((64, 64), (80, 48))[i % 2]), color_of(i, (64, 64)),
                                     OPTIONS.settings(3.0 if i < 8 else 5.0, "Uniform", i))) for i in range(10)]
    found = [marks for marks, _ in painter.batches(enumerate(jobs))]
    assert found == [[0, 2, 4], [1, 3, 5], [6], [7], [8], [9]]


def pixels_of(folder: Path) -> dict[str, np.ndarray]:
    return {str(path.relative_to(folder)): np.asarray(Image.open(path), int) for path in folder.rglob("*.png")}


def measures_of(found: dict[str, Any]) -> dict[str, float]:
    """Every number of an evaluation by its place."""
    flat: dict[str, float] = {}

    def walk(value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{place}.{key}")
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                walk(inner, f"{place}.{number}")
        elif isinstance(value, (int, float)):
            flat[place] = value

    walk({"runs": found["runs"], "truth": found["ground_truth"]}, "")
    return flat


def test_two_processes_share_an_evaluation_that_is_killed_and_goes_on(
    tiny_checkpoint: Path, data: Path, tmp_path: Path,
) -> None:
    arguments = ["--checkpoint", str(tiny_checkpoint), "--data", str(data), "--features", "reference-encoder",
                 "--scales", "1", "3", "--schedulers", "Karras", "--steps", "2", "--batch", "2"]
    out = tmp_path / "two"
    both = start_together([*arguments, "--out", str(out)], 2, "training/evaluate.py", ACCELERATE_USE_CPU="true")
    deadline = time.monotonic() + 300
    while not [*out.rglob("*.png")] and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in both:
        process.kill()
        process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert kept and not (out / "evaluation.json").exists()
    outputs = finish_together([*arguments, "--out", str(out)], "training/evaluate.py", ACCELERATE_USE_CPU="true")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "GS-3" in outputs[0] and "GS-3" not in outputs[1]  # the first puts all together
    assert not [*out.glob(".measured*")]
    one = run(tiny_checkpoint, data, tmp_path / "one")
    assert one
    want, got = pixels_of(tmp_path / "one"), pixels_of(out)
    assert want.keys() == got.keys() and len(want) == 16
    assert max(np.abs(want[name] - got[name]).max() for name in want) <= 1
    numbers, found = measures_of(one), measures_of(json.loads((out / "evaluation.json").read_text(encoding="utf-8")))
    assert numbers.keys() == found.keys()
    for place, number in numbers.items():
        assert found[place] == pytest.approx(number, rel=0.02, abs=0.02), place


def test_a_damaged_picture_is_named_and_what_was_painted_before_stays(tiny_checkpoint: Path, tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "folders", 4, ((64, 64),), layout="folder")
    last = choose_cases(4, 0, 0)[-1].index
    key = sorted(f"{i % 2:04d}/{i:04d}" for i in range(4))[last]
    sketch = data / "sketch" / f"{key}.png"
    sketch.write_bytes(sketch.read_bytes()[:60])
    with pytest.raises(ColorizeError, match=key):
        run(tiny_checkpoint, data, tmp_path / "out")
    assert len([*(tmp_path / "out").rglob("*.png")]) == 3


def test_a_part_is_not_asked_of_processes_that_share(
    tiny_checkpoint: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.metrics.evaluate.join_processes", lambda: ProcessShare(0, 2))
    with pytest.raises(ColorizeError, match="leave it out"):
        run(tiny_checkpoint, data, tmp_path / "out", part=(0, 2))


def test_another_run_never_mixes_with_the_pictures_of_one(tiny_checkpoint: Path, data: Path, tmp_path: Path) -> None:
    run(tiny_checkpoint, data, tmp_path / "out", part=(0, 4))
    with pytest.raises(ColorizeError, match="another checkpoint, data or settings"):
        run(tiny_checkpoint, data, tmp_path / "out", options=replace(OPTIONS, steps=3))
    other = write_pairs(tmp_path / "other", 3, ((64, 64),))
    with pytest.raises(ColorizeError, match="another checkpoint, data or settings"):
        run(tiny_checkpoint, other, tmp_path / "out")


def test_a_separate_vision_tower_measures_similarity(tiny_checkpoint: Path, data: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, leak=False, scales=(1.0,))
    own = run(tiny_checkpoint, data, tmp_path / "out", options=options)
    other = run(tiny_checkpoint, data, tmp_path / "out", options=options, clip=SHIPPED)  # any file with a tower inside
    assert own and other and own["similarity_network"] != other["similarity_network"]
    assert own["runs"][0]["distances"] == other["runs"][0]["distances"]
    assert own["runs"][0]["similarity"] != other["runs"][0]["similarity"]


# What is written

def entry(model: str, fid: float, scheduler: str = "Uniform") -> dict[str, Any]:
    runs = [{"scheduler": scheduler, "guidance": scale, "similarity": {"own": 0.9, "other": 0.5},
             "distances": {"FID": {"frechet": fid + scale, "kernel": 0.002, "features": 2048}},
             "lines": {"f1": 0.75, "chamfer": 0.0123}, "leak": {"colour": 0.25, "edge": 0.125}} for scale in (3.0, 5.0)]
    return {"model": model, "pictures": 50000, "runs": runs, "ground_truth": {"lines": {"f1": 0.9, "chamfer": 0.004}},
            "settings": {"steps": 20, "sampler": "DPM++ 2M"}, "seed": 0, "features": {"FID": "pytorch-fid"},
            "similarity_network": "CLIP", "notes": []}


def test_the_table_is_laid_out_like_the_papers() -> None:
    text = evaluations_markdown([entry("Proposed model", 4.0), entry("Drop-0.5", 5.0)])
    lines = text.splitlines()
    assert lines[0] == "| FID, 50000 pictures, uniform schedule ↓ | GS-3 | GS-5 |"
    assert lines[2:4] == ["| Proposed model | 7.0000 | 9.0000 |", "| Drop-0.5 | 8.0000 | 10.0000 |"]
    assert "| Proposed model | uniform | 3 | 2.000 | 0.900 | 0.500 | 0.750 | 1.23 | 0.250 | 0.125 |" in lines
    assert "| Drop-0.5: ground truth |  |  |  |  |  | 0.900 | 0.40 |  |  |" in lines
    widths = {line.count("|") for line in lines if line.startswith("| Proposed model |") and "uniform" in line}
    assert widths == {11}


def test_nothing_is_not_negative_in_the_table() -> None:
    found = entry("a", 4.0)
    found["runs"][0]["leak"] = {"colour": -0.0001, "edge": None}
    assert "| 1.23 | 0.000 | - |" in evaluations_markdown([found])


def test_models_of_different_schedules_stand_side_by_side() -> None:
    text = evaluations_markdown([entry("a", 4.0), entry("b", 5.0, "Karras")])
    assert "| a | - | - |" in text and "| b | 8.0000 | 10.0000 |" in text


def column_mates(text: str, model: str) -> list[set[str]]:
    """Of every table with that model: who else is in it."""
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    found = [{line.split("|")[1].strip().removesuffix(": ground truth") for line in block.splitlines()[2:]}
             for block in tables]
    return [names - {model} for names in found if model in names]


@pytest.mark.parametrize("changes, named", [
    ({"pictures": 5000}, ["5000 pictures", "50000 pictures"]),
    ({"features": {"FID": "weights of another file"}}, ["by pytorch-fid", "by weights of another file"]),
    ({"settings": {"steps": 50, "sampler": "DPM++ 2M"}}, ["20 steps of DPM++ 2M", "50 steps of DPM++ 2M"]),
    ({"settings": {"steps": 20, "sampler": "Euler"}}, ["20 steps of DPM++ 2M", "20 steps of Euler"]),
    ({"data": "abcdef0123456789"}, ["data abcdef01"])])
def test_distances_that_cannot_be_compared_stand_in_tables_of_their_own(
    changes: dict[str, Any], named: list[str],
) -> None:
    text = evaluations_markdown([entry("a", 4.0), {**entry("b", 5.0), **changes}, entry("c", 6.0)])
    distances = [block for block in text.split("\n\n") if block.startswith("| FID")]
    assert len(distances) == 2
    assert column_mates(distances[0], "a") == [{"c"}] and column_mates(distances[1], "b") == [set()]
    assert all(any(block.splitlines()[0].count(name) for block in distances) for name in named)
    kernel = [line for line in text.splitlines() if line.startswith("| model ")]
    assert sum(line.count("KID x 1000") for line in kernel) == 2
    for line in text.splitlines():
        if line.startswith(("| a | uniform", "| b | uniform")):
            assert line.count("2.000") == 1


def test_similarity_by_different_networks_stands_apart() -> None:
    text = evaluations_markdown([entry("a", 4.0), {**entry("b", 5.0), "similarity_network": "another CLIP"}])
    assert len([block for block in text.split("\n\n") if block.startswith("| FID")]) == 1
    assert "**by another CLIP**" in text and "**by CLIP**" in text
    assert [block.count("| b | uniform |") for block in text.split("\n\n") if "| a | uniform |" in block] == [0]


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model": "a", "runs": 3}'])
def test_a_file_that_is_no_evaluation_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content, encoding="utf-8")
    with pytest.raises(ColorizeError, match="other.json is no evaluation.json"):
        read_evaluation(tmp_path / "other.json")


def test_too_few_pictures_for_the_features_are_remarked() -> None:
    measured = {"runs": [{"distances": {"FID": {"features": 2048}}}]}
    assert "2048 features" in notes(2048, measured)[0] and notes(2049, measured) == []


@pytest.mark.parametrize("text, expected", [("0/8", (0, 8)), ("7/8", (7, 8)), (None, None)])
def test_a_part_is_k_of_n(text: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_part(text) == expected


@pytest.mark.parametrize("text", ["8/8", "1", "a/b", "-1/4", ""])
def test_a_wrong_part_is_named(text: str) -> None:
    with pytest.raises(ColorizeError, match="expected k/n"):
        parse_part(text)


def test_what_is_wrong_is_one_line(tiny_checkpoint: Path, data: Path, tmp_path: Path) -> None:
    start = ["--checkpoint", str(tiny_checkpoint), "--data", str(data), "--out", str(tmp_path / "o"), "--device", "cpu"]
    for more, message in (([], "pt_inception-2015-12-05-6726825d.pth"), (["--part", "9/3"], "expected k/n"),
                          (["--data", str(tmp_path)], "no folder color/"), (["--with", str(tmp_path / "x")], "No such"),
                          (["--checkpoint", str(tmp_path / "none")], "no such file")):
        with pytest.raises(SystemExit) as stopped:
            main([*start, *more])
        assert message in str(stopped.value.code) and "\n" not in str(stopped.value.code)
    assert not (tmp_path / "o").exists()  # told before anything is painted


def test_a_damaged_picture_stops_the_evaluation_by_name(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 3, ((64, 64),), layout="folder", shards=1)
    file = folder / "color/0000/0001.png"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(ColorizeError, match="0000/0001, color"):
        run(tiny_checkpoint, folder, tmp_path / "out")


def test_the_shipped_model_is_evaluated_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = REGISTRY["lineart"](None, "cpu")
    for name in ("phoenix", "night", "purse"):
        color = open_image(ROOT / "examples" / "references" / f"{name}.png").convert("RGB").resize((128, 128))
        for part, image in (("color", color), ("sketch", draw(color))):
            (tmp_path / "data" / part).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "data" / part / f"{name}.png")
    main(["--checkpoint", str(SHIPPED), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--no-leak",
          "--features", "reference-encoder", "--steps", "6", "--scales", "3", "--schedulers", "Karras",
          "--device", "cpu"])
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    similarity = found["runs"][0]["similarity"]  # by CLS tokens of a small encoder, which are all alike: 0.79 and 0.74
    assert similarity["own"] > similarity["other"] + 0.03
    assert found["runs"][0]["lines"]["f1"] > 0.5 and found["ground_truth"]["lines"]["f1"] > 0.8
    assert (tmp_path / "out/evaluation.md").read_text().startswith("| FD (reference encoder), 3 pictures, karras")
    assert "colorize-small" in capsys.readouterr().out
