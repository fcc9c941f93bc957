"""Number formats of a file's tensors that no network here can be loaded from: quantised weights."""

from __future__ import annotations

from collections.abc import Mapping

from .config import PARTS
from .files import Entry

LOADED = frozenset(("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "torch.float8_e4m3fn", "torch.float8_e5m2"))
WORDS = {"I8": "int8", "U8": "uint8", "I16": "int16", "I32": "int32", "I64": "int64", "BOOL": "bool"}
SCALES = (".scale_weight", ".weight_scale", ".scale_input", ".SCB", ".absmax", ".quant_map", ".qweight", ".qzeros",
          ".weight_format", "scaled_fp8", ".comfy_quant")  # what quantisers write beside their weights
CURE = "the numbers that were there before are not in this file; use the one in fp32, fp16 or bf16"


def quantised(entries: Mapping[str, Entry]) -> str:
    """What is quantised in a file, and what to do; "" when nothing is.

    Fp8 without scales is no more than rounded, and loads.
    """
    for key, entry in entries.items():
        if key.endswith(SCALES):
            return f"its weights are quantised ({key}): {CURE}"
        if key.startswith(tuple(PARTS.values())) and entry.dtype not in LOADED:
            return f"{key} is of {WORDS.get(entry.dtype, entry.dtype)} numbers, so quantised: {CURE}"
    return ""
