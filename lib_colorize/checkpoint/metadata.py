"""What our files say about themselves: `modelspec.*` entries and one JSON entry, `colorize`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import ColorizeError
from ..method.network_config import NetworkConfig
from ..method.schedule import Prediction

FORMAT = 1
SQUARES_ALONE = {"small-256"}  # recipes of models whose lines fray on canvases that are no squares
MODELSPEC_PREDICTION = {Prediction.EPS: "epsilon", Prediction.V: "v"}  # sai_model_spec 1.0.0, modelspec.prediction_type

RESOLUTIONS = {"v2": 768}  # of released files; others: 512

TEXTS = ("title", "license", "author", "description", "date")  # fields of ModelCard and of modelspec alike


@dataclass(frozen=True)
class Schedule:
    """The noise schedule's numbers, the arguments of `lib_colorize.schedule.alphas_cumprod`."""

    linear_start: float = 0.00085
    linear_end: float = 0.012
    timesteps: int = 1000
    zero_snr: bool = False


@dataclass(frozen=True)
class ModelCard:
    """Everything about a model that its tensors do not show."""

    config: NetworkConfig
    prediction: Prediction | None = None  # None = nobody said so yet
    variant: str = "v1"  # v1, v1.5 or v2
    tokens: str = "local"  # cross-attention context: the reference's local tokens (v1)
    schedule: Schedule = Schedule()
    resolution: int = 512  # pixels, the side of a square of the training area
    scale_factor: float = 0.18215  # latents = scale_factor * VAE posterior
    training: Mapping[str, Any] = field(default_factory=dict)  # the recipe, free JSON
    title: str = "ColorizeDiffusion"
    license: str = ""
    author: str = ""
    description: str = ""
    date: str = ""  # ISO 8601

    @property
    def multiple(self) -> int:
        """Pixels that the sides of a canvas are multiples of: each level of U-Net and VAE but the first halves."""
        unet, vae = self.config.unet, self.config.vae
        return (1 << len(unet.channel_mult) - 1) * (8 if vae is None else 1 << len(vae.ch_mult) - 1)

    @property
    def square(self) -> bool:
        """Whether canvases that follow a sketch must be squares: it was trained on nothing else, and shows it."""
        return self.training.get("preset") in SQUARES_ALONE

    def to_metadata(self) -> dict[str, str]:
        """Safetensors metadata; `from_metadata` is the inverse."""
        entry = {
            "format": FORMAT, "variant": self.variant, "sizes": self.config.to_dict(), "tokens": self.tokens,
            "prediction": self.prediction.value if self.prediction else None, "schedule": asdict(self.schedule),
            "resolution": self.resolution, "scale_factor": self.scale_factor, "training": dict(self.training),
        }
        spec = {
            "sai_model_spec": "1.0.0", "architecture": f"colorize-diffusion-{self.variant}",
            "implementation": "colorize-diffusion", "resolution": f"{self.resolution}x{self.resolution}",
            **{name: getattr(self, name) for name in TEXTS},
            "prediction_type": MODELSPEC_PREDICTION[self.prediction] if self.prediction else "",
        }
        return {**{f"modelspec.{k}": v for k, v in spec.items() if v}, "colorize": json.dumps(entry)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelCard | None:
        """The card, None when the file has no `colorize` entry; ColorizeError when the entry cannot be understood."""
        if "colorize" not in metadata:
            return None
        try:
            entry = json.loads(metadata["colorize"])
            if entry["format"] != FORMAT:
                raise ColorizeError(f"metadata 'colorize' of format {entry['format']!r}, expected {FORMAT}: "
                                    "written by another version; update this one")
            prediction = None if entry["prediction"] is None else Prediction(entry["prediction"])
            numbers = entry["schedule"]
            schedule = Schedule(float(numbers["linear_start"]), float(numbers["linear_end"]), int(numbers["timesteps"]),
                                bool(numbers["zero_snr"]))
            return cls(NetworkConfig.from_dict(entry["sizes"]), prediction, str(entry["variant"]), str(entry["tokens"]),
                       schedule, int(entry["resolution"]), float(entry["scale_factor"]), dict(entry["training"]),
                       **_texts(metadata))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, ColorizeError):
                raise
            raise ColorizeError(f"metadata 'colorize' cannot be understood ({type(error).__name__}: {error})") from None

    @classmethod
    def of_released(cls, config: NetworkConfig, metadata: Mapping[str, str], variant: str = "v1") -> ModelCard:
        """The card of a file without a `colorize` entry: what a released file is, and what `modelspec.*` says."""
        size = re.fullmatch(r"(\d{2,4})(x\d{2,4})?", metadata.get("modelspec.resolution", ""))
        resolution = int(size.group(1)) if size else RESOLUTIONS.get(variant, 512)
        card = cls(config, prediction_from_metadata(metadata), variant, resolution=resolution)
        return replace(card, **_texts(metadata))


def _texts(metadata: Mapping[str, str]) -> dict[str, Any]:
    return {name: metadata.get(f"modelspec.{name}", "") for name in TEXTS}


def prediction_from_metadata(metadata: Mapping[str, str]) -> Prediction | None:
    """The prediction type that the file states, in its `colorize` entry or in `modelspec.prediction_type`."""
    card = ModelCard.from_metadata(metadata)
    if card and card.prediction:
        return card.prediction
    word = metadata.get("modelspec.prediction_type", "").lower().replace("-", "_")
    return {"epsilon": Prediction.EPS, "eps": Prediction.EPS, "v": Prediction.V, "v_prediction": Prediction.V}.get(word)
