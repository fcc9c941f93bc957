"""The feature networks by which the pictures of an evaluation are measured."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.metrics import features
from training.metrics.features import Features
from training.metrics.painter import load_encoder

NETWORKS = ("inception", "clean", "reference-encoder")


@dataclass(frozen=True)
class Instruments:
    """By what pictures are measured."""

    networks: Sequence[Features]
    similarity: Features


def instruments(
    names: Sequence[str], inception: Path | None, encoder: Path, clip: Path | None, device: str,
) -> Instruments:
    """The feature networks of these names. encoder: file of the checkpoint's own vision tower, clip: of another."""
    @functools.cache
    def tower(path: Path) -> Features:
        return features.reference_encoder_features(load_encoder(path, device))  # in float32, whatever paints

    makers = {"inception": lambda: features.pytorch_fid(inception, device),
              "clean": lambda: features.clean_fid(inception, device), "reference-encoder": lambda: tower(encoder)}
    return Instruments([makers[name]() for name in names], tower(clip or encoder))
