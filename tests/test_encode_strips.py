"""Large pictures encoded in strips: as the whole, and in less memory."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lib_colorize.cli import random_networks
from lib_colorize.engine import networks
from lib_colorize.engine.encode_strips import encode_in_strips
from lib_colorize.engine.encoding import encode_moments
from lib_colorize.method.network_config import VAEConfig
from tests.standalone_models import CONFIG
from training.trainer.live_memory import LiveMemory

ATTENTION_EVERYWHERE = VAEConfig(32, (1, 2, 2), 1, 4, 4, attn_resolutions=(256, 128, 64))


@pytest.mark.parametrize("config", [ATTENTION_EVERYWHERE, CONFIG.vae])
@pytest.mark.parametrize("strip", [1, 5000, 2**24])
def test_strips_are_the_whole_without_a_seam(config: VAEConfig, strip: int) -> None:
    torch.manual_seed(0)
    vae, pictures = networks.AutoencoderKL(config).eval().requires_grad_(False), torch.rand(1, 3, 72, 40) * 2 - 1
    want = vae.encode(pictures)
    got = encode_in_strips(vae, pictures, 1 if strip < 2**24 else strip, strip)
    for mine, whole in zip(got, want):
        assert mine.shape == whole.shape and torch.allclose(mine, whole, atol=1e-4)


def test_a_large_picture_takes_half_the_memory_of_the_whole_encoder() -> None:
    """At the released size, of 2,048 x 2,048 px in half precision on a GPU that is not there."""
    peaks = []
    with FakeTensorMode(), torch.device("cuda"):
        sizes = random_networks.sizes("released")[0].vae
        assert sizes
        vae = networks.AutoencoderKL(sizes)
        picture = torch.empty(1, 3, 2048, 2048, dtype=torch.float16)
        for encode in (encode_in_strips, lambda vae, x: encode_moments(vae, x, torch.float16)):
            with LiveMemory() as memory:
                mean, _ = encode(vae, picture)
            peaks.append(memory.peak)
            assert mean.shape == (1, 4, 256, 256)
    assert peaks[0] < 3e9 and 1.4 * peaks[0] < peaks[1], peaks
