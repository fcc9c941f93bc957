"""Augmentation against the authors' recorded pixels, and its draws against what the options promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import golden_ids
from tests.golden.reader import Golden
from training.dataset import augment
from training.dataset.collate import stack_sketches, to_tensor
from training.dataset.options import DataOptions

STILL = augment.Draw(False, 0.0, 1.0, (0.0, 0.0), (1.0, 1.0, 1.0), (0, 0), False, (0.0, 0.0))


def released_margins(draws: list, size: tuple[int, int]) -> tuple[int, int]:
    """Mode 0 rows, 1 columns, 2 both, 3 neither, as (rows, columns)."""
    if not draws:
        return 0, 0
    amount, mode = draws[0][2], draws[1][2]
    return {0: (amount, 0), 1: (0, amount), 2: (amount, draws[-1][2]), 3: (0, 0)}[mode]


@pytest.mark.parametrize("name", golden_ids("pre.transform"))
def test_augmentation_gives_the_released_pixels(golden: Golden, name: str) -> None:
    case = golden.case(name)
    params = case["params"]
    on, (first, second) = params["transforms"], params["seeds"]
    image = Image.fromarray(golden.get(case, "inputs", "u8"))
    jittered = [d for d in params["draws_inside"] if d[0] == "random"]
    margins = released_margins([d for d in params["draws_inside"] if d[0] == "randint"], image.size)
    if on["flip"] and first > 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if on["rotate"] and second > 0:
        image = augment.rotate(image, first)
    load = params["resolved_load_size"]
    if params["crops"] is None:
        image = augment.resize(image, (load, load))
    else:
        top, left, height, width = params["crops"]
        shorter = min(image.size)
        covering = (int(load * image.width / shorter), int(load * image.height / shorter))
        image = augment.crop(augment.resize(image, covering), left, top, (width, height))
    image = augment.erase_margins(image, margins)
    if jittered:
        image = augment.jitter(image, tuple(0.9 + 0.2 * x for x in jittered[0][2]))
    if params["error"]:  # theirs crashes where margins leave nothing; ours leaves the middle
        assert (np.asarray(image) != 255).any() and image.size == (width, height)
    else:
        golden.check(case, "u8", np.asarray(image))


@pytest.mark.parametrize("name", golden_ids("pre.transform.flip_crop", "pre.transform.ref"))
def test_one_draw_does_what_the_single_steps_do(golden: Golden, name: str) -> None:
    case = golden.case(name)
    params = case["params"]
    image = Image.fromarray(golden.get(case, "inputs", "u8"))
    on, (first, second), load = params["transforms"], params["seeds"], params["resolved_load_size"]
    drawn = replace(STILL, flip=on["flip"] and first > 0, angle=float(first) if on["rotate"] and second > 0 else 0.0)
    if params["crops"] is None:
        golden.check(case, "u8", np.asarray(augment.geometry(image, drawn, (load, load), squash=True)))
        return
    top, left, height, width = params["crops"]
    covering = [int(load * length / min(image.size)) for length in image.size[::-1]]
    zoom = load / min(image.size) / max(width / image.width, height / image.height)
    place = tuple((corner + 0.5) / (room - side + 1) for corner, room, side in
                  zip((top, left), covering, (height, width)))
    got = augment.geometry(image, replace(drawn, zoom=zoom, place=place), (width, height))
    golden.check(case, "u8", np.asarray(got))


def test_pictures_become_the_released_numbers(golden: Golden) -> None:
    case = golden.case("pre.normalize")
    tensor = to_tensor([Image.fromarray(golden.get(case, "inputs", "u8"))])
    golden.check(case, "neg", (-tensor)[0].numpy())


def test_squashing_gives_the_released_pixels(golden: Golden) -> None:
    case = golden.case("pre.dataset_resize")
    size = (case["params"]["new_size"],) * 2
    image = Image.fromarray(golden.get(case, "inputs", "u8"))
    golden.check(case, "without_ratio", np.asarray(augment.geometry(image, STILL, size, squash=True)))


def test_draws_have_the_promised_shares_and_ranges() -> None:
    options = DataOptions(zoom=1.5, rotate=30, jitter=0.1, white_background=0.2, max_margin=20)
    draws = [augment.draw_augmentation(options, 0, 0, i) for i in range(4000)]
    share = {"flip": 0.5, "white_background": 0.2}
    for name, expected in share.items():
        assert np.mean([getattr(d, name) for d in draws]) == pytest.approx(expected, abs=0.03), name
    angles = np.array([d.angle for d in draws])
    assert np.mean(angles != 0) == pytest.approx(1 / 6, abs=0.03) and 25 < np.abs(angles).max() <= 30
    zooms = np.array([d.zoom for d in draws])
    assert zooms.min() >= 1 and zooms.max() <= 1.5 and zooms.mean() == pytest.approx(1.25, abs=0.01)
    margins = np.array([d.margins for d in draws])
    assert margins.min() == 0 and margins.max() == 20
    rows, columns = (margins > 0).T
    for modes, expected in ((rows & columns, 1), (rows & ~columns, 1), (~rows & columns, 1), (~rows & ~columns, 1)):
        assert modes.mean() == pytest.approx(expected / 4, abs=0.04)  # the four modes of the released trainer
    colours = np.array([d.colour for d in draws])
    assert colours.min() >= 0.9 and colours.max() <= 1.1 and colours.std() == pytest.approx(0.2 / 12**0.5, abs=0.003)


def test_a_draw_depends_on_seed_epoch_and_index_alone() -> None:
    options = DataOptions()
    drawn = augment.draw_augmentation(options, 1, 2, 3)
    assert drawn == augment.draw_augmentation(options, 1, 2, 3)
    keys = ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (3, 2, 1))
    assert len({augment.draw_augmentation(options, *key) for key in keys}) == 5


def test_switching_one_augmentation_on_leaves_the_others_as_they_were() -> None:
    plain, more = DataOptions(), DataOptions(rotate=40, jitter=0.3, zoom=1.4, white_background=0.5)
    for index in range(50):
        a, b = augment.draw_augmentation(plain, 0, 0, index), augment.draw_augmentation(more, 0, 0, index)
        assert (a.flip, a.margins, a.place, a.window) == (b.flip, b.margins, b.place, b.window)


def test_margins_of_the_sketch_alone_become_paper() -> None:
    sketch = Image.new("RGB", (30, 20), "black")
    pixels = np.asarray(augment.erase_margins(sketch, (4, 7)))
    assert (pixels[4:16, 7:23] == 0).all()
    assert (pixels[:4] == 255).all() and (pixels[16:] == 255).all()
    assert (pixels[:, :7] == 255).all() and (pixels[:, 23:] == 255).all()


def test_a_white_background_keeps_the_figure() -> None:
    picture, mask = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "black")
    mask.paste("white", (2, 2, 6, 6))
    pixels = np.asarray(augment.white_background(picture, mask))
    assert (pixels[2:6, 2:6] == (255, 0, 0)).all() and (pixels[:2] == 255).all() and (pixels[:, 6:] == 255).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_lines_are_plus_one_on_minus_one(mode: str) -> None:
    sketch = Image.new(mode, (2, 1), "white")
    sketch.paste("black", (0, 0, 1, 1))
    assert torch.equal(stack_sketches([sketch])[0, :, 0], torch.tensor([[1.0, -1.0]] * 3))


def test_a_grey_sketch_goes_the_same_way_as_its_copy_in_rgb() -> None:
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8))
    for index in range(20):
        drawn = augment.draw_augmentation(DataOptions(rotate=30, rotate_rate=0.5, zoom=1.5, max_margin=9), 0, 0, index)
        a, b = (augment.erase_margins(augment.geometry(p, drawn, (32, 32)), drawn.margins)
                for p in (grey, grey.convert("RGB")))
        assert a.mode == "L" and torch.equal(stack_sketches([a]), stack_sketches([b]))
