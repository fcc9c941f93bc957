"""Which samples go into which part of a step, and that no split, stop or worker changes what is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.training_runs import make_pictures, tiny
from training.dataset.pairs import Pairs, open_pairs
from training.trainer.feed import Position, Share, loader, parts
from training.trainer.progress import epoch_images
from training.trainer.random_draws import draw_noise
from training.trainer.recipe import Recipe
from training.trainer.transfer import changed, moved, pinned

LENGTHS = ("stages.0.images=8", "stages.1.images=4", "stages.2.images=4", "optimizer.batch_size=4")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return open_pairs(make_pictures(tmp_path_factory.mktemp("pairs") / "data"), tiny("pocket").data)


def weighted(recipe: Recipe, pairs: Pairs, world: int) -> dict[int, float]:
    """Position of a sample -> its weight in the mean over all processes, as backward passes add it up."""
    total: Counter[int] = Counter()
    for rank in range(world):
        share = Share.of(recipe, rank, world)
        for part in parts(recipe, pairs, 0, Position(), 16, share):
            for position, weight in zip(part.positions, part.weights):
                total[position] += weight / share.parts / world
    return dict(total)


@pytest.mark.parametrize("world, micro", [(1, 0), (1, 1), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1), (8, 0)])
def test_every_sample_of_a_step_weighs_the_same_however_it_is_split(pairs: Pairs, world: int, micro: int) -> None:
    recipe = tiny("pocket", *LENGTHS, f"run.micro_batch={micro}")
    assert weighted(recipe, pairs, world) == pytest.approx(dict.fromkeys(range(16), 1 / 4))


def test_all_processes_have_equally_many_parts_of_equal_size(pairs: Pairs) -> None:
    recipe = tiny("pocket", *LENGTHS, "run.micro_batch=1")
    sizes = [[len(part.indices) for part in parts(recipe, pairs, 0, Position(), 16, Share.of(recipe, rank, 3))]
             for rank in range(3)]
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_resumed_run_gets_what_the_unbroken_one_gets(pairs: Pairs) -> None:
    recipe = tiny("pocket", *LENGTHS, "run.micro_batch=2")
    whole = list(parts(recipe, pairs, 7, Position(), 16, Share.of(recipe, 0, 1)))
    for i, part in enumerate(whole):
        if part.after is not None:
            rest = list(parts(recipe, pairs, 7, part.after, 16, Share.of(recipe, 0, 1)))
            assert rest == whole[i + 1:]
    assert whole[-1].after is not None and whole[-1].after.images == 16


def test_stage_2_follows_stage_1_by_itself(pairs: Pairs) -> None:
    recipe = tiny("pocket", *LENGTHS)
    assert [part.stage for part in parts(recipe, pairs, 0, Position(), 16, Share.of(recipe, 0, 1))] == [0, 0, 1, 2]


def test_a_stage_in_epochs_sees_each_picture_so_often(pairs: Pairs) -> None:
    recipe = replace(tiny("v1-512"), optimizer=replace(tiny("v1-512").optimizer, batch_size=2))
    seen: dict[int, Counter[int]] = {0: Counter(), 1: Counter()}
    for part in parts(recipe, pairs, 0, Position(), recipe.length(len(pairs)), Share.of(recipe, 0, 1)):
        seen[part.stage].update(part.indices)
    assert set(seen[0].values()) == {5} and set(seen[1].values()) == {2}
    assert set(seen[0]) == set(seen[1]) == set(range(len(pairs)))


@pytest.mark.parametrize("count, batch", [(7, 4), (335, 64), (6, 6)])
def test_a_stage_in_epochs_lasts_whole_epochs_of_filled_batches(count: int, batch: int, tmp_path: Path) -> None:
    recipe = replace(tiny("v1-512"), optimizer=replace(tiny("v1-512").optimizer, batch_size=batch))
    plan = open_pairs(make_pictures(tmp_path / "data", min(count, 7), 64), recipe.data)
    plan.bucket_of = np.zeros(count, dtype=np.int64)  # as many samples as wanted; none of them is read
    epoch = epoch_images(plan, batch)
    assert epoch == sum(len(indices) for indices in plan.plan(0, 0, batch))
    found = list(parts(recipe, plan, 0, Position(), recipe.length(epoch), Share.of(recipe, 0, 1)))
    ends = [part for part in found if part.ends_epoch]
    assert [part.epoch for part in ends] == list(range(7)) and ends[-1] is found[-1]
    assert [part.stage for part in ends] == [0] * 5 + [1] * 2
    for before, after in pairwise(found):  # a stage begins where an epoch does
        assert (before.stage != after.stage) <= before.ends_epoch


def torch_pins(tensor: Tensor) -> Tensor:
    """What torch's `pin_memory` does: memory of the same strides, and a copy into it; expanded tensors are refused."""
    return torch.empty_strided(tensor.shape, tensor.stride()).copy_(tensor)


