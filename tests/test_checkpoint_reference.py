"""The reference encoder gives the same tokens from each layout in which it is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.files import Entry
from lib_colorize.checkpoint.identify import identify
from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.read import read_reference_encoder
from lib_colorize.checkpoint.report import inspect
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tests.golden.reader import Golden
from tests.test_checkpoint_config import golden_shapes, tiny
from tests.test_checkpoint_identify import released

State = dict[str, Tensor]
CONFIG = VisionConfig(28, 7, 48, 2, 12, 3.0, 20)


def hugging_face_state(generator: torch.Generator, c: VisionConfig = CONFIG) -> State:
    """Random weights in the names and shapes that `transformers` gives a CLIPVisionModelWithProjection."""
    hidden = int(c.width * c.mlp_ratio)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.class_embedding": (c.width,),
        "embeddings.patch_embedding.weight": (c.width, 3, c.patch_size, c.patch_size),
        "embeddings.position_embedding.weight": ((c.image_size // c.patch_size) ** 2 + 1, c.width)}
    for norm in ("pre_layrnorm", "post_layernorm"):
        shapes.update({f"{norm}.weight": (c.width,), f"{norm}.bias": (c.width,)})
    for i in range(c.layers):
        layer = f"encoder.layers.{i}."
        for name, out, inside in (("self_attn.q_proj", c.width, c.width), ("self_attn.k_proj", c.width, c.width),
                                  ("self_attn.v_proj", c.width, c.width), ("self_attn.out_proj", c.width, c.width),
                                  ("mlp.fc1", hidden, c.width), ("mlp.fc2", c.width, hidden)):
            shapes.update({f"{layer}{name}.weight": (out, inside), f"{layer}{name}.bias": (out,)})
        for norm in ("layer_norm1", "layer_norm2"):
            shapes.update({f"{layer}{norm}.weight": (c.width,), f"{layer}{norm}.bias": (c.width,)})
    state = {f"vision_model.{k}": 0.3 * torch.randn(s, generator=generator) for k, s in shapes.items()}
    state["visual_projection.weight"] = torch.randn(c.output_dim, c.width, generator=generator)
    state["vision_model.embeddings.position_ids"] = torch.arange((c.image_size // c.patch_size) ** 2 + 1)[None]
    return state


def hugging_face_tokens(state: State, x: Tensor, c: VisionConfig = CONFIG) -> Tensor:
    """All projected tokens, by the formulas of the published model: pre-norm blocks, erf GELU."""
    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (c.width,), state[f"{name}.weight"], state[f"{name}.bias"])

    tower = "vision_model."
    patches = F.conv2d(x, state[f"{tower}embeddings.patch_embedding.weight"], stride=c.patch_size)
    h = patches.flatten(2).transpose(1, 2)
    h = torch.cat([state[f"{tower}embeddings.class_embedding"].expand(len(x), 1, -1), h], 1)
    h = norm(h + state[f"{tower}embeddings.position_embedding.weight"], f"{tower}pre_layrnorm")
    for i in range(c.layers):
        layer = f"{tower}encoder.layers.{i}"
        y = norm(h, f"{layer}.layer_norm1")
        q, k, v = (linear(y, f"{layer}.self_attn.{n}_proj").unflatten(-1, (-1, c.head_width)).transpose(1, 2)
                   for n in "qkv")
        weights = (q @ k.transpose(-1, -2) / c.head_width**0.5).softmax(-1)
        h = h + linear((weights @ v).transpose(1, 2).flatten(2), f"{layer}.self_attn.out_proj")
        h = h + linear(F.gelu(linear(norm(h, f"{layer}.layer_norm2"), f"{layer}.mlp.fc1")), f"{layer}.mlp.fc2")
    return norm(h, f"{tower}post_layernorm") @ state["visual_projection.weight"].t()


def open_clip_tokens(state: State, config: VisionConfig, x: Tensor) -> Tensor:
    """All projected tokens from open_clip's own blocks."""
    encoder = ReferenceEncoder(config)
    encoder.visual.load_state_dict(state, strict=True)
    with torch.no_grad():
        return encoder.eval().encode_preprocessed(x)


def write(path: Path, state: State) -> Path:
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return path


@pytest.fixture()
def weights() -> State:
    return hugging_face_state(torch.Generator().manual_seed(5))


def test_hugging_face_layout_gives_the_tokens_of_its_own_formulas(weights: State, tmp_path: Path) -> None:
    state, config = read_reference_encoder(write(tmp_path / "clip_h.safetensors", weights), CONFIG.head_width)
    assert config == CONFIG
    x = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(6))
    want, got = hugging_face_tokens(weights, x), open_clip_tokens(state, config, x)
    assert got.shape == (2, 17, 20)
    assert (got - want).abs().max() < 2e-5 * want.abs().max()


