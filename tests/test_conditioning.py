"""What the encoders' outputs become: against the authors' conditions, and what is left out when not needed."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.errors import ColorizeError
from lib_colorize.method.conditioning import Conditioning, encode
from lib_colorize.method.settings import Settings
from lib_colorize.method.shown_tokens import shown_tokens
from tests.conftest import golden_ids
from tests.core_models import reference_encoder, sketch_encoder, tensor


@pytest.mark.parametrize("case_id", golden_ids("cond.v1"))
def test_conditions_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    inputs = {name: tensor(golden, case, name) for name in case["inputs"]}
    reference = inputs.get("reference")
    if "n" in inputs:
        reference = reference + case["params"]["cond_aug"] * inputs["n"]
    tokens = None if reference is None else shown_tokens(reference_encoder(golden)(reference))
    settings = Settings(sketch_strength=case["params"].get("control_scale", 1.0), sketch_guidance=2.0)
    sketch = inputs.get("sketch", torch.full((1, 3, 64, 64), -1.0))
    conditioning = encode(sketch_encoder(golden), sketch, tokens, settings)

    if reference is None:  # the authors' all-zero tokens are our None
        assert conditioning.tokens is None and not golden.get(case, "outputs", "context").any()
        return
    for name in case["outputs"]:
        if name == "uc0_context":
            assert not golden.get(case, "outputs", name).any()  # never made: a NO_REFERENCE row needs no attention
        elif name.endswith("context"):
            golden.check(case, name, conditioning.tokens.numpy())
        else:
            hints = conditioning.blank_hints if name.startswith("uc1") else conditioning.hints
            golden.check(case, name, hints[int(name[-1])].numpy())


def test_blank_hints_only_with_sketch_guidance_and_strength_zero_is_no_hint(golden):
    sketch = torch.rand(2, 3, 64, 64) * 2 - 1
    conditioning = encode(sketch_encoder(golden), sketch, None, Settings(sketch_strength=0.0))
    assert conditioning.blank_hints is None and conditioning.tokens is None
    assert all(not hint.any() for hint in conditioning.hints)
    assert conditioning.pictures == 2
    assert not conditioning.hints[0].requires_grad


def test_parts_for_different_numbers_of_pictures_are_an_error():
    hints = (torch.zeros(3, 4, 2, 2),)
    assert Conditioning(torch.zeros(1, 5, 8), hints).pictures == 3
    assert Conditioning(None, (torch.zeros(1, 4, 2, 2),)).pictures == 1
    with pytest.raises(ColorizeError, match="2 and 3 pictures"):
        _ = Conditioning(torch.zeros(2, 5, 8), hints).pictures
