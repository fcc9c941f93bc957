"""Changes by text against the authors': the tower, each formula, whole references, heat maps, the prompts' format."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.shown_tokens import cls_token, shown_tokens
from lib_colorize.method.text.change import THRESHOLDS, Change, parse_changes
from lib_colorize.method.text.heat_map import heat_maps, heat_picture
from lib_colorize.method.text.manipulation import (
    changed_cls,
    changed_tokens,
    evened,
    global_change,
    local_change,
    position_weight,
)
from lib_colorize.method.text.tower import tokenize
from lib_colorize.pictures.images import reference_tensor
from tests.conftest import golden_ids
from tests.core_models import reference_encoder, tensor, text_tower


def entries(params):
    """The changes of a golden case; "none" is no text. Some cases have one name for a list, some another."""
    targets = params.get("targets", [])
    columns = [params.get(name) or params.get(other) or [None] * len(targets) for name, other in (
        ("anchors", ""), ("controls", ""), ("target_scales", "scales"), ("enhances", "enhance"),
        ("thresholds_list", "thresholds"))]
    for target, anchor, control, scale, enhance, thresholds in zip(targets, *columns):
        texts = ["" if text in (None, "none") else text for text in (anchor, control)]
        yield Change(target, *texts, scale, enhance, tuple(thresholds or THRESHOLDS))


def embedded(golden, params):
    """Every text of a case by the set's own tower: the recorded embeddings are the same (`clip.text`)."""
    texts = sorted({text for change in entries(params) for text in (change.target, change.anchor, change.control)}
                   | {params.get("text", "")})
    return text_tower(golden).embed(texts)


def recorded(golden, case):
    """The changes of a case with the recorded vectors of target and anchor; only anchors that are given have one."""
    anchors = iter(tensor(golden, case, "anchor_emb") if "anchor_emb" in case["inputs"] else ())
    for i, change in enumerate(entries(case["params"])):
        yield change, tensor(golden, case, "target_emb")[i, 0], next(anchors)[0] if change.anchor else None


@pytest.mark.parametrize("case_id", golden_ids("clip.text"))
def test_texts_are_embedded_as_theirs(golden, case_id):
    case = golden.case(case_id)
    ids = tokenize(case["params"]["texts"], case["inputs"]["tokens"]["shape"][1])
    assert torch.equal(ids, tensor(golden, case, "tokens").long())
    golden.check(case, "embedding", text_tower(golden)(ids).detach().numpy()[:, None])


@pytest.mark.parametrize("case_id", golden_ids("text.position_weight"))
def test_weights_by_position_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    golden.check(case, "w", position_weight(
        tensor(golden, case, "s"), case["params"]["d"], case["params"]["thresholds"]).numpy())


@pytest.mark.parametrize("case_id", golden_ids("text.local."))
def test_local_changes_equal_the_authors(golden, case_id):
    """With the recorded embeddings; the word "everything" is embedded there as any other (Q29)."""
    case = golden.case(case_id)
    v = tensor(golden, case, "v")
    for i, (change, target, anchor) in enumerate(recorded(golden, case)):
        v = local_change(v, target, anchor, tensor(golden, case, "control_emb")[i, 0], change)
    golden.check(case, "v", v.numpy())


@pytest.mark.parametrize("case_id", golden_ids("text.global."))
def test_global_changes_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    v = tensor(golden, case, "v")[:, :1]
    for change, target, anchor in recorded(golden, case):
        v = global_change(v, target, anchor, change)
    golden.check(case, "v", v.numpy())


@pytest.mark.parametrize("case_id", golden_ids("text.prepare_conditions"))
def test_a_reference_is_changed_as_theirs(golden, case_id):
    """From the picture and the texts to what the U-Net is shown."""
    case = golden.case(case_id)
    params, embedding = case["params"], embedded(golden, case["params"])
    with torch.no_grad():
        tokens = reference_encoder(golden)(tensor(golden, case, "reference"))
    if case["outputs"]["context"]["shape"][1] == 1:
        shown = changed_cls(cls_token(tokens), [*entries(params)], embedding)
    else:
        shown = shown_tokens(changed_tokens(tokens, [*entries(params)], embedding))
    golden.check(case, "context", shown.numpy())


