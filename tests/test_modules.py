"""The layers of the U-Net with the set's weights: where a difference comes from when a whole network is off.

The transformer's layers are in test_attention.py, CLIP's in test_reference_encoder.py, the VAE's with the engine.
"""

from __future__ import annotations

import pytest
import torch

from lib_colorize.method.unet_layers import timestep_embedding
from tests.conftest import golden_ids
from tests.core_models import tensor, unet

LAYERS = ("module.resblock", "module.out_head", "module.downsample", "module.upsample")


@pytest.mark.parametrize("case_id", golden_ids(*LAYERS))
def test_a_layer_equals_the_authors(golden, case_id):
    case = golden.case(case_id)
    path = case["params"]["state_dict_prefix"].removeprefix("model.diffusion_model.").rstrip(".")
    inputs = [tensor(golden, case, name) for name in case["inputs"]]  # x, and emb where there is one
    with torch.no_grad():
        golden.check(case, "y", unet(golden).get_submodule(path)(*inputs).numpy())


@pytest.mark.parametrize("case_id", golden_ids("module.time_embed"))
def test_the_time_embedding_equals_the_authors(golden, case_id):
    case, model = golden.case(case_id), unet(golden)
    sinusoidal = timestep_embedding(torch.tensor(case["params"]["t"]), model.config.model_channels)
    golden.check(case, "sinusoidal", sinusoidal.numpy())
    with torch.no_grad():
        golden.check(case, "emb", model.time_embed(sinusoidal).numpy())
