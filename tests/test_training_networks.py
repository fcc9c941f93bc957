"""The networks of Table 1, what is trained, the moving average: against own arithmetic and the authors' numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS, infer_network
from lib_colorize.checkpoint.layout import is_projection
from lib_colorize.engine.networks import AutoencoderKL, without_weights
from lib_colorize.method.spatial_transformer import Attention
from lib_colorize.method.unet import UNet
from tests import core_models
from tests.conftest import golden_ids
from tests.golden.reader import Golden
from tests.training_runs import tiny
from training.dataset.batch import Batch
from training.trainer.compiling import COSTLY, checkpoint_blocks, compile_blocks
from training.trainer.ema import EMA
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.networks import CLSLinear, CLSProjection, Model, cross_attention_blocks, unet_state
from training.trainer.objective import drop_sketch
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Tokens
from training.trainer.recipes import RECIPES


def golden_recipe(golden: Golden) -> Recipe:
    """v1-512 with the sizes of the golden set, its reference encoder frozen outside."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, value in core_models.weights(golden).items():
        for part, prefix in PARTS.items():
            if key.startswith(prefix):
                shapes.setdefault(part, {})[key.removeprefix(prefix)] = tuple(value.shape)
    heads = golden.index["model_config"]["unet"]["num_head_channels"]
    vision = core_models.vision_config(golden)
    config = infer_network(shapes, {"num_head_channels": heads, "head_width": vision.head_width})
    return replace(RECIPES["v1-512"], networks=replace(config, reference=vision),
                   data=replace(RECIPES["v1-512"].data, resolution=512))


@pytest.mark.parametrize("case_id", golden_ids("train.params"))
def test_the_trained_parameters_are_the_authors(golden: Golden, case_id: str) -> None:
    params = golden.case(case_id)["params"]
    model = without_weights(lambda: Model(golden_recipe(golden)))
    names = {"unet.": PARTS["unet"], "sketch_encoder.": PARTS["sketch_encoder"]}
    ours = {names[k.split(".")[0] + "."] + k.split(".", 1)[1]: v.numel() for k, v in model.named_parameters()}
    theirs = json.loads((Path(golden.path) / params["file"]).read_text())["ColorizerTrainer"]
    assert set(ours) == set(theirs)
    assert (len(ours), sum(ours.values())) == (params["count"], params["numel"])
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("case_id", golden_ids("train.ema"))
def test_the_moving_average_is_the_authors(golden: Golden, case_id: str) -> None:
    case = golden.case(case_id)
    weights = core_models.tensor(golden, case, "weights")
    parameter = torch.nn.Parameter(weights[0].clone())
    ema, shadows = EMA([parameter], 0.9999), []
    for value in weights[1:]:
        parameter.data.copy_(value)
        ema.update()
        shadows.append(ema.shadow[0].clone())
    golden.check(case, "shadow_after", torch.stack(shadows).numpy())


@pytest.mark.parametrize("case_id", golden_ids("train.get_input"))
def test_a_batch_becomes_the_authors_inputs(golden: Golden, case_id: str) -> None:
    case = golden.case(case_id)
    given = {name: core_models.tensor(golden, case, name) for name in case["inputs"]}
    recipe = golden_recipe(golden)
    assert recipe.networks.vae
    vae = AutoencoderKL(recipe.networks.vae)
    prefix = PARTS["vae"]
    vae.load_state_dict({k.removeprefix(prefix): v for k, v in core_models.weights(golden).items()
                         if k.startswith(prefix)})
    encoders = FrozenEncoders(vae, core_models.reference_encoder(golden), False)
    batch = Batch(sketch=given["control"], color=given["image"], reference=given["reference"])
    mean, std = encoders.moments(batch)
    made = {"z": mean + std * given["vae_noise"],
            "context": without_weights(lambda: Model(recipe)).context(encoders.reference(batch))}
    hints = core_models.sketch_encoder(golden)(drop_sketch(given["control"], given["keep"]))
    made |= {f"control{i}": hint for i, hint in enumerate(hints)}
    assert set(case["outputs"]) == set(made)
    for name in made:
        golden.check(case, name, made[name].detach().numpy())


def small_unet(kind: Tokens) -> tuple[Recipe, Model]:
    torch.manual_seed(3)
    recipe = replace(tiny("v1-512"), tokens=kind)
    return recipe, Model(recipe)


