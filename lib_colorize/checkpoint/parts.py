"""The parts of a checkpoint file by its keys: which belong to which, and how much of the file each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .config import PARTS
from .files import Entry

SCHEDULE_BUFFERS = frozenset((
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
    "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"))
GROUPS = {  # of what is not one of PARTS; the first prefix that fits
    "token_transformer": "transformer.", "threshold_embedder": "thresh_embedder.", "background_encoder": "bg_encoder.",
    "style_encoder": "style_encoder.", "text_encoder": "cond_stage_model.", "moving_average": "model_ema.",
}
IGNORED = ("text_encoder", "moving_average", "schedule")  # may lie in any file, and nothing here needs them


@dataclass(frozen=True)
class PartSize:
    """How much of a file one part takes; dtypes as safetensors names them."""

    tensors: int
    params: int
    bytes: int
    dtypes: tuple[str, ...]


def part_of(key: str) -> str:
    """The name in PARTS or GROUPS, "schedule" or "other", of the part that a key belongs to."""
    if key in SCHEDULE_BUFFERS:
        return "schedule"
    return next((part for part, prefix in {**PARTS, **GROUPS}.items() if key.startswith(prefix)), "other")


def shapes_by_part(entries: Mapping[str, Entry]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Name of PARTS -> key without prefix -> shape; parts that the file lacks are left out."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, entry in entries.items():
        part = part_of(key)
        if part in PARTS:
            found.setdefault(part, {})[key.removeprefix(PARTS[part])] = entry.shape
    return found


def part_sizes(entries: Mapping[str, Entry]) -> dict[str, PartSize]:
    """Name of part -> its size."""
    groups: dict[str, list[Entry]] = {}
    for key, entry in entries.items():
        groups.setdefault(part_of(key), []).append(entry)
    return {part: PartSize(len(found), sum(e.values for e in found), sum(e.bytes for e in found),
                           tuple(sorted({e.dtype for e in found}))) for part, found in groups.items()}
