"""Reference tokens against the authors', for the installed open_clip and for any others named by the environment.

COLORIZE_OPEN_CLIP_PATHS: folders separated by the path separator, each made with
`pip install --no-deps --target FOLDER open_clip_torch==X`; without it only the installed version is tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lib_colorize.method.reference_encoder import ReferenceEncoder, preprocess, run_blocks
from tests.conftest import golden_ids
from tests.core_models import reference_encoder, tensor, vision_config

CASES = [case for case in golden_ids("clip.") if case not in ("clip.text",) and "scale" not in case]
OTHER_VERSIONS = [path for path in os.environ.get("COLORIZE_OPEN_CLIP_PATHS", "").split(os.pathsep) if path]


def picture(golden, case):
    if "x" in case["inputs"]:
        return tensor(golden, case, "x")
    return (tensor(golden, case, "x_u8").permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.5


@pytest.mark.parametrize("case_id", CASES)
def test_tokens_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    with torch.no_grad():
        tokens = reference_encoder(golden)(picture(golden, case))
    golden.check(case, "preprocessed", preprocess(picture(golden, case), vision_config(golden).image_size).numpy())
    golden.check(case, "full", tokens.numpy())
    golden.check(case, "cls", tokens[:, :1].numpy())
    golden.check(case, "local", tokens[:, 1:].numpy())


@pytest.mark.parametrize("case_id", golden_ids("clip.scale"))
def test_a_larger_reference_equals_the_authors(golden, case_id):
    case, encoder = golden.case(case_id), reference_encoder(golden)
    with torch.no_grad():
        tokens = encoder(picture(golden, case), case["params"]["scale_factor"])
        positions = encoder.positions(tokens.shape[1] - 1)
    golden.check(case, "full", tokens.numpy())
    golden.check(case, "positional_embedding", positions.numpy())


def test_larger_references_follow_the_weights_that_are_loaded_later(golden):
    """Quirk 9 of the authors: theirs are resized once, and go stale."""
    loaded, picture = reference_encoder(golden), torch.rand(1, 3, 50, 70) * 2 - 1
    encoder = ReferenceEncoder(vision_config(golden)).eval()
    with torch.no_grad():
        encoder(picture, 1.5)
        encoder.visual.load_state_dict(loaded.visual.state_dict())
        assert torch.equal(encoder(picture, 1.5), loaded(picture, 1.5))


@pytest.mark.parametrize(("scale", "side"), [(1.0, 16), (1.5, 24), (1.26, 20), (2.0, 32)])
def test_a_scale_is_taken_to_the_nearest_whole_patch(golden, scale, side):
    config = vision_config(golden)
    side = round(side * config.image_size / config.patch_size / 16)
    with torch.no_grad():
        assert reference_encoder(golden)(torch.zeros(1, 3, 30, 30), scale).shape[1] == 1 + side**2


@pytest.mark.parametrize("case_id", golden_ids("module.clip_block"))
def test_one_block_equals_the_authors(golden, case_id):
    case = golden.case(case_id)
    index = int(case["params"]["state_dict_prefix"].rstrip(".").split(".")[-1])
    blocks = reference_encoder(golden).visual.transformer.resblocks[index:index + 1]
    with torch.no_grad():
        y = run_blocks(blocks, tensor(golden, case, "x").transpose(0, 1)).transpose(0, 1)  # recorded tokens first
    golden.check(case, "y", y.numpy())


def test_pictures_of_a_batch_do_not_see_each_other(golden):
    encoder, pictures = reference_encoder(golden), torch.rand(3, 3, 50, 70) * 2 - 1
    with torch.no_grad():
        together = encoder(pictures)
        alone = torch.cat([encoder(p[None]) for p in pictures])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_half_precision_weights_take_float_pictures(golden):
    encoder = ReferenceEncoder(vision_config(golden)).eval()
    encoder.visual.load_state_dict(reference_encoder(golden).visual.state_dict())
    pictures = torch.rand(1, 3, 40, 40) * 2 - 1
    with torch.no_grad():
        want = encoder(pictures)
        tokens = encoder.to(torch.bfloat16)(pictures)
    assert tokens.dtype == torch.bfloat16
    assert ((tokens.float() - want).norm() / want.norm()) < 0.05


@pytest.mark.skipif(not OTHER_VERSIONS, reason="COLORIZE_OPEN_CLIP_PATHS is not set")
@pytest.mark.parametrize("folder", OTHER_VERSIONS)
def test_tokens_are_equal_with_another_open_clip(folder):
    root = Path(__file__).parent.parent
    tests = f"{__file__}::test_tokens_equal_the_authors"
    paths = os.pathsep.join([folder, str(root), os.environ.get("PYTHONPATH", "")])
    code = "import open_clip, pytest, sys; print(open_clip.__file__); sys.exit(pytest.main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": paths, "COLORIZE_OPEN_CLIP_PATHS": ""}
    run = subprocess.run(
        [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", tests], cwd=root, env=environment,
        capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[0].startswith(folder), run.stdout