def test_attention_over_one_token_equals_its_linear_layers() -> None:
    """By the definition of attention, with whatever queries and keys."""
    recipe, _ = small_unet(Tokens.LOCAL)
    torch.manual_seed(0)
    block = cross_attention_blocks(UNet(recipe.networks.unet))[0][1]
    attention: Attention = block.attn2
    x, cls = torch.randn(2, 5, attention.to_q.in_features), torch.randn(2, 1, attention.to_k.in_features)
    q, k, v = attention.to_q(x), attention.to_k(cls), attention.to_v(cls)
    scores = torch.einsum("bnd,bmd->bnm", q, k).softmax(-1)  # [2, 5, 1], all ones
    expected = attention.to_out(torch.einsum("bnm,bmd->bnd", scores, v))
    assert torch.allclose(CLSLinear(attention)(x, cls), expected, atol=1e-6)


def test_an_exported_cls_network_is_the_same_function_as_a_plain_u_net() -> None:
    recipe, model = small_unet(Tokens.CLS)
    plain = UNet(recipe.networks.unet)
    plain.load_state_dict(unet_state(model))  # strict
    x, t, cls = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 1, 32)
    with torch.no_grad():
        assert torch.allclose(plain(x, t, context=cls), model.unet(x, t, context=cls), atol=1e-5)
    assert not any("attn2.to_q" in name for name, _ in model.named_parameters())


def test_the_projection_makes_256_tokens_of_cls_by_two_linear_layers() -> None:
    torch.manual_seed(0)
    projection = CLSProjection(8)
    cls = torch.randn(3, 1, 8)
    first, _, second = projection.layers
    hidden = cls[:, 0] @ first.weight.T + first.bias
    expected = (hidden * torch.sigmoid(hidden)) @ second.weight.T + second.bias
    found = projection(cls)
    assert found.shape == (3, 256, 8)
    assert torch.allclose(found, expected.view(3, 256, 8), atol=1e-6)


def test_each_kind_of_tokens_shows_the_u_net_its_own_part() -> None:
    tokens = torch.randn(2, 5, 32)
    for kind, expected in ((Tokens.LOCAL, tokens[:, 1:]), (Tokens.CLS, tokens[:, :1])):
        assert torch.equal(small_unet(kind)[1].context(tokens), expected)
    _, projected = small_unet(Tokens.PROJECTED)
    changed = tokens.clone()
    changed[:, 1:] = 0  # only CLS may matter
    assert torch.equal(projected.context(tokens), projected.context(changed))


def test_gradient_checkpointing_changes_no_gradient() -> None:
    gradients: list[dict[str, Tensor]] = []
    for checkpointing in (False, True):
        _, model = small_unet(Tokens.LOCAL)
        if checkpointing:
            checkpoint_blocks(model.unet)
        torch.manual_seed(5)
        inputs = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 3, 64, 64), torch.randn(2, 5, 32)
        model(*inputs).square().mean().backward()
        gradients.append({k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None})
    plain, again = gradients
    assert plain.keys() == again.keys() and all(torch.equal(plain[k], again[k]) for k in plain)


def test_every_block_is_compiled_for_every_size_and_gives_the_same() -> None:
    from torch._dynamo.utils import counters

    torch.manual_seed(0)
    model = Model(tiny("pocket"))
    assert sum(isinstance(m, COSTLY) for m in model.unet.modules()) > 8  # torch's own limit for one code
    with torch.no_grad():
        for parameter in model.unet.parameters():
            parameter.normal_(0, 0.1)
    inputs = [(torch.randn(1, 4, side // 8, side // 8), torch.tensor([500]), torch.rand(1, 3, side, side),
               torch.rand(1, 3, 64, 64)) for side in (64, 128)]
    plain = [model(*each) for each in inputs]
    torch._dynamo.reset()
    counters.clear()
    try:
        compile_blocks(model, backend="eager")
        compiled = [model(*each) for each in inputs]
        assert counters["frames"]["total"] == counters["frames"]["ok"] > 8, dict(counters["frames"])
    finally:
        torch._dynamo.reset()
    assert all(torch.equal(a, b) for a, b in zip(plain, compiled))


def test_the_averaged_weights_are_put_back_after_an_exception() -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    ema = EMA([parameter], 0.5)
    parameter.data += 1
    with pytest.raises(RuntimeError), ema.applied():
        assert parameter.tolist() == [1.0, 2.0]
        raise RuntimeError
    assert parameter.tolist() == [2.0, 3.0]


def test_projections_of_the_model_are_the_released_1x1_convolutions() -> None:
    _, model = small_unet(Tokens.LOCAL)
    shapes = [v.ndim for k, v in unet_state(model).items() if is_projection(k)]
    assert shapes and set(shapes) == {4}
