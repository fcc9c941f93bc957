"""Norms of half precision training: kernels of our own, run by Triton's interpreter, against torch's arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lib_colorize.method.spatial_transformer import GEGLU
from training.trainer.frugal_geglu import frugal_gates
from training.trainer.fused_norm import can_fuse, kernels_work

KERNELS = """
import torch
from lib_colorize.method.spatial_transformer import GEGLU
from training.trainer.frugal_geglu import frugal_gates
from training.trainer.fused_norm import NEAR, kernels_work, worst_difference
from training.trainer import norm_kernels as kernels

sizes = ((2, 96, 5, 7), (1, 32, 65, 64))
assert {h * w > kernels.PARTS * kernels.ROWS for _, _, h, w in sizes} == {False, True}
for size in sizes:
    assert worst_difference("cpu", torch.float32, size) < 1e-5, size
assert worst_difference("cpu", torch.bfloat16, sizes[0]) < NEAR
true = kernels.normed
kernels.normed = lambda x, *given: (lambda y, *rest: (y * 1.1, *rest))(*true(x, *given))
assert not kernels_work("cpu", torch.bfloat16)
"""


def test_the_kernels_are_group_norm_and_its_gradient_and_are_not_used_where_they_are_not() -> None:
    """Of maps of one part and of several, whose sizes are no multiples of anything."""
    pytest.importorskip("triton")
    done = subprocess.run([sys.executable, "-c", KERNELS], cwd=Path(__file__).parent.parent, text=True,
                          env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "ours differ by" in done.stderr


def test_without_a_gpu_torch_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    x = torch.randn(1, 64, 4, 4).bfloat16().to(memory_format=torch.channels_last)
    assert not can_fuse(x)
    kernels_work.cache_clear()
    assert not kernels_work("cpu", torch.bfloat16)  # Triton has no driver here
    assert "torch's own kernels" in capsys.readouterr().err


@pytest.mark.parametrize("half", [False, True])
def test_a_gate_that_is_computed_again_is_the_same_to_the_bit_and_keeps_its_projection_alone(half: bool) -> None:
    torch.manual_seed(0)
    layer, x = GEGLU(8, 16), torch.randn(2, 5, 8)
    results, kept = [], []
    for frugal in (False, True):
        if frugal:
            frugal_gates(layer)
        layer.zero_grad()
        given = x.clone().requires_grad_()
        sizes: list[int] = []
        with torch.autocast("cpu", torch.bfloat16, enabled=half), torch.autograd.graph.saved_tensors_hooks(
                lambda tensor, sizes=sizes: (sizes.append(tensor.numel()), tensor)[1], lambda tensor: tensor):
            y = layer(given)
        torch.autograd.backward([(y.float() * torch.arange(16)).sum()])
        kept.append(sum(sizes))
        results.append([y.detach(), given.grad, layer.proj.weight.grad, layer.proj.bias.grad])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert kept[0] - kept[1] == 2 * 5 * 16  # the GELU
