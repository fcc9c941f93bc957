"""The VAE in half precision and in strips: equal to the whole, within its budget, and back to float32 when it must."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.checkpoint.read import read
from lib_colorize.cli import random_networks
from lib_colorize.engine import networks
from lib_colorize.engine.decoding import PLAIN, Decoding
from lib_colorize.engine.encoding import encode_moments
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.step_graph import StepGraphs
from lib_colorize.engine.vae_strips import WHOLE, Activation, decode_in_strips, pictures_whole
from lib_colorize.method.network_config import VAEConfig
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from tests.standalone_models import CONFIG, write_checkpoint
from training.trainer.live_memory import LiveMemory

SHIPPED = Path(__file__).parent.parent / "models" / "colorize-small.safetensors"
ATTENTION_EVERYWHERE = VAEConfig(32, (1, 2, 2), 1, 4, 4, attn_resolutions=(256, 128, 64))


def pixels(picture: Tensor) -> Tensor:
    return (picture.float().clamp(-1, 1) + 1) * 127.5


def load_shipped() -> networks.AutoencoderKL:
    file = read(SHIPPED, ("vae",))
    sizes = file.config.vae
    assert sizes and file.vae
    return networks.load_network(lambda: networks.AutoencoderKL(sizes, file.scale_factor), file.vae, "VAE")


@pytest.fixture(scope="module")
def shipped() -> networks.AutoencoderKL:
    return load_shipped()


@pytest.fixture(scope="module")
def latent(shipped: networks.AutoencoderKL) -> Tensor:
    """Two, of pictures with areas, edges and noise, not square."""
    torch.manual_seed(0)
    areas = torch.rand(2, 3, 3, 2).repeat_interleave(16, 2).repeat_interleave(16, 3) * 2 - 1  # float16 is slow here
    with torch.no_grad():
        mean, _ = shipped.encode((areas + 0.1 * torch.randn_like(areas)).clamp(-1, 1))
    return mean * shipped.scale_factor


def random_vae(config: VAEConfig) -> networks.AutoencoderKL:
    torch.manual_seed(0)
    return networks.AutoencoderKL(config).eval().requires_grad_(False)


@pytest.mark.parametrize("whole, strip", [(WHOLE, WHOLE), (1, 1), (1, 7000), (9000, 3000)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_strips_are_the_whole_picture_without_a_seam(
    shipped: networks.AutoencoderKL, latent: Tensor, whole: int, strip: int, layout: torch.memory_format,
) -> None:
    with torch.no_grad():
        want = shipped.decode(latent[:1])
    got = decode_in_strips(shipped, latent[:1].contiguous(memory_format=layout), torch.float32, whole, strip)
    assert got.shape == want.shape and float((got - want).abs().max()) < 1e-4


@pytest.mark.parametrize("config", [ATTENTION_EVERYWHERE, CONFIG.vae])
def test_strips_of_any_auto_encoder_are_the_whole(config: VAEConfig) -> None:
    vae, z = random_vae(config), torch.randn(1, 4, 9, 6)
    want = vae.decode(z)
    for strip in (1, 5000):
        assert torch.allclose(decode_in_strips(vae, z, torch.float32, 1, strip), want, atol=1e-4)


@pytest.mark.parametrize("strip", [1, 20_000])
def test_pictures_are_decoded_together_as_each_alone(
    shipped: networks.AutoencoderKL, latent: Tensor, strip: int,
) -> None:
    whole = strip if strip == 1 else WHOLE
    together = decode_in_strips(shipped, latent, torch.float32, whole, strip)
    for one, picture in zip(torch.split(latent, 1), together):
        assert torch.allclose(decode_in_strips(shipped, one, torch.float32)[0], picture, atol=1e-4)


def test_few_large_pictures_are_decoded_at_once(shipped: networks.AutoencoderKL) -> None:
    """Two to the 26 numbers: four of 256 px at the released 256 channels."""
    vae = networks.without_weights(lambda: networks.AutoencoderKL(
        random_networks.sizes("released")[0].vae or pytest.fail("no sizes")))
    counts = [pictures_whole(vae, torch.empty(9, 4, side, side)) for side in (16, 32, 64, 128)]
    assert counts == [16, 4, 1, 1]


def test_half_precision_is_within_one_of_255(shipped: networks.AutoencoderKL, latent: Tensor) -> None:
    """And bfloat16 is not, which is why a bfloat16 engine decodes in float16 too."""
    with torch.no_grad():
        want = pixels(shipped.decode(latent))
    error = {dtype: float((pixels(torch.cat([decode_in_strips(shipped, z, dtype) for z in latent.split(1)]))
                           - want).abs().max()) for dtype in (torch.float16, torch.bfloat16)}
    assert error[torch.float16] < 1 < error[torch.bfloat16]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_on_a_gpu_a_half_precision_engine_keeps_and_runs_its_vae_in_float16(
    shipped: networks.AutoencoderKL, latent: Tensor, dtype: torch.dtype,
) -> None:
    assert Decoding.on(torch.device("cpu"), shipped, dtype).dtype == torch.float32
    assert Decoding.on(torch.device("cuda"), shipped, torch.float32).dtype == torch.float32
    vae = load_shipped()
    decoding = Decoding.on(torch.device("cuda"), vae, dtype)
    assert decoding.dtype == vae.decoder.conv_in.weight.dtype == vae.encoder.conv_in.weight.dtype == torch.float16
    assert vae.decoder.norm_out.weight.dtype == torch.float32
    with torch.no_grad():
        want = pixels(shipped.decode(latent[:1]))
    assert float((pixels(decoding(latent[:1])) - want).abs().max()) < 1


def test_float32_of_usual_sizes_is_the_vaes_own_to_the_bit(shipped: networks.AutoencoderKL, latent: Tensor) -> None:
    with torch.no_grad():
        alone = [shipped.decode(one) for one in torch.split(latent, 1)]
    assert torch.equal(Decoding(shipped)(latent), torch.cat(alone))


def overflowing() -> networks.AutoencoderKL:
    """The same function with a residual stream 2^17 times as large from the first layer on, as group norm undoes."""
    vae = load_shipped()
    for name, parameter in vae.decoder.named_parameters():
        on_the_stream = any(part in name for part in ("conv_in", "conv2", "proj_out", "nin_shortcut.bias",
                                                      "upsample.conv.bias"))
        if on_the_stream:
            parameter.data = parameter.data * 2.0**17
    return vae


def test_what_half_precision_cannot_hold_is_decoded_again_and_said_once(
    shipped: networks.AutoencoderKL, latent: Tensor,
) -> None:
    vae = overflowing()
    with torch.no_grad():
        want = shipped.decode(latent)
        assert torch.allclose(vae.decode(latent), want, atol=1e-3)  # the same pictures, beyond 65504 on the way
    decoding = Decoding.on(torch.device("cuda"), vae, torch.float16)
    with pytest.warns(UserWarning, match="decoded in float32"):
        first = decoding(latent)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = decoding(latent)
    assert torch.equal(first, again) and float((pixels(first) - pixels(want)).abs().max()) < 1
    assert {p.dtype for p in vae.parameters()} == {torch.float32}


def test_a_failed_sampling_is_not_taken_for_the_vaes_fault(shipped: networks.AutoencoderKL, latent: Tensor) -> None:
    decoding = Decoding(shipped, torch.float16)
    assert not torch.isfinite(decoding(latent[:1, :, :2, :2].clone().fill_(float("nan")))).any()
    assert decoding.dtype == torch.float16


def test_a_decoding_that_lacks_memory_is_given_that_of_captured_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device with room for either: `held` stands for the memory of a captured step."""
    engine = Engine.load(write_checkpoint(tmp_path / "model.safetensors"), device="cpu")
    latent, held = torch.randn(1, 4, 8, 8), [True]
    want = engine.decode(latent)
    decode = engine.vae.decode

    def crowded(z: Tensor) -> Tensor:
        if held:
            raise torch.cuda.OutOfMemoryError("no room")
        return decode(z)

    monkeypatch.setattr(engine.vae, "decode", crowded)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        engine.decode(latent)  # nothing can be let go of
    engine.running.graphs = StepGraphs()
    monkeypatch.setattr(engine.running.graphs, "clear", held.clear)
    assert torch.equal(engine.decode(latent), want) and not held


