"""Caches: equal to what the networks give online, keyed by what made them, whole after a kill."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import ImageFile
from safetensors import safe_open
from torch import Tensor

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VAEConfig, VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tests.training_data_folders import color_of, encoded, write_pairs, write_zip
from training.dataset import augment, cache_store
from training.dataset.cache import Networks, build_cache, estimate, open_cache, stale_folders
from training.dataset.pairs import DataOptions, Pairs, open_pairs
from training.trainer.cache_command import main as cache_command

VAE = VAEConfig(ch=32, ch_mult=(1, 1, 1, 1), num_res_blocks=0, z_channels=4, embed_dim=4)
VISION = VisionConfig(image_size=32, patch_size=16, width=32, layers=1, head_width=32, mlp_ratio=2.0, output_dim=24)
OPTIONS = DataOptions(resolution=32, buckets=True, bucket_step=16, max_margin=6)
SHIPPED = Path(__file__).parent.parent / "models" / "colorize-small.safetensors"
SIZES = ((48, 48), (80, 40), (40, 80))


def networks(seed: int = 0, vae: bool = True, encoder: bool = True) -> Networks:
    torch.manual_seed(seed)
    made = AutoencoderKL(VAE), ReferenceEncoder(VISION)
    return Networks(made[0].eval() if vae else None, made[1].eval() if encoder else None)


def quiet(message: str) -> None:
    """No output."""


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_store, "ROWS", 2)


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return open_pairs(write_pairs(tmp_path / "data", 7, SIZES), OPTIONS)


def same_part(part: Tensor, latent: Tensor, color: Tensor, whole: Tensor) -> bool:
    """part is the same window of `latent` that `color` is of `whole`; 8 px are one latent pixel."""
    h, w = part.shape[-2:]
    return any(torch.equal(color, whole[:, 8 * y:8 * (y + h), 8 * x:8 * (x + w)])
               and torch.allclose(part, latent[:, y:y + h, x:x + w], atol=1e-5)
               for y in range(latent.shape[1] - h + 1) for x in range(latent.shape[2] - w + 1))


@torch.no_grad()
@pytest.mark.parametrize("vae, encoder", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("window", [0, 16])
def test_a_cached_batch_is_the_online_one(pairs: Pairs, tmp_path: Path, vae: bool, encoder: bool, window: int) -> None:
    made = networks(vae=vae, encoder=encoder)
    cached = pairs.with_cache(build_cache(pairs, tmp_path / "cache", made, dtype=torch.float32, report=quiet))
    online = open_pairs(tmp_path / "data", replace(OPTIONS, crop="centre"))
    flips = set()
    for epoch in range(3):
        for indices in cached.plan(0, epoch, 2):
            got, want = cached.batch(indices, 0, epoch, window), online.batch(indices, 0, epoch, window)
            assert torch.equal(got.sketch, want.sketch)
            flips |= {augment.draw_augmentation(OPTIONS, 0, epoch, i).flip for i in indices}
            if made.vae:
                mean, logvar = made.vae.encode(want.reference)
                expected = torch.cat([0.18215 * mean, 0.18215 * torch.exp(logvar / 2)], dim=1)
                stored = torch.cat([got.mean, got.std], dim=1)
                assert all(same_part(*row, want.color[i], want.reference[i])
                           for i, row in enumerate(zip(stored, expected)))
            if made.reference_encoder:
                assert torch.allclose(got.tokens, made.reference_encoder(want.reference), atol=1e-5)
            assert (got.color is None) == vae and (got.mean is None) != vae
            assert (got.reference is None) == encoder and (got.tokens is None) != encoder
            if not vae:
                assert torch.equal(got.color, want.color)
            if not encoder:
                assert torch.equal(got.reference, want.reference)
    assert flips == {True, False}


@torch.no_grad()
@pytest.mark.parametrize("encoder", [True, False])
def test_tokens_are_those_of_a_reference_of_its_own(tmp_path: Path, encoder: bool) -> None:
    data = write_pairs(tmp_path / "data", 4, ((32, 32),), shards=2)
    write_zip(data / "reference/0001.zip", [("0003.png", encoded(color_of(99, (32, 32))))])
    pairs, made = open_pairs(data, replace(OPTIONS, crop="centre")), networks(encoder=encoder)
    cached = pairs.with_cache(build_cache(pairs, tmp_path / "cache", made, dtype=torch.float32, report=quiet))
    got, want = cached.batch([0, 3], 0, 0), pairs.batch([0, 3], 0, 0)
    assert made.vae and not torch.equal(want.reference, want.color)
    if made.reference_encoder:
        assert torch.allclose(got.tokens, made.reference_encoder(want.reference), atol=1e-5)
    else:
        assert torch.equal(got.reference, want.reference)
    assert torch.allclose(got.mean, 0.18215 * made.vae.encode(want.color)[0], atol=1e-5)


def test_half_precision_is_stored_to_half_precision(pairs: Pairs, tmp_path: Path) -> None:
    made = networks()
    full = pairs.with_cache(build_cache(pairs, tmp_path / "c", made, dtype=torch.float32, report=quiet))
    half = pairs.with_cache(build_cache(pairs, tmp_path / "c", made, report=quiet))
    a, b = full.batch([0], 0, 0), half.batch([0], 0, 0)
    for name in ("mean", "std", "tokens"):
        assert torch.equal(getattr(a, name).half().float(), getattr(b, name)), name


def test_the_estimate_is_the_size_on_disk(pairs: Pairs, tmp_path: Path) -> None:
    made, root = networks(), tmp_path / "cache"
    before = estimate(pairs, root, made)
    latent = {size: 2 * 4 * (size[0] // 8) * (size[1] // 8) for size in pairs.sizes}
    by_hand = sum(2 * 2 * latent[pairs.size_of(i)] + 8 for i in range(7))  # two flips, two bytes, the source
    assert before.bytes_of == {"latents": by_hand, "tokens": 7 * (2 * 2 * 5 * 24 + 8)} and before.done == 0
    build_cache(pairs, root, made, report=quiet)
    after = estimate(pairs, root, made)
    assert after.done == sum(before.bytes_of.values())
    stored = 0
    for file in root.rglob("*.safetensors"):
        stored += file.stat().st_size - 8 - int.from_bytes(file.read_bytes()[:8], "little")
    assert stored == after.done


def test_a_full_disk_is_told_before_anything_is_computed(
    pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(ColorizeError, match="GB are needed"):
        build_cache(pairs, tmp_path / "cache", networks(), report=quiet)
    assert not (tmp_path / "cache").exists()


def test_the_cache_says_which_augmentations_it_takes_away(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 2)
    pairs = open_pairs(folder, DataOptions(resolution=32, zoom=1.5, jitter=0.1))
    said: list[str] = []
    build_cache(pairs, tmp_path / "c", networks(), report=said.append)
    assert said[0].endswith("off with a cache: random crop, zoom, jitter")
    assert DataOptions(crop="squash").cached() == (DataOptions(crop="squash"), [])


def changes(folder: Path) -> dict[str, tuple[Pairs, Networks, torch.dtype]]:
    """What makes a cache another one: weights, options, pictures, number format."""
    made = networks()
    scaled = Networks(AutoencoderKL(VAE, scale_factor=0.2), made.reference_encoder)
    assert made.vae and scaled.vae and made.reference_encoder
    scaled.vae.load_state_dict(made.vae.state_dict())
    other_pictures = write_pairs(folder.parent / "other", 7, SIZES)
    (other_pictures / "color" / "0000.zip").unlink()
    return {
        "weights": (open_pairs(folder, OPTIONS), networks(1), torch.float16),
        "scale": (open_pairs(folder, OPTIONS), scaled, torch.float16),
        "flip": (open_pairs(folder, replace(OPTIONS, flip=False)), made, torch.float16),
        "squash": (open_pairs(folder, replace(OPTIONS, crop="squash")), made, torch.float16),
        "resolution": (open_pairs(folder, replace(OPTIONS, resolution=48)), made, torch.float16),
        "pictures": (open_pairs(other_pictures, OPTIONS), made, torch.float16),
        "dtype": (open_pairs(folder, OPTIONS), made, torch.bfloat16),
    }


def test_another_encoder_picture_option_or_dtype_is_another_cache(pairs: Pairs, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    cache = build_cache(pairs, root, networks(), report=quiet)
    open_cache(pairs, root, networks())  # found again
    for name, (samples, made, dtype) in changes(tmp_path / "data").items():
        with pytest.raises(ColorizeError, match="missing"):
            open_cache(samples, root, made, dtype)
        if name in ("flip", "squash", "resolution", "pictures"):
            with pytest.raises(ColorizeError, match="build it again"):
                samples.with_cache(cache)
    assert stale_folders(root, cache.folders) == []


def test_a_kind_that_was_never_cached_is_left_to_its_network(pairs: Pairs, tmp_path: Path) -> None:
    build_cache(pairs, tmp_path / "cache", networks(encoder=False), report=quiet)
    cache = open_cache(pairs, tmp_path / "cache", networks())
    assert list(cache.folders) == ["latents"]
    batch = pairs.with_cache(cache).batch([0], 0, 0)
    assert batch.mean is not None and batch.tokens is None and batch.reference is not None
    with pytest.raises(ColorizeError, match="others there: latents-"):  # of another VAE: not the same as never
        open_cache(pairs, tmp_path / "cache", networks(1))
    with pytest.raises(ColorizeError, match="others there: none"):
        open_cache(pairs, tmp_path / "empty", networks())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")
def test_ray_makes_the_same_bytes(pairs: Pairs, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="pip install 'ray[data]'")
    build_cache(pairs, tmp_path / "here", networks(), report=quiet)
    build_cache(pairs, tmp_path / "there", partial(networks, 0), engine_name="ray", workers=1, report=quiet)
    files = {p.relative_to(tmp_path / "here"): p.read_bytes() for p in (tmp_path / "here").rglob("*.safetensors")}
    assert all((tmp_path / "there" / name).read_bytes() == content for name, content in files.items())


def test_workers_need_a_function_that_loads(pairs: Pairs, tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match="function that loads"):
        build_cache(pairs, tmp_path / "cache", networks(), workers=2, report=quiet)
    with pytest.raises(ColorizeError, match="nothing to cache"):
        build_cache(pairs, tmp_path / "cache", Networks(), report=quiet)
    with pytest.raises(ColorizeError, match="expected local or ray"):
        build_cache(pairs, tmp_path / "cache", partial(networks, 0), engine_name="spark", report=quiet)


def test_the_command_says_the_size_and_makes_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    write_pairs(tmp_path / "data", 3, ((128, 128),))
    command = ["cache", "--preset", "pocket", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "cache"),
               "--set", f"start.vae={SHIPPED}", "--kinds", "latents", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", [*command, "--dry-run"])
    cache_command()
    assert "3 samples: latents" in capsys.readouterr().out and not (tmp_path / "cache").exists()
    (tmp_path / "cache" / ("latents-" + "0" * 16)).mkdir(parents=True)
    monkeypatch.setattr("sys.argv", [*command, "--prune"])
    cache_command()
    assert "made from something else, deleted" in capsys.readouterr().out
    [folder] = (tmp_path / "cache").iterdir()
    assert len(list(folder.glob("*.safetensors"))) == 2
    monkeypatch.setattr("sys.argv", [*command[:-4], "--kinds", "tokens"])
    with pytest.raises(SystemExit) as stopped:  # pocket trains its encoder
        cache_command()
    assert "nothing to cache" in str(stopped.value.code)


def test_a_trained_decoder_does_not_touch_the_cache(pairs: Pairs, tmp_path: Path) -> None:
    made = networks()
    build_cache(pairs, tmp_path / "cache", made, report=quiet)
    assert made.vae
    with torch.no_grad():
        for parameter in made.vae.decoder.parameters():
            parameter.add_(1)
    open_cache(pairs, tmp_path / "cache", made)


def test_what_nobody_makes_any_more_is_listed(pairs: Pairs, tmp_path: Path) -> None:
    old = build_cache(pairs, tmp_path / "cache", networks(1), report=quiet)
    new = build_cache(pairs, tmp_path / "cache", networks(0), report=quiet)
    assert stale_folders(tmp_path / "cache", new.folders) == sorted(old.folders.values())


def test_a_changed_picture_of_the_same_name_is_another_cache(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 3, layout="folder")
    build_cache(open_pairs(folder, OPTIONS), tmp_path / "cache", networks(), report=quiet)
    file = folder / "color" / "0000" / "0000.png"
    file.write_bytes(encoded(color_of(77, (48, 40))))
    os.utime(file, ns=(1, 1))
    with pytest.raises(ColorizeError, match="missing"):
        open_cache(open_pairs(folder, OPTIONS), tmp_path / "cache", networks())


def test_a_cut_off_shard_is_made_again(pairs: Pairs, tmp_path: Path) -> None:
    cache = build_cache(pairs, tmp_path / "cache", networks(), report=quiet)
    file = next(cache.folders["tokens"].glob("*.safetensors"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with pytest.raises(ColorizeError, match="1 shards are missing"):
        open_cache(pairs, tmp_path / "cache", networks())
    said: list[str] = []
    build_cache(pairs, tmp_path / "cache", networks(), report=said.append)
    assert said[1:] == ["1 of 1 shards"]
    assert file.read_bytes() == whole


def test_a_damaged_picture_gets_the_stand_in_that_training_would_take(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 5, ((32, 32),), layout="folder", shards=1)
    file = folder / "color/0000/0001.png"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    pairs = open_pairs(folder, OPTIONS)
    cache = build_cache(pairs, tmp_path / "cache", networks(), report=quiet)
    assert pairs.report.skipped == {"damaged picture": 1}
    cached, online = pairs.with_cache(cache), open_pairs(folder, OPTIONS)
    (folder / "sketch/0000/0003.png").write_bytes(b"")  # broken after the cache was made: the next one with its latent
    got, want = cached.batch([0, 1, 2, 3], 0, 0), online.batch([0, 1, 2, 3], 0, 0)
    assert torch.equal(got.sketch, want.sketch)
    with torch.no_grad():
        assert torch.allclose(got.mean, 0.18215 * networks().vae.encode(want.color)[0], atol=1e-3)


def test_a_cache_survives_pickling(pairs: Pairs, tmp_path: Path) -> None:
    cached = pairs.with_cache(build_cache(pairs, tmp_path / "cache", networks(), report=quiet))
    before, after = cached.batch([0], 0, 0), pickle.loads(pickle.dumps(cached)).batch([0], 0, 0)
    assert torch.equal(before.mean, after.mean) and torch.equal(before.tokens, after.tokens)


def test_numbers_beyond_half_precision_are_refused(pairs: Pairs, tmp_path: Path) -> None:
    made = networks(encoder=False)
    assert made.vae
    with torch.no_grad():
        made.vae.quant_conv.bias[0] = 1e7
    with pytest.raises(ColorizeError, match="float16 cannot hold"):
        build_cache(pairs, tmp_path / "cache", made, report=quiet)


def test_workers_make_the_same_bytes(pairs: Pairs, tmp_path: Path) -> None:
    here = build_cache(pairs, tmp_path / "here", networks(), report=quiet)
    there = build_cache(pairs, tmp_path / "there", partial(networks, 0), workers=2, report=quiet)
    files = {p.relative_to(tmp_path / "here"): p.read_bytes() for p in (tmp_path / "here").rglob("*.safetensors")}
    assert len(files) == 8
    assert all((tmp_path / "there" / name).read_bytes() == content for name, content in files.items())
    assert {k: v.name for k, v in here.folders.items()} == {k: v.name for k, v in there.folders.items()}


SLOW = """
import sys, time
from pathlib import Path
from tests.test_training_cache import networks, OPTIONS
from training.dataset import cache, cache_store
from training.dataset.pairs import open_pairs
cache_store.ROWS = 2
cache.build_cache(open_pairs(Path(sys.argv[1]), OPTIONS), Path(sys.argv[2]), networks(),
                  report=lambda line: (print(line, flush=True), time.sleep(0.2)))
