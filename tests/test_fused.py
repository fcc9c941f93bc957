"""Kernels of our own against torch's arithmetic: on the CPU, in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lib_colorize.method.norms import Float32GroupNorm, norm_silu

KERNEL = """
import torch, torch.nn.functional as F
from lib_colorize.method.triton_norm import PARTS, ROWS, group_norm

generator = torch.Generator().manual_seed(0)
sizes = ((2, 320, 24, 36, torch.float16), (1, 96, 80, 61, torch.float32), (3, 64, 5, 7, torch.float16))
for b, c, h, w, dtype in sizes:
    x = (torch.randn(b, c, h, w, generator=generator) * 2 + 30).to(dtype).to(memory_format=torch.channels_last)
    weight, bias = (torch.randn(c, generator=generator).to(dtype) for _ in range(2))
    for rows, silu in ((0, False), (1, True), (b, True)):
        shift = torch.randn(rows, c, generator=generator).to(dtype) if rows else None
        found = group_norm(x, 32, weight, bias, 1e-5, shift, silu)
        exact = x.double() if shift is None else x.double() + shift.double()[..., None, None]
        exact = F.group_norm(exact, 32, weight.double(), bias.double(), 1e-5)
        exact = F.silu(exact) if silu else exact
        assert found.dtype is dtype and found.is_contiguous(memory_format=torch.channels_last)
        bound = {torch.float16: 0.008, torch.float32: 2e-4}[dtype]
        assert float((found.double() - exact).abs().max()) < bound, (b, c, h, w, rows, silu)
    print(h * w > PARTS * ROWS)

from lib_colorize.method.triton_geglu import geglu

x = torch.randn(2, 13, 2 * 300, generator=generator).half()
value, gate = x.double().chunk(2, -1)
assert geglu(x).dtype is torch.float16 and float((geglu(x) - value * F.gelu(gate)).abs().max()) < 0.008
"""


def test_the_kernels_are_geglu_and_the_norm_with_its_silu_and_its_shift() -> None:
    """Of maps whose parts are held at once, and of such as are gone over."""
    pytest.importorskip("triton")
    done = subprocess.run([sys.executable, "-c", KERNEL], cwd=Path(__file__).parent.parent, text=True,
                          env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"True", "False"}


@pytest.mark.parametrize("weights", (torch.float32, torch.bfloat16))
def test_half_precision_is_summed_in_float32(weights: torch.dtype) -> None:
    """A mean of 300 and a spread of 1 would be nothing but rounding in the sums of bfloat16."""
    x = (torch.randn(2, 64, 16, 16, generator=torch.Generator().manual_seed(0)) * 4 + 300).bfloat16()
    layer = Float32GroupNorm(32, 64).to(weights)
    found, exact = layer(x).detach(), F.group_norm(x.double(), 32)
    assert found.dtype is torch.bfloat16 and float((found.double() - exact).abs().max()) < 0.02


def test_a_shift_is_added_before_the_norm() -> None:
    generator = torch.Generator().manual_seed(0)
    x, shift, layer = torch.randn(2, 64, 4, 4, generator=generator), torch.randn(1, 64, generator=generator), \
        Float32GroupNorm(32, 64)
    assert torch.equal(norm_silu(layer, x, shift), F.silu(layer(x + shift[..., None, None])))
