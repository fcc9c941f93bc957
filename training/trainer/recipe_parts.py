"""The parts of a recipe: stages, loss, optimizer, start weights, how a run is computed, what its file says."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class TokenNoise(enum.Enum):
    """How much noise the reference tokens get at step t."""

    NONE = "none"
    PAPER = "paper"  # the image's own noise level: eq. 1, WACV 2025
    RELEASED = "released"  # the released trainer: for t >= 0.9 T the level of T - 1 - t instead, which is nearly none


class MinSNR(enum.Enum):
    """Which of two weightings is meant by min-SNR; they differ for v alone."""

    RELEASED = "released"  # v: min(snr + 1, gamma) / (snr + 1)
    PUBLISHED = "published"  # v: min(snr, gamma) / (snr + 1), section 3.4 of arXiv 2303.09556


class Tokens(enum.Enum):
    """What of the reference encoder the U-Net is shown."""

    LOCAL = "local"  # the local tokens: the paper's model
    PROJECTED = "projected"  # CLS made 256 tokens by two linear layers: Proj-0.1 of Table 1
    CLS = "cls"  # CLS, and linear layers for every cross-attention: CLS-0.1 of Table 1


class Encoder(enum.Enum):
    """Where the reference encoder is, and whether it learns."""

    OUTSIDE = "outside"  # frozen, and a file of its own: the paper's CLIP
    FROZEN = "frozen"  # part of the model and of its file, as it was at the start
    TRAINED = "trained"  # the same, and it learns with the U-Net

    @property
    def inside(self) -> bool:
        return self is not Encoder.OUTSIDE


@dataclass(frozen=True)
class Stage:
    """One stage of the paper's two (section 3.3). Its length is given by `epochs` or by `images`, the other is 0."""

    name: str
    token_noise: TokenNoise
    drop_reference: float
    drop_sketch: float
    epochs: float = 0.0
    images: int = 0  # training samples seen
    lr: float = 1e-5
    final_lr: float = 1e-5  # cosine from lr to this; the paper's is constant
    window: int = 0  # px; 0 = whole pictures, else only a window of sketch and target (the reference stays whole)

    def length(self, epoch: int) -> int:
        """Images of this stage, where an epoch has so many (`progress.epoch_images`)."""
        return self.images or max(1, round(self.epochs * epoch))


@dataclass(frozen=True)
class Loss:
    """Options of the objective; the defaults are the paper's."""

    offset_noise: float = 0.0  # share of noise that is constant over a latent's channel; the released config has 0.05
    min_snr: float = 0.0  # gamma; 0 = all steps weigh the same
    min_snr_form: MinSNR = MinSNR.RELEASED
    t_power: float = 1.0  # above 1: more of the noisy steps, where colours are decided (training.draws); 1 = uniform
    zero_snr: bool = False  # zero terminal SNR, arXiv 2305.08891; for v only


@dataclass(frozen=True)
class Optimizer:
    """AdamW, its batch, and the moving average of the weights."""

    batch_size: int = 64  # samples of one step, over all processes and accumulated parts; not given in the paper
    kind: str = "adamw"  # or "adamw8bit": bitsandbytes, on a GPU
    betas: tuple[float, ...] = (0.9, 0.999)
    weight_decay: float = 1e-2
    warmup: int = 0  # images over which lr rises from 0
    clip: float = 1.0  # of the gradient's norm; 0 = off
    ema_decay: float = 0.9999  # 0 = no moving average


@dataclass(frozen=True)
class Start:
    """The weights that a run begins with; "none" = random ones."""

    checkpoint: str = "none"  # SD2.1 or Waifu Diffusion 1.4, a released v1, or one of ours
    vae: str = "none"  # a file with another auto-encoder than the checkpoint's
    reference_encoder: str = "none"  # OpenCLIP ViT-H-14; not asked for when all tokens are cached


@dataclass(frozen=True)
class Run:
    """How a run is computed and watched. The only part that may change when it is resumed. Lengths are in images."""

    precision: str = ""  # "no", "bf16", "fp16"; "" = what accelerate's config says
    micro_batch: int = 0  # samples of one process at once, the rest is accumulated; 0 = all
    checkpointing: bool = False  # compute activations again in the backward pass
    compile: bool = False  # torch.compile of the networks' blocks: minutes at the first step of each size
    capture: bool | None = None  # forward and backward as a CUDA graph (one process, one part a step); auto: if narrow
    channels_last: bool = True
    tf32: bool = True
    workers: int = 0  # processes that read pictures; 0 = the training process itself
    cache: str = ""  # folder of cached latents and tokens (docs/data.md); "auto": made at the start in RUN/cache
    save_every: int = 100_000
    keep: int = 3  # checkpoints; those at the end of a stage stay besides
    keep_epochs: bool = False  # those at the end of an epoch too
    log_every: int = 3_200
    sample_every: int = 100_000  # 0 = no sample grids
    sample_pairs: int = 4
    sample_steps: int = 20
    trackers: tuple[str, ...] = ("tensorboard",)  # and "wandb"
    export: str = "fp16"  # number format of final.safetensors: fp32, fp16, bf16


@dataclass(frozen=True)
class Card:
    """What the finished file says about itself; "" = what the data folder says (docs/data.md)."""

    title: str = "ColorizeDiffusion"
    license: str = ""
    description: str = ""  # ", trained on ..." is put behind it where the data folder says on what