"""


def test_kill_9_loses_no_finished_shard_and_leaves_no_broken_one(pairs: Pairs, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    command = [sys.executable, "-c", SLOW, str(tmp_path / "data"), str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    while "2 of" not in next(lines):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.05)
    finished = {p: p.stat().st_mtime_ns for p in root.rglob("*.safetensors")}
    assert 2 <= len(finished) < 8
    for path in finished:
        with safe_open(path, framework="pt") as shard:
            assert len(shard.get_tensor("source")) > 0
    build_cache(pairs, root, networks(), report=quiet)
    assert len(list(root.rglob("*.safetensors"))) == 8
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())  # not made again


@pytest.mark.parametrize("cached", [True, False])
def test_every_picture_of_a_batch_is_decoded_once(
    pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool,
) -> None:
    if cached:
        pairs = pairs.with_cache(build_cache(pairs, tmp_path / "cache", networks(), report=quiet))
    decoded: list[tuple[int, int]] = []
    prepare = ImageFile.ImageFile.load_prepare
    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", lambda self: (decoded.append(self.size), prepare(self))[1])
    indices = pairs.plan(0, 0, 2)[0]
    pairs.batch(indices, 0, 0)
    assert len(decoded) == (1 if cached else 2) * len(indices)


def test_sketches_of_a_cached_batch_are_read_without_their_pictures(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data", 3, layout="folder", shards=1)
    pairs = open_pairs(folder, OPTIONS)
    cached = pairs.with_cache(build_cache(pairs, tmp_path / "cache", networks(), report=quiet))
    before = cached.batch([0, 1, 2], 0, 0)
    for file in (folder / "color").rglob("*.png"):
        file.unlink()
    assert torch.equal(cached.batch([0, 1, 2], 0, 0).sketch, before.sketch)