@pytest.mark.parametrize("case_id", golden_ids("text.heatmap."))
def test_heat_maps_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    params, embedding = case["params"], embedded(golden, case["params"])
    with torch.no_grad():
        tokens = reference_encoder(golden)(tensor(golden, case, "reference"))
    tokens = changed_tokens(tokens, [*entries(params)], embedding)
    text, size = tensor(golden, case, "text_emb")[0, 0], (params["height"], params["width"])
    for i, level in enumerate(heat_maps(tokens, text, size, params["thresholds"])):
        golden.check(case, f"map{i}", level.numpy()[..., None])


@pytest.mark.parametrize("case_id", golden_ids("text.visualize"))
def test_heat_maps_are_drawn_as_theirs(golden, case_id):
    case = golden.case(case_id)
    picture = Image.fromarray(golden.get(case, "inputs", "reference_u8"))
    with torch.no_grad():
        tokens = reference_encoder(golden)(reference_tensor(picture))
    text = text_tower(golden).embed([case["params"]["text"]])[case["params"]["text"]]
    maps = heat_maps(tokens, text, (picture.height, picture.width), case["params"]["thresholds"])
    golden.check(case, "image", np.asarray(heat_picture(picture, maps)))


@pytest.mark.parametrize("case_id", golden_ids("text.parse_prompts"))
def test_lines_in_the_authors_format_are_read_and_false_means_false(golden, case_id):
    params = golden.case(case_id)["params"]
    change, = parse_changes(params["line"])
    want = params["result"]
    assert [change.target] == want["targets"] and [change.scale] == want["target_scales"]
    assert [change.anchor or "none"] == want["anchors"] and [change.control or "none"] == want["controls"]
    assert [list(change.thresholds)] == want["thresholds_list"]
    assert change.enhance is ("[enhanced] True" in params["line"])  # recorded: always true (Q30)


def test_a_line_comes_back_and_entries_may_stand_in_one_line():
    changes = (Change("a red dress", "", "a girl; or two", 3.5, True, (0.1, 0.2, 0.3, 0.4)),
               Change("blue sky", "grey sky"))
    for between in ("\n", "; ", "\n\n  "):
        assert parse_changes(between.join(change.to_line() for change in changes)) == changes
    assert parse_changes("[TARGET] x") == (Change("x"),) and parse_changes(" \n ") == ()


@pytest.mark.parametrize(("text", "found"), [
    ("a red dress", "a red dress"), ("[scale] 3", "target"), ("[target] none", "target"),
    ("[target] x; [scale] big", "big"), ("[target] x; [scale] nan", "nan"), ("[target] x; [scale] -1", "-1"),
    ("[target] x; [colour] red", "colour"), ("[target] x; [scale] 1; [scale] 2", "twice"),
    ("[target] x; [enhanced] maybe", "maybe"), ("[target] x; [ts0] 0.9", "0.9"), ("[target] x; [ts3] 1.1", "1.1"),
])
def test_another_text_is_one_sentence(text, found):
    with pytest.raises(ColorizeError, match=found) as caught:
        parse_changes(text)
    assert "\n" not in str(caught.value)


def test_nothing_changes_at_scale_0_or_without_changes(golden):
    tokens = torch.randn(1, 10, 8)
    vector = torch.nn.functional.normalize(torch.randn(8), dim=0)
    assert changed_tokens(tokens, [], {}) is tokens
    assert changed_tokens(tokens, [Change("x", scale=0)], {"x": vector}) is tokens


def test_without_a_control_every_part_is_moved_alike():
    tokens, vector = torch.randn(1, 10, 8), torch.eye(8)[0]
    for control in ("", "Everything"):
        after = changed_tokens(tokens, [Change("x", control=control, scale=5.0)], {"x": vector})
        moved = (after - tokens)[0]
        torch.testing.assert_close(moved[1:], (5.0 - tokens[0, 0, 0]) * vector.expand(9, 8))
        assert bool((moved[0] == 0).all())


def test_a_picture_of_one_kind_and_equal_thresholds_are_no_division_by_zero():
    assert bool((evened(torch.full((1, 9, 1), 3.0)) == 0).all())
    weights = position_weight(torch.linspace(0, 1, 9)[None, :, None], 2.0, (0.5, 0.5, 0.5, 0.5))
    assert weights.flatten().tolist() == [-4.0] * 5 + [2.0] * 4
