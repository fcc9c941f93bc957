"""Training recipes, one table; the run saves the one that it follows. `--set` changes any value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig
from lib_colorize.method.schedule import Prediction
from training.dataset.options import DataOptions
from training.trainer.dataclass_json import with_settings
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Card, Encoder, Loss, Optimizer, Run, Stage, Start, TokenNoise, Tokens

SD21 = NetworkConfig(
    unet=UNetConfig(
        in_channels=4, out_channels=4, model_channels=320, channel_mult=(1, 2, 4, 4), num_res_blocks=2,
        attention_resolutions=(4, 2, 1), num_head_channels=64, context_dim=1024, transformer_depth=1,
        linear_projections=False),
    vae=VAEConfig(ch=128, ch_mult=(1, 2, 4, 4), num_res_blocks=2, z_channels=4, embed_dim=4),
    sketch=SketchConfig(model_channels=320, channel_mult=(1, 2, 4, 4)),
    reference=VisionConfig(  # OpenCLIP ViT-H-14
        image_size=224, patch_size=14, width=1280, layers=32, head_width=80, mlp_ratio=4.0, output_dim=1024))
NOISY = Stage("noisy", TokenNoise.PAPER, drop_reference=0.1, drop_sketch=0.0, epochs=5)
REFINEMENT = Stage("refinement", TokenNoise.NONE, drop_reference=0.5, drop_sketch=0.1, epochs=2)
V1_512 = Recipe(  # sections 3.3 and 4.1
    networks=SD21, stages=(NOISY, REFINEMENT), data=DataOptions(resolution=512),
    start=Start("weights/wd-1-4-anime_e2.ckpt", "none", "weights/open_clip_vit_h_14.safetensors"),
    run=Run(precision="", micro_batch=16, workers=8))


def _ablation(name: str, drop: float, epochs: int = 7, tokens: Tokens = Tokens.LOCAL) -> Recipe:
    """Table 1: no noise on the tokens, seven epochs as the paper's model has in all."""
    stage = Stage(name, TokenNoise.NONE, drop_reference=drop, drop_sketch=0.0, epochs=epochs)
    return replace(V1_512, stages=(stage,), tokens=tokens)


POCKET = Recipe(
    networks=NetworkConfig(
        unet=UNetConfig(
            in_channels=4, out_channels=4, model_channels=64, channel_mult=(1, 1, 1, 2), num_res_blocks=2,
            attention_resolutions=(4, 2, 1), num_head_channels=32, context_dim=128, transformer_depth=1,
            linear_projections=False),
        vae=VAEConfig(ch=96, ch_mult=(1, 1, 1, 1), num_res_blocks=0, z_channels=4, embed_dim=4),
        sketch=SketchConfig(model_channels=64, channel_mult=(1, 1, 1, 2)),
        reference=VisionConfig(
            image_size=128, patch_size=16, width=128, layers=3, head_width=32, mlp_ratio=4.0, output_dim=128)),
    stages=(
        Stage("noisy, windows", TokenNoise.PAPER, 0.1, 0.0, images=24_000, lr=8e-4, final_lr=6e-4, window=64),
        Stage("noisy", TokenNoise.PAPER, 0.1, 0.0, images=6_400, lr=6e-4, final_lr=5e-4),
        Stage("refinement", TokenNoise.NONE, 0.5, 0.1, images=10_400, lr=5e-4, final_lr=1e-5)),
    data=DataOptions(resolution=128, crop="squash", flip=False, max_margin=24, margin_rate=0.3),
    prediction=Prediction.V,
    reference_encoder=Encoder.TRAINED,
    optimizer=Optimizer(batch_size=16, betas=(0.9, 0.99), warmup=1_600, ema_decay=0.998),
    start=Start(vae="models/colorize-small.safetensors"),
    run=Run(precision="no", cache="auto", save_every=1_600, keep=2, log_every=400, sample_every=4_000),
    card=Card(title="ColorizeDiffusion pocket", description="Small reference-based sketch colorizer"))
WARM = "runs/warm.safetensors"  # of training.warm_up
POCKET_PAIRS = replace(  # on training.build_pairs: no noise, for a reference that is another drawing hides no shape
    POCKET,
    reference_encoder=Encoder.FROZEN,  # as CLIP is in the paper; training.warm_up makes what it begins with
    start=Start(checkpoint=WARM, vae=POCKET.start.vae),
    stages=(
        Stage("pairs, windows", TokenNoise.NONE, 0.1, 0.0, images=20_800, lr=7e-4, final_lr=5e-4, window=64),
        Stage("pairs", TokenNoise.NONE, 0.1, 0.05, images=184_000, lr=5e-4, final_lr=1e-5)),
    data=replace(POCKET.data, margin_rate=0.0),  # margins of the sketch alone erased teach to paint where it is blank
    loss=Loss(t_power=2.0),
    card=replace(POCKET.card, title="ColorizeDiffusion small"))
WIDER = (1, 2, 2, 2)  # twice the parameters, half as long again
SMALL_256 = replace(  # of training.make_small, which has its own loop; begins as a model of this project, grown
    POCKET_PAIRS,
    networks=replace(
        POCKET.networks, unet=replace(POCKET.networks.unet, channel_mult=WIDER),
        sketch=SketchConfig(model_channels=64, channel_mult=WIDER),
        reference=VisionConfig(
            image_size=256, patch_size=16, width=128, layers=6, head_width=32, mlp_ratio=4.0, output_dim=128)),
    reference_encoder=Encoder.TRAINED,
    start=Start(checkpoint="models/colorize-small.safetensors"),
    stages=(Stage("pairs", TokenNoise.NONE, 0.1, 0.05, images=600_000, lr=1e-3, final_lr=1e-5),),
    data=replace(POCKET_PAIRS.data, resolution=256),
    optimizer=Optimizer(batch_size=128, betas=(0.9, 0.99), warmup=12_800, ema_decay=0.998),
    run=Run(precision="bf16", export="fp16"))
RECIPES = {
    "v1-512": V1_512,
    "noisy-only": replace(V1_512, stages=(NOISY,)),
    "drop-0.5": _ablation("drop-0.5", 0.5),
    "proj-0.1": _ablation("proj-0.1", 0.1, tokens=Tokens.PROJECTED),
    "cls-0.1": _ablation("cls-0.1", 0.1, tokens=Tokens.CLS),
    "pocket": POCKET,
    "pocket-pairs": POCKET_PAIRS,
    "small-256": SMALL_256,
}
FREE = ("run", "card")  # fields of a recipe that a resumed run may change: neither changes a weight
assert set(FREE) <= {f.name for f in fields(Recipe)}


def recipe_of(preset: str, settings: Iterable[str] = ()) -> Recipe:
    """A recipe of the table with `--set` values put in; ColorizeError for an unknown name or a bad value."""
    if preset not in RECIPES:
        raise ColorizeError(f"--preset: found {preset!r}, expected one of {', '.join(RECIPES)}")
    return with_settings(RECIPES[preset], settings)
