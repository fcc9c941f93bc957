"""Training recipes, one table. Everything that decides a run's result stands here; the run saves it."""

from __future__ import annotations

from dataclasses import dataclass

from lib_colorize.checkpoint.config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig
from lib_colorize.schedule import Prediction
from training.objective import TokenNoise


@dataclass(frozen=True)
class Stage:
    """One stage of the paper's two (section 3.3)."""

    name: str
    images: int  # training samples seen
    token_noise: TokenNoise
    drop_reference: float
    drop_sketch: float
    lr: float
    final_lr: float  # cosine from lr to this; the paper's is constant
    window: int = 0  # px; 0 = whole pictures, else only a window of sketch and target (the reference stays whole)


@dataclass(frozen=True)
class Recipe:
    """Networks and stages."""

    networks: NetworkConfig
    resolution: int
    prediction: Prediction
    batch_size: int
    stages: tuple[Stage, ...]
    ema_decay: float
    weight_decay: float
    max_margin: int  # px, centre crop of the sketch alone (section 4.1), at most this off each side
    margin_rate: float  # share of samples that lose margins, per axis
    train_reference_encoder: bool  # the paper's is CLIP and frozen; a small model has none to start from
    title: str
    license: str
    description: str


POCKET = Recipe(
    networks=NetworkConfig(
        unet=UNetConfig(
            in_channels=4, out_channels=4, model_channels=64, channel_mult=(1, 1, 1, 2), num_res_blocks=2,
            attention_resolutions=(4, 2, 1), num_head_channels=32, context_dim=128, transformer_depth=1,
            linear_projections=False),
        vae=VAEConfig(ch=96, ch_mult=(1, 1, 1, 1), num_res_blocks=0, z_channels=4, embed_dim=4),
        sketch=SketchConfig(model_channels=64, channel_mult=(1, 1, 1, 2)),
        reference=VisionConfig(
            image_size=128, patch_size=16, width=128, layers=3, head_width=32, mlp_ratio=4.0, output_dim=128),
    ),
    resolution=128,
    prediction=Prediction.V,
    batch_size=16,
    stages=(
        Stage("noisy, windows", 24_000, TokenNoise.PAPER, drop_reference=0.1, drop_sketch=0.0, lr=8e-4, final_lr=6e-4,
              window=64),
        Stage("noisy", 6_400, TokenNoise.PAPER, drop_reference=0.1, drop_sketch=0.0, lr=6e-4, final_lr=5e-4),
        Stage("refinement", 10_400, TokenNoise.NONE, drop_reference=0.5, drop_sketch=0.1, lr=5e-4, final_lr=1e-5),
    ),
    ema_decay=0.998,
    weight_decay=1e-2,
    max_margin=24,
    margin_rate=0.3,
    train_reference_encoder=True,
    title="ColorizeDiffusion pocket",
    license="CC BY-SA 4.0",
    description="Small reference-based sketch colorizer, trained on OpenMoji (CC BY-SA 4.0) and DiceBear avatars: "
                "Adventurer and Lorelei by Lisa Wischofsky, Micah by Micah Lanier, Open Peeps by Pablo Stanley",
)
RECIPES = {"pocket": POCKET}
