"""What the frozen networks make of the samples of one cache shard, with both flips, as the cache stores it."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset.augment import Draw
from training.dataset.cache_key import Networks
from training.dataset.cache_store import KINDS, Shard
from training.dataset.collate import to_tensor
from training.dataset.samples import SampleReader

STILL = Draw(False, 0.0, 1.0, (0.5, 0.5), (1.0, 1.0, 1.0), (0, 0), False, (0.0, 0.0))  # no chance in a cache
FLIPPED = Draw(True, 0.0, 1.0, (0.5, 0.5), (1.0, 1.0, 1.0), (0, 0), False, (0.0, 0.0))


@torch.no_grad()
def encode_shard(
    pairs: SampleReader, shard: Shard, networks: Networks, kind: str, dtype: torch.dtype, batch_size: int,
) -> dict[str, Tensor]:
    """The tensors of one shard."""
    rows: dict[str, list[Tensor]] = {name: [] for name in KINDS[kind]}
    sources: list[int] = []
    for start in range(0, len(shard.samples), batch_size):
        part = shard.samples[start:start + batch_size]
        by_flip: dict[str, list[Tensor]] = {name: [] for name in rows}
        for drawn in (STILL, FLIPPED)[:2 if pairs.options.flip else 1]:
            used, color = _colors(pairs, part, drawn, reference=kind == "tokens")
            for name, value in _outputs(color, networks, kind).items():
                by_flip[name].append(value)
        sources += used
        for name, values in by_flip.items():
            rows[name].append(torch.stack(values, dim=1))
    tensors = {name: torch.cat(values) for name, values in rows.items()}
    if not all(bool(torch.isfinite(value.to(dtype)).all()) for value in tensors.values()):
        raise ColorizeError(f"{kind}: values that {dtype} cannot hold; cache in bfloat16 or float32")
    return {**{name: value.to(dtype).contiguous() for name, value in tensors.items()}, "source": torch.tensor(sources)}


def _colors(pairs: SampleReader, samples: tuple[int, ...], drawn: Draw, reference: bool) -> tuple[list[int], Tensor]:
    """Which samples, others for damaged ones, and their pictures or references [B, 3, H, W] in [-1, 1]."""
    def read(index: int) -> tuple[int, Image.Image | None]:
        sample = pairs.sample(index, drawn)
        return index, sample.reference if reference else sample.color

    found = [pairs.first_good(index, read) for index in samples]
    return [index for index, _ in found], to_tensor([color for _, color in found if color is not None])


def _outputs(color: Tensor, networks: Networks, kind: str) -> dict[str, Tensor]:
    """color: [B, 3, H, W] in [-1, 1] -> float32 on the CPU, [B, ...]."""
    if kind == "latents":
        assert networks.vae is not None
        weight = networks.vae.quant_conv.weight
        mean, logvar = networks.vae.encode(color.to(weight.device, weight.dtype))
        scale = networks.vae.scale_factor
        return {"mean": (scale * mean.float()).cpu(), "std": (scale * (0.5 * logvar.float()).exp()).cpu()}
    assert networks.reference_encoder is not None
    return {"tokens": networks.reference_encoder(color).float().cpu()}
