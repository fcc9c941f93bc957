"""A checkpoint is read strictly, written whole or not at all, and read back bit for bit."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lib_colorize.checkpoint import write as writing
from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.checkpoint.identify import Told
from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.layout import expected_shapes, is_projection
from lib_colorize.checkpoint.metadata import ModelCard, Schedule
from lib_colorize.checkpoint.parts import SCHEDULE_BUFFERS
from lib_colorize.checkpoint.read import Checkpoint, read, read_reference_encoder
from lib_colorize.checkpoint.report import describe_checkpoint, inspect
from lib_colorize.checkpoint.write import save_tensors, write
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig
from lib_colorize.method.schedule import Prediction
from lib_colorize.whole_file import replacing
from tests.golden.reader import Golden
from tests.test_checkpoint_config import head_widths, tiny

State = dict[str, Tensor]
PLAIN = {"unet", "vae", "sketch_encoder"}


MINI = NetworkConfig(  # smaller than the golden set: most claims here hold at any size
    UNetConfig(4, 4, 32, (1, 2), 1, (2, 1), 16, 24, 1, False), VAEConfig(16, (1, 2), 1, 4, 4), SketchConfig(32, (1, 2)),
    VisionConfig(28, 14, 32, 1, 16, 4.0, 24))
WIDTHS = {"num_head_channels": 16, "head_width": 16}


def states(config: NetworkConfig = MINI) -> dict[str, State]:
    """Random weights by part; VAE in half precision as released."""
    generator = torch.Generator().manual_seed(7)
    found = {part: {key: torch.randn(shape, generator=generator)
                    for key, shape in expected_shapes(part, config).items()} for part in PARTS}
    found["vae"] = {key: value.half() for key, value in found["vae"].items()}
    return found


def released_file(path: Path, **changes: Tensor | None) -> Path:
    """A released file of MINI size: no metadata, no reference encoder, schedule buffers."""
    state = {PARTS[part] + key: value
             for part, weights in states().items() for key, value in weights.items() if part in PLAIN}
    state = {**state, **{name: torch.rand(1000) for name in SCHEDULE_BUFFERS}, **changes}
    save_file({key: value for key, value in state.items() if value is not None}, path)
    return path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released_file(tmp_path_factory.mktemp("release") / "mult-eps-mini.safetensors")


def same(a: State, b: State) -> bool:
    return set(a) == set(b) and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


def content(path: Path) -> tuple[State, dict[str, str]]:
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


def test_a_released_file_is_read_bit_for_bit(release: Path) -> None:
    found, (stored, _) = read(release, overrides=WIDTHS), content(release)
    assert (found.kind, found.prediction, found.told, found.resolution) == (Kind.V1, None, Told.UNKNOWN, 512)
    assert found.config == replace(MINI, reference=None)
    assert found.reference_encoder is None
    for part in PLAIN:
        expected = {k[len(PARTS[part]):]: v for k, v in stored.items() if k.startswith(PARTS[part])}
        assert same(getattr(found, part), expected)
    assert found.vae["encoder.conv_in.weight"].dtype == torch.float16
    assert found.shorthash == file_sha256(release)[:10]


def test_only_the_parts_asked_for_are_read(release: Path) -> None:
    found = read(release, ["sketch_encoder"], overrides=WIDTHS)
    assert found.sketch_encoder and found.unet is None and found.vae is None
    with pytest.raises(ColorizeError, match="unknown part unett"):
        read(release, ["unett"], overrides=WIDTHS)


def test_prediction_type_is_metadata_then_user_then_open(release: Path, tmp_path: Path) -> None:
    def told(found: Checkpoint) -> tuple[Prediction | None, Told]:
        return found.prediction, found.told

    widths = WIDTHS
    assert told(read(release, ["unet"], overrides=widths)) == (None, Told.UNKNOWN)  # though "eps" is in the name
    assert told(read(release, ["unet"], Prediction.V, widths)) == (Prediction.V, Told.USER)
    write(tmp_path / "v.safetensors", states(), ModelCard(MINI, Prediction.V))
    assert told(read(tmp_path / "v.safetensors", ["unet"], Prediction.EPS)) == (Prediction.V, Told.METADATA)
    probed = read(release, ["unet"], overrides=widths).with_prediction(Prediction.EPS, Told.PROBE)
    assert told(probed) == (Prediction.EPS, Told.PROBE)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path, parts = tmp_path / "ours.safetensors", states()
    card = ModelCard(MINI, Prediction.V, schedule=Schedule(zero_snr=True), resolution=128, scale_factor=0.5,
                     training={"stage": "refinement", "steps": 9}, title="tiny", license="CC0")
    write(path, parts, card, {"note": "kept", "modelspec.title": "the card wins"})
    found = read(path)
    assert (found.kind, found.card, found.told) == (Kind.OURS, card, Told.METADATA)
    assert (found.resolution, found.scale_factor, found.schedule.zero_snr) == (128, 0.5, True)
    assert found.metadata["note"] == "kept"
    assert all(same(getattr(found, part), parts[part]) for part in PARTS)
    state, config = read_reference_encoder(path)
    assert config == MINI.reference
    assert same(state, parts["reference_encoder"])
    lines = {line[20:] for line in describe_checkpoint(inspect(path)).splitlines()}
    assert {"v (told by metadata)", "128 px, tokens local"} <= lines


def test_a_file_without_vae_or_reference_encoder_is_fine(tmp_path: Path) -> None:
    parts = {part: state for part, state in states().items() if part in ("unet", "sketch_encoder")}
    write(tmp_path / "x.safetensors", parts, ModelCard(replace(MINI, vae=None, reference=None)))
    found = read(tmp_path / "x.safetensors")
    assert found.vae is None and found.reference_encoder is None


def test_flat_projections_are_read_as_convolutions(tmp_path: Path) -> None:
    parts = states()
    flat = {key: value.flatten(1) if is_projection(key) else value for key, value in parts["unet"].items()}
    write(tmp_path / "x.safetensors", {**parts, "unet": flat}, ModelCard(MINI))
    assert inspect(tmp_path / "x.safetensors").config.unet.linear_projections
    found = read(tmp_path / "x.safetensors")
    assert same(found.unet, parts["unet"])
    assert found.config == MINI


@pytest.mark.parametrize(("changes", "says"), [
    ({"control_encoder.model.8.bias": None}, "1 missing: control_encoder.model.8.bias"),
    ({"model.diffusion_model.out.0.bias": torch.zeros(3)}, r"model.diffusion_model.out.0.bias \[3\] instead of"),
    ({"model.diffusion_model.more": torch.zeros(3)}, "1 unexpected: model.diffusion_model.more"),
    ({"img_embedder.weight": torch.zeros(3)}, "1 unexpected: img_embedder.weight"),
    ({"model.diffusion_model.input_blocks.0.0.weight": None}, "input_blocks.0.0.weight"),
    ({"first_stage_model.encoder.conv_in.weight": None}, "encoder.conv_in.weight"),
    ({"bg_encoder.zero_layers.0.weight": torch.zeros(3)}, "missing: model.diffusion_model.output_blocks.0"),
    ({"thresh_embedder.embed_layer.0.weight": torch.zeros(3)}, "missing: .*input_blocks.1.1.*lora_down_fg"),
])
def test_a_damaged_or_other_file_is_refused(
    changes: dict[str, Tensor | None], says: str, tmp_path: Path,
) -> None:
    path = released_file(tmp_path / "x.safetensors", **changes)
    with pytest.raises(ColorizeError, match=says) as raised:
        read(path, overrides=WIDTHS)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600


def test_known_extras_do_not_disturb(tmp_path: Path) -> None:
    extras = {"model_ema.decay": torch.tensor(0.9), "cond_stage_model.transformer.model.logit_scale": torch.tensor(1.0)}
    path = released_file(tmp_path / "x.safetensors", **extras)
    assert read(path, overrides=WIDTHS).unet


def test_head_width_of_an_unknown_size_is_asked_for(release: Path) -> None:
    with pytest.raises(ColorizeError, match="num_head_channels"):
        read(release)


def test_a_plain_sd_file_says_what_it_is(tmp_path: Path) -> None:
    from tests.test_checkpoint_identify import linear, released, without

    entries = without(linear(released(clip=True)), "control_encoder.", "cond_stage_model.visual.")
    zero = torch.zeros((), dtype=torch.float16)
    torch.save({key: zero.expand(e.shape) for key, e in entries.items()}, tmp_path / "sd.ckpt")
    says = r"plain Stable Diffusion 2.*without a sketch encoder.*expected a ColorizeDiff"
    with pytest.raises(ColorizeError, match=says):
        read(tmp_path / "sd.ckpt")
    found = read(tmp_path / "sd.ckpt", ["unet", "vae"])  # what training starts from
    assert found.unet["middle_block.1.proj_in.weight"].shape == (1280, 1280, 1, 1)
    assert not found.config.unet.linear_projections


def test_other_tokens_than_local_ones_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.safetensors", states(), ModelCard(MINI, tokens="cls"))
    with pytest.raises(ColorizeError, match="'cls' tokens"):
        read(tmp_path / "x.safetensors")


def fail_with(error: BaseException) -> Callable[..., None]:
    def save(tensors: State, path: Path, metadata: dict[str, str]) -> None:
        Path(path).write_bytes(b"half of it")
        raise error
    return save


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), PermissionError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("exists", [False, True])
def test_a_failed_write_leaves_everything_as_it_was(
    error: BaseException, exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "x.safetensors"
    if exists:
        path.write_bytes(b"old")
    monkeypatch.setattr(writing, "save_file", fail_with(error))
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ColorizeError):
        write(path, states(), ModelCard(MINI))
    assert [p.name for p in tmp_path.iterdir()] == (["x.safetensors"] if exists else [])
    assert not exists or path.read_bytes() == b"old"


def test_a_really_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    import resource
    import signal

    old_limit, old_action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old_limit[1]))
        with pytest.raises(ColorizeError, match="not written"):
            write(tmp_path / "x.safetensors", states(), ModelCard(MINI))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_action)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    parts, card = states(), ModelCard(MINI)
    del parts["unet"]["out.0.bias"]
    for wrong, its_card in ((parts, card), ({"unet": {}}, card), ({**states(), "text": {}}, card),
                            (states(), replace(card, config=replace(card.config, sketch=None)))):
        with pytest.raises(ColorizeError):
            write(tmp_path / "x.safetensors", wrong, its_card)
    with pytest.raises(ColorizeError, match="no folder"):
        write(tmp_path / "none" / "x.safetensors", states(), card)
    with pytest.raises(ColorizeError, match="a folder"):
        write(tmp_path, states(), card)
    assert list(tmp_path.iterdir()) == []


def test_the_golden_model_is_read_and_written_bit_for_bit(golden: Golden, tmp_path: Path) -> None:
    state = {key: torch.from_numpy(value) for key, value in golden.state_dict("v1", with_clip=False).items()}
    save_file(state, tmp_path / "released.safetensors")
    found = read(tmp_path / "released.safetensors", overrides=head_widths(golden))
    assert found.config == replace(tiny(golden), reference=None)
    parts = {part: getattr(found, part) for part in PLAIN}
    write(tmp_path / "ours.safetensors", parts, found.card)
    stored, metadata = content(tmp_path / "ours.safetensors")
    assert same(stored, {key: value for key, value in state.items() if key not in SCHEDULE_BUFFERS})
    assert metadata["modelspec.architecture"] == "colorize-diffusion-v1"


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "model.safetensors") as unfinished:
        save_tensors(unfinished, {"a": torch.zeros(2)}, {})
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
