"""A recipe: everything that decides a run's result, and the conditions that its values meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig
from lib_colorize.method.schedule import Prediction
from training.dataset.options import DataOptions
from training.trainer.dataclass_json import leaves, to_plain
from training.trainer.recipe_parts import Card, Encoder, Loss, Optimizer, Run, Stage, Start, Tokens

LARGEST = 10**15  # of any number: beyond it are typing errors, and 64 bits
LARGEST_SIZE = 65536  # of networks and batches
MOST_WORKERS = 1024


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

    def length(self, epoch: int) -> int:
        """Images of all stages together, where an epoch has so many."""
        return sum(stage.length(epoch) for stage in self.stages)

    def in_images(self, epoch: int) -> Recipe:
        """The same with every stage's length in images."""
        return replace(self, stages=tuple(replace(s, images=s.length(epoch), epochs=0.0) for s in self.stages))


def pixel_multiple(networks: NetworkConfig) -> int:
    """Sides of pictures are multiples of so many pixels: each level of both networks halves."""
    vae_levels = len(networks.vae.ch_mult) if networks.vae else 4
    return int(2 ** (vae_levels - 1 + len(networks.unet.channel_mult) - 1))


def _conditions(r: Recipe) -> Iterator[tuple[bool, str, object, str]]:
    """(holds, name, what was found, what is expected) of every value."""
    for name, value in leaves(to_plain(r)):
        if isinstance(value, (int, float)):
            yield 0 <= value <= LARGEST, name, value, f"a number from 0 to {LARGEST:,}"
    yield from _network_conditions(r)
    yield from _stage_conditions(r)
    yield from _training_conditions(r)


def _network_conditions(r: Recipe) -> Iterator[tuple[bool, str, object, str]]:
    for name, value in leaves(to_plain(r.networks), "networks"):
        if isinstance(value, int) and not isinstance(value, bool) and name != "networks.vae.num_res_blocks":
            yield 1 <= value <= LARGEST_SIZE, name, value, f"1 to {LARGEST_SIZE}"
    for name, tuple_ in (("unet", r.networks.unet), ("sketch", r.networks.sketch)):
        if tuple_ is not None:
            yield bool(tuple_.channel_mult), f"networks.{name}.channel_mult", (), "at least one level"
    yield r.networks.vae is None or bool(r.networks.vae.ch_mult), "networks.vae.ch_mult", (), "at least one level"
    yield None not in (r.networks.sketch, r.networks.reference), "networks", None, "a sketch and a reference encoder"


def _stage_conditions(r: Recipe) -> Iterator[tuple[bool, str, object, str]]:
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


def _training_conditions(r: Recipe) -> Iterator[tuple[bool, str, object, str]]:
    yield not r.loss.zero_snr or r.prediction is Prediction.V, "loss.zero_snr", True, "false, or prediction=v: at " \
        "t = T - 1 the picture is pure noise, and eps says nothing about it"
    yield r.loss.t_power > 0, "loss.t_power", r.loss.t_power, "above 0; 1 = all steps alike, the paper's"
    o = r.optimizer
    yield o.kind in ("adamw", "adamw8bit"), "optimizer.kind", o.kind, "adamw or adamw8bit"
    yield 1 <= o.batch_size <= LARGEST_SIZE, "optimizer.batch_size", o.batch_size, f"1 or more, up to {LARGEST_SIZE}"
    yield len(o.betas) == 2 and all(0 <= b < 1 for b in o.betas), "optimizer.betas", o.betas, "two numbers below 1"
    yield 0 <= o.ema_decay < 1, "optimizer.ema_decay", o.ema_decay, "0 (off) to below 1"
    run = r.run
    yield run.precision in ("", "no", "bf16", "fp16"), "run.precision", run.precision, "no, bf16 or fp16"
    yield run.export in ("fp32", "fp16", "bf16"), "run.export", run.export, "fp32, fp16 or bf16"
    yield set(run.trackers) <= {"tensorboard", "wandb"}, "run.trackers", run.trackers, "tensorboard, wandb"
    for name in ("save_every", "keep", "log_every", "sample_steps"):
        yield getattr(run, name) >= 1, f"run.{name}", getattr(run, name), "1 or more"
    yield run.workers <= MOST_WORKERS, "run.workers", run.workers, f"up to {MOST_WORKERS}"
    yield run.sample_steps <= 1000, "run.sample_steps", run.sample_steps, "up to 1000, the steps of the schedule"