def layouts(weights: State, open_clip: State) -> dict[str, tuple[State, Kind]]:
    text = {"token_embedding.weight": torch.zeros(9, 4), "logit_scale": torch.tensor(1.0)}
    visual = {f"visual.{k}": v for k, v in open_clip.items()}
    hf_text = {"text_model.embeddings.token_embedding.weight": torch.zeros(9, 4),
               "text_projection.weight": torch.zeros(4, 4)}
    return {
        "visual": (visual, Kind.REFERENCE_OPEN_CLIP),
        "bare": (dict(open_clip), Kind.REFERENCE_OPEN_CLIP),
        "full open_clip": ({**visual, **text, "transformer.resblocks.0.ln_1.weight": torch.zeros(4)},
                           Kind.FULL_CLIP_OPEN_CLIP),
        "vision_model": (dict(weights), Kind.REFERENCE_HUGGING_FACE),
        "full CLIPModel": ({**weights, **hf_text}, Kind.FULL_CLIP_HUGGING_FACE),
        "under the authors' prefix": ({PARTS["reference_encoder"] + k: v for k, v in open_clip.items()},
                                      Kind.REFERENCE_OPEN_CLIP),
    }


def test_every_layout_gives_the_same_weights(weights: State, tmp_path: Path) -> None:
    want, _ = read_reference_encoder(write(tmp_path / "first.safetensors", weights), CONFIG.head_width)
    for name, (state, kind) in layouts(weights, want).items():
        path = write(tmp_path / "x.safetensors", state)
        got, config = read_reference_encoder(path, CONFIG.head_width)
        assert config == CONFIG, name
        assert set(got) == set(want) and all(torch.equal(got[k], want[k]) for k in want), name
        assert inspect(path, {"head_width": CONFIG.head_width}).kind is kind, name


def test_half_precision_stays_half(weights: State, tmp_path: Path) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    state, _ = read_reference_encoder(write(tmp_path / "x.safetensors", half), CONFIG.head_width)
    assert {v.dtype for v in state.values()} == {torch.float16}


def test_pickled_full_clip_is_read_too(weights: State, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "pytorch_model.bin")
    state, config = read_reference_encoder(tmp_path / "pytorch_model.bin", CONFIG.head_width)
    assert config == CONFIG
    assert state["proj"].is_contiguous()


def test_golden_vision_tower_is_read(golden: Golden, tmp_path: Path) -> None:
    prefix = PARTS["reference_encoder"]
    visual = {k[len(prefix):]: torch.rand(shape) for k, shape in golden_shapes(golden).items() if k.startswith(prefix)}
    path = write(tmp_path / "x.safetensors", {f"visual.{k}": v for k, v in visual.items()})
    state, config = read_reference_encoder(path, tiny(golden).reference.head_width)
    assert config == tiny(golden).reference
    assert all(torch.equal(state[k], v) for k, v in visual.items())


@pytest.mark.parametrize(("damage", "says"), [
    ({"vision_model.encoder.layers.1.mlp.fc1.bias": None}, "1 missing: transformer.resblocks.1.mlp.c_fc.bias"),
    ({"visual_projection.weight": None}, "proj"),
    ({"vision_model.encoder.layers.0.self_attn.k_proj.weight": None}, "in_proj_weight"),
    ({"vision_model.encoder.layers.0.self_attn.q_proj.weight": None}, "missing"),
    ({"vision_model.surprise.weight": torch.zeros(3)}, "1 unexpected: surprise.weight"),
])
def test_an_incomplete_tower_is_refused(
    damage: dict[str, Tensor | None], says: str, weights: State, tmp_path: Path,
) -> None:
    state = {k: v for k, v in {**weights, **damage}.items() if v is not None}
    with pytest.raises(ColorizeError, match=says):
        read_reference_encoder(write(tmp_path / "x.safetensors", state), CONFIG.head_width)


def test_full_size_vision_tower_is_told_without_any_hint() -> None:
    prefix = PARTS["reference_encoder"]
    entries = {f"visual.{k[len(prefix):]}": Entry(e.shape, "F16")
               for k, e in released(clip=True).items() if k.startswith(prefix)}
    found = identify(entries)
    assert (found.kind, bool(found.differing), found.notes) == (Kind.REFERENCE_OPEN_CLIP, False, ())
    assert found.reference == VisionConfig(224, 14, 1280, 32, 80, 4.0, 1024)


def test_a_checkpoint_without_reference_encoder_is_refused_as_such(tmp_path: Path, golden: Golden) -> None:
    shapes = {k: shape for k, shape in golden_shapes(golden).items() if not k.startswith("cond_stage_model.")}
    with pytest.raises(ColorizeError, match="there is none inside"):
        read_reference_encoder(write(tmp_path / "x.safetensors", {k: torch.zeros(s) for k, s in shapes.items()}))
