"""What our files say about themselves: `modelspec.*` entries and one JSON entry, `colorize`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..errors import ColorizeError
from ..schedule import Prediction
from .config import NetworkConfig

FORMAT = 1
MODELSPEC_PREDICTION = {Prediction.EPS: "epsilon", Prediction.V: "v"}  # sai_model_spec 1.0.0, modelspec.prediction_type


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

    def to_metadata(self) -> dict[str, str]:
        """Safetensors metadata; `from_metadata` is the inverse."""
        entry = {
            "format": FORMAT, "sizes": self.config.to_dict(), "tokens": self.tokens,
            "prediction": self.prediction.value if self.prediction else None, "schedule": asdict(self.schedule),
            "resolution": self.resolution, "scale_factor": self.scale_factor, "training": dict(self.training),
        }
        spec = {
            "sai_model_spec": "1.0.0", "architecture": "colorize-diffusion-v1", "implementation": "colorize-diffusion",
            "resolution": f"{self.resolution}x{self.resolution}", "title": self.title, "license": self.license,
            "author": self.author, "description": self.description, "date": self.date,
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
            schedule = Schedule(**{f.name: type(f.default)(entry["schedule"][f.name]) for f in fields(Schedule)})
            texts = {f: metadata.get(f"modelspec.{f}", "") for f in ("title", "license", "author", "description", "date")}
            return cls(NetworkConfig.from_dict(entry["sizes"]), prediction, str(entry["tokens"]), schedule,
                       int(entry["resolution"]), float(entry["scale_factor"]), dict(entry["training"]), **texts)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, ColorizeError):
                raise
            raise ColorizeError(f"metadata 'colorize' cannot be understood ({type(error).__name__}: {error})") from None


def prediction_from_metadata(metadata: Mapping[str, str]) -> Prediction | None:
    """The prediction type that the file states, in its `colorize` entry or in `modelspec.prediction_type`."""
    card = ModelCard.from_metadata(metadata)
    if card and card.prediction:
        return card.prediction
    word = metadata.get("modelspec.prediction_type", "").lower().replace("-", "_")
    return {"epsilon": Prediction.EPS, "eps": Prediction.EPS, "v": Prediction.V, "v_prediction": Prediction.V}.get(word)
