"""Training recipes, one table. Everything that decides a run's result stands here; the run saves it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig
from lib_colorize.method.schedule import Prediction
from training.dataset.options import DataOptions
from training.trainer.dataclass_json import with_settings
from training.trainer.objective import MinSNR, TokenNoise


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

    def length(self, samples: int) -> int:
        """Images of this stage on a data set of so many samples."""
        return self.images or round(self.epochs * samples)


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
    compile: bool = False  # torch.compile of the U-Net's blocks
    channels_last: bool = True
    tf32: bool = True
    workers: int = 0  # processes that read pictures; 0 = the training process itself
    cache: str = ""  # folder of cached latents and tokens (docs/data.md); "auto": made at the start in RUN/cache
    save_every: int = 100_000
    keep: int = 3  # checkpoints
    log_every: int = 3_200
    sample_every: int = 100_000  # 0 = no sample grids
    sample_pairs: int = 4
    sample_steps: int = 20
    trackers: tuple[str, ...] = ("tensorboard",)  # and "wandb"
    export: str = "fp16"  # number format of final.safetensors: fp32, fp16, bf16


@dataclass(frozen=True)
class Card:
    """What the finished file says about itself."""

    title: str = "ColorizeDiffusion"
    license: str = ""
    description: str = ""


@dataclass(frozen=True)
class Recipe:
    """Networks, stages and everything else."""

    networks: NetworkConfig
    stages: tuple[Stage, ...]
    data: DataOptions = field(default_factory=DataOptions)
    prediction: Prediction = Prediction.EPS
    tokens: Tokens = Tokens.LOCAL
    reference_encoder: Encoder = Encoder.OUTSIDE
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    start: Start = field(default_factory=Start)
    run: Run = field(default_factory=Run)
    card: Card = field(default_factory=Card)

    def __post_init__(self) -> None:
        for ok, name, found, expected in _conditions(self):
            if not ok:
                raise ColorizeError(f"{name}: found {found!r}, expected {expected}")

    def length(self, samples: int) -> int:
        """Images of all stages together."""
        return sum(stage.length(samples) for stage in self.stages)


def pixel_multiple(networks: NetworkConfig) -> int:
    """Sides of pictures are multiples of so many pixels: each level of both networks halves."""
    vae_levels = len(networks.vae.ch_mult) if networks.vae else 4
    return int(2 ** (vae_levels - 1 + len(networks.unet.channel_mult) - 1))


def _conditions(r: Recipe) -> Iterable[tuple[bool, str, object, str]]:
    multiple = pixel_multiple(r.networks)
    side, name = (r.data.bucket_step, "bucket_step") if r.data.buckets else (r.data.resolution, "resolution")
    yield side % multiple == 0, f"data.{name}", side, f"a multiple of {multiple} px, for the networks' levels"
    for i, stage in enumerate(r.stages):
        name = f"stages.{i}"
        yield ((stage.epochs > 0) != (stage.images > 0) and min(stage.epochs, stage.images) == 0, name,
               (stage.epochs, stage.images), "epochs or images above 0, and the other 0")
        for rate in ("drop_reference", "drop_sketch"):
            yield 0 <= getattr(stage, rate) <= 1, f"{name}.{rate}", getattr(stage, rate), "0 to 1"
        yield stage.lr > 0 and stage.final_lr >= 0, f"{name}.lr", stage.lr, "above 0"
        yield (stage.window >= 0 and stage.window % multiple == 0, f"{name}.window", stage.window,
               f"0 (whole pictures) or a multiple of {multiple} px")
    yield bool(r.stages), "stages", (), "at least one"
    yield None not in (r.networks.sketch, r.networks.reference), "networks", None, "a sketch and a reference encoder"
    yield not r.loss.zero_snr or r.prediction is Prediction.V, "loss.zero_snr", True, "false, or prediction=v: at " \
        "t = T - 1 the picture is pure noise, and eps says nothing about it"
    yield r.loss.t_power > 0, "loss.t_power", r.loss.t_power, "above 0; 1 = all steps alike, the paper's"
    yield r.loss.min_snr >= 0 and r.loss.offset_noise >= 0, "loss", r.loss, "min_snr and offset_noise of 0 or more"
    o = r.optimizer
    yield o.kind in ("adamw", "adamw8bit"), "optimizer.kind", o.kind, "adamw or adamw8bit"
    yield o.batch_size >= 1, "optimizer.batch_size", o.batch_size, "1 or more"
    yield len(o.betas) == 2 and all(0 <= b < 1 for b in o.betas), "optimizer.betas", o.betas, "two numbers below 1"
    yield 0 <= o.ema_decay < 1, "optimizer.ema_decay", o.ema_decay, "0 (off) to below 1"
    yield min(o.warmup, o.clip, o.weight_decay) >= 0, "optimizer", o, "warmup, clip and weight_decay of 0 or more"
    run = r.run
    yield run.precision in ("", "no", "bf16", "fp16"), "run.precision", run.precision, "no, bf16 or fp16"
    yield run.export in ("fp32", "fp16", "bf16"), "run.export", run.export, "fp32, fp16 or bf16"
    yield set(run.trackers) <= {"tensorboard", "wandb"}, "run.trackers", run.trackers, "tensorboard, wandb"
    for name in ("save_every", "keep", "log_every", "sample_steps"):
        yield getattr(run, name) >= 1, f"run.{name}", getattr(run, name), "1 or more"
    yield min(run.workers, run.micro_batch, run.sample_every, run.sample_pairs) >= 0, "run", run, "nothing below 0"


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
    card=Card(
        title="ColorizeDiffusion pocket", license="CC BY-SA 4.0",
        description="Small reference-based sketch colorizer, trained on OpenMoji (CC BY-SA 4.0) and DiceBear avatars: "
                    "Adventurer and Lorelei by Lisa Wischofsky, Micah by Micah Lanier, Open Peeps by Pablo Stanley"))
POCKET_PAIRS = replace(  # on training.build_pairs: no noise, for a reference that is another drawing hides no shape
    POCKET,
    reference_encoder=Encoder.FROZEN,  # as CLIP is in the paper; training.warm_up makes what it begins with
    start=Start(checkpoint="runs/warm.safetensors", vae=POCKET.start.vae),
    stages=(
        Stage("pairs, windows", TokenNoise.NONE, 0.1, 0.0, images=20_800, lr=7e-4, final_lr=5e-4, window=64),
        Stage("pairs", TokenNoise.NONE, 0.1, 0.05, images=184_000, lr=5e-4, final_lr=1e-5)),
    data=replace(POCKET.data, margin_rate=0.0),  # margins of the sketch alone erased teach to paint where it is blank
    loss=Loss(t_power=2.0),
    card=replace(POCKET.card, title="ColorizeDiffusion small"))
RECIPES = {
    "v1-512": V1_512,
    "noisy-only": replace(V1_512, stages=(NOISY,)),
    "drop-0.5": _ablation("drop-0.5", 0.5),
    "proj-0.1": _ablation("proj-0.1", 0.1, tokens=Tokens.PROJECTED),
    "cls-0.1": _ablation("cls-0.1", 0.1, tokens=Tokens.CLS),
    "pocket": POCKET,
    "pocket-pairs": POCKET_PAIRS,
}
FREE = ("run",)  # fields of a recipe that a resumed run may change
assert set(FREE) <= {f.name for f in fields(Recipe)}


def recipe_of(preset: str, settings: Iterable[str] = ()) -> Recipe:
    """A recipe of the table with `--set` values put in; ColorizeError for an unknown name or a bad value."""
    if preset not in RECIPES:
        raise ColorizeError(f"--preset: found {preset!r}, expected one of {', '.join(RECIPES)}")
    return with_settings(RECIPES[preset], settings)
