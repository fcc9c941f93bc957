"""The files that a user may need: what for, how big, under which licence, from where and into which folder."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ColorizeError

GB = 1_000_000_000
HUBS = ("https://huggingface.co", "https://hf-mirror.com")  # the publisher first; the same paths below each
MODEL_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


class Purpose(enum.Enum):
    """What a file is for; the value is for people."""

    CHECKPOINT = "colorize checkpoint"
    REFERENCE_ENCODER = "reference encoder"


@dataclass(frozen=True)
class Licence:
    """`text` is what a user reads before the download."""

    name: str
    text: str
    url: str
    non_commercial: bool = False


CC_BY_NC_SA = Licence(
    "CC BY-NC-SA 4.0",
    "Non-commercial use only. You may share and change these weights if you name their authors, use them for no "
    "commercial purpose and pass on what you make of them under the same licence.",
    "https://creativecommons.org/licenses/by-nc-sa/4.0/", non_commercial=True)
CC_BY_NC = Licence(
    "CC BY-NC 4.0",
    "Non-commercial use only. You may share and change these weights if you name their authors and use them for no "
    "commercial purpose.",
    "https://creativecommons.org/licenses/by-nc/4.0/", non_commercial=True)
MIT = Licence("MIT", "Free use, also commercial; the copyright notice goes with every copy.",
              "https://github.com/mlfoundations/open_clip/blob/main/LICENSE")


@dataclass(frozen=True)
class KnownFile:
    """One published file."""

    id: str
    name: str  # under which it is saved
    purpose: Purpose
    about: str
    size: int  # bytes
    licence: Licence
    hub: str  # path below each of HUBS
    other_names: tuple[str, ...] = ()  # under which people have it
    approximate: bool = True  # the size is known to three digits only
    sha256: str | None = None  # None = nobody here has seen the file; it is told by its structure then
    recommended: bool = False  # the one to get when there is none of its purpose
    variant: str = "v1"  # of a checkpoint

    @property
    def size_text(self) -> str:
        return f"{'about ' if self.approximate else ''}{self.size / GB:.2f} GB"


_RELEASED = "tellurion/ColorizeDiffusion/resolve/main"
_OLDER = "tellurion/colorizer/resolve/main"
_LAION = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K/resolve/main"

CATALOGUE = (
    KnownFile("mult-eps-ft", "mult-eps-ft.safetensors", Purpose.CHECKPOINT,
              "v1, the paper's model", 3_890_000_000, CC_BY_NC_SA, f"{_RELEASED}/mult-eps-ft.safetensors",
              recommended=True),
    KnownFile("mult-eps-newft", "mult-eps-newft.safetensors", Purpose.CHECKPOINT,
              "v1, a newer fine-tuning", 3_890_000_000, CC_BY_NC_SA, f"{_RELEASED}/mult-eps-newft.safetensors"),
    KnownFile("switch-eps", "switch-eps.safetensors", Purpose.CHECKPOINT,
              "v1.5: figure and background apart", 4_330_000_000, CC_BY_NC_SA, f"{_RELEASED}/switch-eps.safetensors",
              variant="v1.5"),
    KnownFile("v2-full", "v2-full.safetensors", Purpose.CHECKPOINT,
              "v2: style and background too", 6_820_000_000, CC_BY_NC_SA, f"{_RELEASED}/v2-full.safetensors",
              variant="v2"),
    KnownFile("mult-ft", "mult-ft.safetensors", Purpose.CHECKPOINT,
              "v1, the older release", 3_890_000_000, CC_BY_NC, f"{_OLDER}/mult-ft.safetensors"),
    KnownFile("mult-newft", "mult-newft.safetensors", Purpose.CHECKPOINT,
              "v1, the older release, a newer fine-tuning", 3_890_000_000, CC_BY_NC,
              f"{_OLDER}/mult-newft.safetensors"),
    KnownFile("vit-h", "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors", Purpose.REFERENCE_ENCODER,
              "OpenCLIP ViT-H-14 (laion2b_s32b_b79k), the vision half: IP-Adapter's image encoder", 2_530_000_000, MIT,
              "h94/IP-Adapter/resolve/main/models/image_encoder/model.safetensors",
              ("model.safetensors", "pytorch_model.bin", "clip_h.pth", "CLIP-ViT-H-14.safetensors",
               "clip_vision_vit_h.safetensors"), recommended=True),
    KnownFile("vit-h-full", "CLIP-ViT-H-14-laion2B-full.safetensors", Purpose.REFERENCE_ENCODER,
              "the same with its text half, Hugging Face layout", 3_940_000_000, MIT, f"{_LAION}/model.safetensors",
              ("model.safetensors", "pytorch_model.bin")),
    KnownFile("vit-h-open-clip", "open_clip_pytorch_model.bin", Purpose.REFERENCE_ENCODER,
              "the same with its text half, open_clip layout", 3_940_000_000, MIT,
              f"{_LAION}/open_clip_pytorch_model.bin", ("open_clip_pytorch_model.safetensors",)),
)


def known(id: str) -> KnownFile:
    """The entry of that id."""
    for entry in CATALOGUE:
        if entry.id == id:
            return entry
    raise ColorizeError(f"model {id!r}: not known; known are {', '.join(entry.id for entry in CATALOGUE)}")


def recommended(purpose: Purpose) -> KnownFile:
    """The file to get when there is none for this purpose."""
    return next(entry for entry in CATALOGUE if entry.purpose is purpose and entry.recommended)


def mirrors(entry: KnownFile, base_url: str | None = None) -> tuple[str, ...]:
    """Addresses of a file, in the order in which they are tried.

    base_url: a mirror of the user's, tried first; else the environment's HF_ENDPOINT, which other tools read too.
    """
    own = (base_url or os.environ.get("HF_ENDPOINT") or "").strip().rstrip("/")
    if own:
        parts = urlsplit(own)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ColorizeError(f"mirror {own!r}: expected an address such as {HUBS[0]}")
    bases = dict.fromkeys((own, *HUBS) if own else HUBS)
    return tuple(f"{base}/{entry.hub}" for base in bases)


@dataclass(frozen=True)
class Folders:
    """Where models lie; the host's adapter says so. Folders that do not exist are passed over."""

    own: Path  # this extension's, made when first needed
    checkpoints: tuple[Path, ...] = ()  # the host's; the first is where new checkpoints go
    controlnet: tuple[Path, ...] = ()
    clip_vision: tuple[Path, ...] = ()

    def target(self, purpose: Purpose) -> Path:
        """The folder that a new file of this purpose goes into."""
        return self.checkpoints[0] if purpose is Purpose.CHECKPOINT and self.checkpoints else self.own


def usual_folders(
    webui: Path, models: Path, own: Path | None = None, checkpoints: Iterable[Path] = (),
    controlnet: Iterable[Path] = (),
) -> Folders:
    """The folders of a WebUI, Forge or one of their relatives.

    webui: the folder that holds `extensions/`; models: the folder that holds `Stable-diffusion/`.
    own, checkpoints, controlnet: what the command line says (--colorize-models-dir, --ckpt-dir, --controlnet-dir).
    """
    extension = webui / "extensions" / "sd-webui-controlnet"
    return Folders(
        own or models / "ColorizeDiffusion",
        (models / "Stable-diffusion", *checkpoints),
        (models / "ControlNet", models / "ControlNetPreprocessor", extension / "models",
         extension / "annotator" / "downloads" / "clip_vision", *controlnet),
        tuple(models / name for name in ("clip_vision", "ipadapter", "IP-Adapter", "ip-adapter")))