def test_an_expanded_sketch_is_pinned_and_moved_with_one_channel_in_memory() -> None:
    sketch = torch.rand(2, 1, 8, 8).expand(-1, 3, -1, -1)
    with pytest.raises(RuntimeError, match="single memory location"):
        torch_pins(sketch)
    for found in (pinned(sketch, torch_pins), moved(sketch, "cpu")):
        assert torch.equal(found, sketch)
        assert found.untyped_storage().nbytes() == 2 * 8 * 8 * 4


@pytest.mark.parametrize("colour", [False, True])
def test_everything_a_worker_loads_can_be_pinned(tmp_path: Path, colour: bool) -> None:
    folder = make_pictures(tmp_path / "data")
    if not colour:
        for path in (folder / "sketch").iterdir():
            Image.open(path).convert("L").save(path)
    recipe = tiny("pocket", *LENGTHS)
    loaded = next(iter(loader(recipe, open_pairs(folder, recipe.data), 0, Position(), 8, Share.of(recipe, 0, 1), 1000,
                              pin=False)))
    for group in (loaded.batch, loaded.draws):
        for name, value in vars(group).items():
            if value is not None:
                assert torch.equal(pinned(value, torch_pins), value), name
    shared = changed(loaded.batch, lambda tensor: tensor.clone())
    assert (shared.reference is shared.color) == (loaded.batch.reference is loaded.batch.color)


def test_draws_depend_on_seed_and_position_alone() -> None:
    together = draw_noise(3, [0, 5, 9], (4, 8, 8), (6, 2), 1000)
    alone = draw_noise(3, [5], (4, 8, 8), (6, 2), 1000)
    for name, value in vars(alone).items():
        assert torch.equal(getattr(together, name)[1:2], value), name
    assert not torch.equal(draw_noise(4, [5], (4, 8, 8), (6, 2), 1000).noise, alone.noise)
    bare = draw_noise(3, [5], (4, 8, 8), (0, 0), 1000)  # a stage without token noise draws the rest alike
    assert torch.equal(bare.noise, alone.noise) and torch.equal(bare.keep_reference, alone.keep_reference)


def test_draws_are_distributed_as_they_should_be() -> None:
    found = draw_noise(0, range(4000), (2, 2, 2), (1, 2), 1000)
    assert float(found.t.float().mean()) == pytest.approx(499.5, abs=20)
    assert (int(found.t.min()), int(found.t.max())) <= (20, 999) and int(found.t.max()) >= 980
    for noise in (found.noise, found.posterior, found.token_noise, found.offset):
        assert float(noise.mean()) == pytest.approx(0, abs=0.05) and float(noise.std()) == pytest.approx(1, abs=0.05)
    for keep in (found.keep_reference, found.keep_sketch):
        assert float((keep < 0.1).float().mean()) == pytest.approx(0.1, abs=0.02)
    correlation = torch.corrcoef(torch.stack([found.keep_reference, found.keep_sketch, found.t.float()]))
    assert float((correlation - torch.eye(3)).abs().max()) < 0.06


def test_worker_processes_load_the_same(pairs: Pairs) -> None:
    batches = []
    for workers in (0, 1):
        recipe = tiny("pocket", *LENGTHS, f"run.workers={workers}")
        batches.append(list(loader(recipe, pairs, 0, Position(), 8, Share.of(recipe, 0, 1), 1000, pin=False)))
    for a, b in zip(*batches, strict=True):
        assert a.part == b.part
        assert torch.equal(a.batch.sketch, b.batch.sketch) and torch.equal(a.draws.noise, b.draws.noise)