def weights_of_all_networks(decoding: torch.dtype) -> int:
    """Bytes at the released size while pictures are made: half precision, the VAE in that of its decoding."""
    config, _ = random_networks.sizes("released")
    vae = config.vae
    assert vae
    halves = [networks.without_weights(lambda: UNet(config.unet)), networks.without_weights(lambda: SketchEncoder(320))]
    count = sum(p.numel() for module in halves for p in module.parameters())
    own = networks.without_weights(lambda: networks.AutoencoderKL(vae))
    return 2 * count + decoding.itemsize * sum(p.numel() for p in own.parameters())


@pytest.mark.parametrize("side, dtype, gigabytes", [
    (512, torch.float16, 2.7), (1024, torch.float16, 3.1), (2048, torch.float16, 5.5), (2048, torch.float32, 8.0)])
def test_decoding_keeps_its_budget_at_the_released_size(side: int, dtype: torch.dtype, gigabytes: float) -> None:
    """All networks' weights and what lives at once, on a GPU that is not there; a whole 1024 px took 6.9 GB."""
    config, _ = random_networks.sizes("released")
    with FakeTensorMode(), torch.device("cuda"):
        assert config.vae
        vae = networks.AutoencoderKL(config.vae)
        z = torch.empty(1, 4, side // 8, side // 8).contiguous(memory_format=torch.channels_last)
        with LiveMemory() as memory:
            picture = decode_in_strips(vae, z, dtype)
    assert picture.shape == (1, 3, side, side) and picture.device.type == "cuda"
    assert weights_of_all_networks(dtype) + memory.peak < gigabytes * 1e9


def test_a_large_picture_takes_less_memory_than_the_whole_decoder_on_a_cpu_too(shipped: networks.AutoencoderKL) -> None:
    """Its attention alone would be a matrix of 2.6 GB."""
    peaks = []
    with FakeTensorMode(), torch.no_grad():
        vae = networks.AutoencoderKL(random_networks.sizes("released")[0].vae or pytest.fail("no sizes"))
        z = torch.empty(1, 4, 160, 160)
        assert z.shape[2] * z.shape[3] * 64 > PLAIN
        for decode in (Decoding(vae), vae.decode):
            with LiveMemory() as memory:
                decode(z)
            peaks.append(memory.peak)
    assert 1.5 * peaks[0] < peaks[1], peaks


# Encoding for training

@pytest.mark.parametrize("dtype, error", [(torch.float32, 1e-5), (torch.float16, 2e-3), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("part", [0, 2])
def test_moments_are_near_those_of_float32(
    shipped: networks.AutoencoderKL, latent: Tensor, dtype: torch.dtype, error: float, part: int,
) -> None:
    with torch.no_grad():
        pictures = torch.cat([shipped.decode(latent), -shipped.decode(latent)[:1]]).clamp(-1, 1)
        mean, logvar = shipped.encode(pictures)
    got_mean, got_logvar = encode_moments(shipped, pictures, dtype, part)
    assert got_mean.dtype == got_logvar.dtype == torch.float32
    assert float((got_mean - mean).norm() / mean.norm()) < error
    std, got_std = (0.5 * logvar).exp(), (0.5 * got_logvar).exp()
    assert float((got_std - std).norm() / std.norm()) < 4 * error


def test_moments_of_any_auto_encoder_are_its_own() -> None:
    vae, pictures = random_vae(ATTENTION_EVERYWHERE), torch.rand(2, 3, 24, 40) * 2 - 1
    mean, _ = vae.encode(pictures)
    got, _ = encode_moments(vae, pictures, torch.float16)
    assert float((got - mean).norm() / mean.norm()) < 5e-3


def test_an_activation_that_is_let_go_of_holds_no_memory() -> None:
    x = Activation(torch.zeros(1, 4, 8, 8), (WHOLE, WHOLE))
    x.let_go()
    assert x.x.untyped_storage().nbytes() == 0


def test_parts_bound_the_memory_of_encoding() -> None:
    config, _ = random_networks.sizes("released")
    peaks = []
    with FakeTensorMode(), torch.device("cuda"):
        assert config.vae
        vae = networks.AutoencoderKL(config.vae)
        pictures = torch.empty(16, 3, 512, 512)
        for part in (0, 4):
            with LiveMemory() as memory:
                mean, _ = encode_moments(vae, pictures, torch.bfloat16, part)
            peaks.append(memory.peak)
            assert mean.shape == (16, 4, 64, 64)
    assert peaks[1] < 1.2e9 < 3e9 < peaks[0]
