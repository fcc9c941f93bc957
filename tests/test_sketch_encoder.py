"""The sketch encoder against the authors' hints, its key names, and its start at zero."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.method.sketch_encoder import SketchEncoder
from tests.conftest import golden_ids
from tests.core_models import sketch_encoder, tensor


@pytest.mark.parametrize("case_id", golden_ids("control."))
def test_hints_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    with torch.no_grad():
        hints = sketch_encoder(golden)(tensor(golden, case, "sketch"))
    assert len(hints) == len(case["outputs"])
    for i, hint in enumerate(hints):
        golden.check(case, f"hint{i}", hint.numpy())


def test_a_new_encoder_gives_zero_hints_and_trains():
    encoder = SketchEncoder(8)
    hints = encoder(torch.rand(2, 3, 64, 128) * 2 - 1)
    assert [tuple(h.shape) for h in hints] == [
        (2, 8, 8, 16), (2, 8, 4, 8), (2, 16, 2, 4), (2, 32, 1, 2), (2, 32, 1, 2)]
    assert all(not h.any() for h in hints)
    sum(h.sum() for h in hints).backward()
    assert all(encoder.get_parameter(f"zero_blocks.{i}.0.weight").grad.any() for i in range(4))


def test_other_multipliers_give_other_levels():
    hints = SketchEncoder(4, channel_mult=(1, 3, 5))(torch.zeros(1, 3, 40, 40))
    assert [tuple(h.shape[1:]) for h in hints] == [(4, 5, 5), (4, 3, 3), (12, 2, 2), (20, 2, 2)]


def test_released_size_has_64_million_parameters():
    with torch.device("meta"):
        encoder = SketchEncoder(320)
    assert round(sum(p.numel() for p in encoder.parameters()) / 1e6, 1) == 64.0
