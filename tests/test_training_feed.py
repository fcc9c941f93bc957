"""Which samples go into which part of a step, and that no split, stop or worker changes what is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from tests.training_runs import make_pictures, tiny
from training.dataset.pairs import Pairs, open_pairs
from training.trainer.feed import Position, Share, loader, parts
from training.trainer.random_draws import draw
from training.trainer.recipes import Recipe

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


def test_draws_depend_on_seed_and_position_alone() -> None:
    together = draw(3, [0, 5, 9], (4, 8, 8), (6, 2), 1000)
    alone = draw(3, [5], (4, 8, 8), (6, 2), 1000)
    for name, value in vars(alone).items():
        assert torch.equal(getattr(together, name)[1:2], value), name
    assert not torch.equal(draw(4, [5], (4, 8, 8), (6, 2), 1000).noise, alone.noise)
    bare = draw(3, [5], (4, 8, 8), (0, 0), 1000)  # a stage without token noise draws the rest alike
    assert torch.equal(bare.noise, alone.noise) and torch.equal(bare.keep_reference, alone.keep_reference)


def test_draws_are_distributed_as_they_should_be() -> None:
    found = draw(0, range(4000), (2, 2, 2), (1, 2), 1000)
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
