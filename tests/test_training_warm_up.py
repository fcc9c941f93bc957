"""The warm-up: labels of drawings whose geometry is known, and encoders that tell parts in colours never seen."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib_colorize.checkpoint.read import read
from lib_colorize.errors import ColorizeError
from tests.evidence_drawings import figure, thing
from tests.training_runs import NETWORKS, encoders, make_pictures, tiny, trainer
from training.metrics import leak
from training.small import labelled_drawings as labelled
from training.small import warm_up
from training.small.dress import choose
from training.small.figures import FRONT, paint
from training.small.labelled_drawings import CLASSES, NOBODY, Labelled
from training.small.pair_choice import Sized, groups
from training.small.warm_up import Effort
from training.trainer.networks import Model
from training.trainer.recipe_parts import Encoder

pytest.importorskip("resvg_py")
SIZE = 64
QUICK = Effort(drawings=96, reference_images=9600, sketch_images=1600, batch_size=16, lr=3e-3)


def draw_some(count: int, seed: int) -> Labelled:
    figures = [Sized.of(figure(name)) for name in ("figure", "another", "dicebear/a", "dicebear/b")]
    named = groups([*figures, Sized.of(thing()), Sized.of(thing("other"))])
    drawn = (labelled.draw_labelled(i, named, SIZE, seed) for i in range(count))
    return Labelled(*(np.stack(kind) for kind in zip(*drawn)))


@pytest.fixture(scope="module")
def drawn() -> Labelled:
    return draw_some(QUICK.drawings, 0)


@pytest.fixture(scope="module")
def unseen() -> Labelled:
    return draw_some(24, 1)


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(tiny("pocket"))


def recall(logits: torch.Tensor, classes: torch.Tensor) -> dict[str, float]:
    """Of each class, the share of its cells that is told right; a class without cells is left out."""
    told = logits.argmax(1)
    return {name: float((told[classes == number] == number).float().mean())
            for number, name in enumerate(CLASSES) if bool((classes == number).any())}


def test_cells_are_labelled_by_what_lies_in_their_middle() -> None:
    drawing, size = figure(), 72  # its own size: hair is (10, 6) to (62, 26), ...
    rng = random.Random(0)
    color, sketch = paint(drawing, choose(drawing, rng, False), FRONT, size, rng)
    labels = labelled.label(drawing, FRONT, np.asarray(sketch), leak.background(sketch))
    assert labels.shape == (18, 18) and color.size == (size, size)
    assert (labels[3:5, 4:14] == CLASSES.index("hair")).all()  # middles of y 14, 18 and x 18 to 54
    assert (labels[8:10, 5:13] == CLASSES.index("skin")).all()
    assert (labels[12:15, 4:8] == CLASSES.index("clothes")).all()
    assert (labels[12:15, 10:14] == NOBODY).all(), "under the shade it is not the colour of the clothes"
    assert (labels[:, 0] == 0).all() and (labels[17] == 0).all()
    assert labels[6, 8] == NOBODY  # the line at y 26


def test_parts_without_a_name_are_other() -> None:
    rng = random.Random(0)
    drawing = thing()
    _, sketch = paint(drawing, choose(drawing, rng, False), FRONT, 72, rng)
    labels = labelled.label(drawing, FRONT, np.asarray(sketch), leak.background(sketch))
    assert set(np.unique(labels)) == {0, CLASSES.index("other"), NOBODY}


def test_drawings_differ_by_number_and_seed_alone() -> None:
    first, again, other = draw_some(3, 0), draw_some(3, 0), draw_some(3, 1)
    assert all(np.array_equal(a, b) for a, b in zip(vars(first).values(), vars(again).values()))
    assert not np.array_equal(first.color[0], first.color[1]) and not np.array_equal(first.color, other.color)


def test_tokens_tell_parts_in_colours_never_seen(drawn: Labelled, unseen: Labelled, model: Model) -> None:
    encoder = model.reference_encoder
    assert encoder is not None
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    head = warm_up.warm_reference(encoder, drawn, QUICK, lambda line: None)
    every = np.arange(len(unseen))
    with torch.no_grad():
        logits, colours, _ = head(encoder(unseen.pictures(every)))
        found = recall(logits, unseen.classes(every))
        true = torch.nn.functional.avg_pool2d(unseen.pictures(every), labelled.CELL)
    assert min(found[name] for name in ("hair", "skin", "clothes")) > 0.5, found  # by chance 0.2
    spread = float((true - true.mean((0, 2, 3), keepdim=True)).abs().mean())
    assert float((colours - true).abs().mean()) < 0.7 * spread
    fixed = ("visual.proj", "visual.ln_post.weight", "visual.ln_post.bias")
    assert all(torch.equal(before[key], encoder.state_dict()[key]) for key in fixed), "the tokens' scale is for ever"


def test_sketch_features_tell_parts_and_hints_stay(drawn: Labelled, unseen: Labelled, model: Model) -> None:
    encoder = model.sketch_encoder
    head = warm_up.warm_sketch(encoder, drawn, QUICK, lambda line: None)
    every = np.arange(len(unseen))
    with torch.no_grad():
        found = recall(head(warm_up.sketch_features(encoder, unseen.sketches(every))), unseen.classes(every))
        hints = encoder(unseen.sketches(every))
    assert min(found[name] for name in ("hair", "skin", "clothes")) > 0.5, found
    assert all(float(hint.abs().max()) == 0 for hint in hints), "an untrained U-Net is shown hints of zero"


def test_the_result_is_a_start_whose_u_net_is_the_first_one(
    drawn: Labelled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training_files: Path,
) -> None:
    monkeypatch.setattr(warm_up, "build_labelled", lambda packages, count, size, seed: drawn)
    target, said = tmp_path / "warm.safetensors", []
    settings = (*NETWORKS, "start.checkpoint=none", f"start.vae={training_files / 'vae.pt'}")
    warm_up.warm_up(target, replace(QUICK, reference_images=32, sketch_images=32), settings=settings, say=said.append)
    assert "start: from nothing" in said[0] and str(target) in said[-1]
    file = read(target)
    torch.manual_seed(0)
    first = Model(replace(tiny("pocket"), reference_encoder=Encoder.TRAINED))
    assert file.unet is not None and file.vae is not None and file.reference_encoder is not None
    assert all(torch.equal(value, file.unet[key]) for key, value in first.unet.state_dict().items())
    assert first.reference_encoder is not None
    old = first.reference_encoder.visual.conv1.weight
    assert not torch.equal(old, file.reference_encoder["conv1.weight"])
    training = file.card.training
    assert training["warm_up"]["drawings"] == QUICK.drawings
    assert training["start"]["vae"] == "vae.pt", "files are named, and not where they lie"


@pytest.mark.usefixtures("fresh_accelerate")
def test_a_frozen_encoder_is_in_the_model_and_does_not_learn(tmp_path: Path) -> None:
    recipe = replace(tiny("pocket"), reference_encoder=Encoder.FROZEN)
    run = trainer(recipe, make_pictures(tmp_path / "data"), tmp_path / "run")
    assert encoders(recipe).reference_encoder is None
    inside = run.model.reference_encoder
    assert not any(p.requires_grad for p in inside.parameters()) and not {id(p) for p in inside.parameters()} & {
        id(p) for group in run.optimizer.param_groups for p in group["params"]}
    assert all(p.requires_grad for p in run.model.sketch_encoder.parameters())


@pytest.mark.parametrize(("words", "message"), [
    (["--preset", "v1-512"], "is CLIP, which needs no warm-up"),
    (["--drawings", "0"], "expected 1 or more of everything"),
    (["--checkpoint", "nowhere.safetensors"], "nowhere.safetensors: no such file"),
])
def test_bad_arguments_are_refused_before_anything_is_drawn(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warm_up, "build_labelled", lambda *a: pytest.fail("drew"))
    with pytest.raises(SystemExit, match=message):
        warm_up.main([str(tmp_path / "x.safetensors"), *words])
    with pytest.raises(ColorizeError):
        warm_up.warm_up(tmp_path / "x.safetensors", Effort(drawings=0))
