"""The training loop: stages, steps, checkpoints, until the last image. Read it from `train` on."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn

from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from training.dataset.pairs import Pairs
from training.trainer import feed
from training.trainer import run_state as state
from training.trainer.ema import EMA
from training.trainer.feed import Loaded, Position, Share
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.initial_weights import StartReport, load_start
from training.trainer.logs import Log, Meter
from training.trainer.networks import Model, checkpoint_blocks, compile_blocks, float32_norms
from training.trainer.objective import training_loss
from training.trainer.recipes import Recipe
from training.trainer.sample_grids import Examples, grid

WHOLE = ("NO", "MULTI_GPU", "MULTI_CPU")  # kinds of distribution that leave every process all weights as they are
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
STOP_EVERY = 5  # steps between two questions to all processes whether one was told to stop


@dataclass
class Stop:
    """Set by SIGTERM and SIGINT: the step is finished, a checkpoint written, and the run left."""

    signal: int = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        def heard(number: int, _frame: Any) -> None:
            self.signal = number

        before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def agreed(self, accelerator: Accelerator, steps: int) -> bool:
        """True on all processes when one was told; several ask each other only now and then, for asking makes wait."""
        if accelerator.num_processes == 1:
            return bool(self.signal)
        if steps % STOP_EVERY:
            return False
        told = torch.tensor(float(bool(self.signal)), device=accelerator.device)
        return bool(accelerator.reduce(told, "sum"))


@dataclass
class Trainer:
    """Everything that lives as long as a run."""

    accelerator: Accelerator
    recipe: Recipe
    pairs: Pairs
    seed: int
    out: Path
    model: nn.Module  # as accelerate made it
    optimizer: Any
    ema: EMA | None
    encoders: FrozenEncoders
    schedule: NoiseSchedule
    trained: list[nn.Parameter]
    start: StartReport
    position: Position = field(default_factory=Position)

    @classmethod
    def build(
        cls, accelerator: Accelerator, recipe: Recipe, pairs: Pairs, seed: int, out: Path, encoders: FrozenEncoders,
    ) -> Trainer:
        """Networks with start weights, optimizer and moving average, all at the last checkpoint if there is one."""
        set_seed(seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.run.tf32
        model = Model(recipe)
        start = load_start(model, recipe)
        if recipe.run.channels_last and accelerator.distributed_type.value in WHOLE:  # shards are flat
            model.to(memory_format=torch.channels_last)
        if recipe.run.checkpointing:
            checkpoint_blocks(model.unet)
        if recipe.run.compile:
            compile_blocks(model.unet)
        optimizer = make_optimizer(model, recipe, accelerator)
        prepare_shards(accelerator, recipe, model)
        prepared, optimizer = accelerator.prepare(model, optimizer)
        trained = [p for p in prepared.parameters() if p.requires_grad]
        ema = EMA(trained, recipe.optimizer.ema_decay) if recipe.optimizer.ema_decay else None
        schedule = NoiseSchedule(alphas_cumprod(zero_snr=recipe.loss.zero_snr))
        schedule.alphas_cumprod = schedule.alphas_cumprod.to(accelerator.device)
        trainer = cls(accelerator, recipe, pairs, seed, out, prepared, optimizer, ema, encoders.to(accelerator.device),
                      schedule, trained, start)
        trainer.position = state.load(accelerator, out, ema)
        return trainer

    def step(self, loaded: Loaded, meter: Meter) -> None:
        """One part: forward and backward; with the last part of a step also the update of the weights."""
        accelerator, recipe = self.accelerator, self.recipe
        batch = loaded.batch.to(accelerator.device, non_blocking=True)
        draws = loaded.draws.to(accelerator.device, non_blocking=True)
        weights = torch.tensor(loaded.part.weights, device=accelerator.device)
        with accelerator.accumulate(self.model):
            losses = training_loss(
                self.model, batch.sketch, self.encoders.reference(batch), *self.encoders.moments(batch), draws,
                recipe.stages[loaded.part.stage], recipe, self.schedule)
            accelerator.backward((losses * weights).sum())
            if accelerator.sync_gradients:
                norm = accelerator.clip_grad_norm_(self.model.parameters(), recipe.optimizer.clip or math.inf)
                meter.add_norm(norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
        meter.add(losses, draws.t, (weights > 0).float())
        if loaded.part.after is not None:
            if self.ema and not self.optimizer.step_was_skipped:
                self.ema.update()
            meter.images += loaded.part.after.images - self.position.images
            self.position = loaded.part.after

    def set_lr(self) -> float:
        """The learning rate of the next step."""
        lr = lr_at(self.recipe, self.position.images, len(self.pairs))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def samples(self, examples: Examples) -> Any:
        """A sample grid of the averaged weights."""
        self.model.eval()
        try:
            with self.ema.applied() if self.ema else torch.no_grad():
                return grid(self.model, examples, self.encoders, self.schedule, self.recipe.prediction,
                            self.accelerator.device, self.recipe.run.sample_steps)
        finally:
            self.model.train()

    def save(self) -> Path:
        return state.save(self.accelerator, self.out, self.position, self.ema, self.recipe.run.keep)


def train(trainer: Trainer, end: int, description: Mapping[str, Any]) -> bool:
    """Go on until `end` images; False when told to stop before. A checkpoint is there in either case."""
    accelerator, recipe, run = trainer.accelerator, trainer.recipe, trainer.recipe.run
    log = Log(accelerator, trainer.out, trainer.position.images, end, description)
    meter = Meter(accelerator.device, len(trainer.schedule.alphas_cumprod))
    share = Share.of(recipe, accelerator.process_index, accelerator.num_processes)
    data = feed.loader(recipe, trainer.pairs, trainer.seed, trainer.position, end, share, meter.steps,
                       pin=accelerator.device.type == "cuda")
    examples = Examples.of(trainer.pairs, run.sample_pairs if run.sample_every and trainer.encoders.vae else 0)
    stop, lr = Stop(), trainer.set_lr()
    trainer.model.train()
    with stop.listening():
        for loaded in data:
            before = trainer.position.images
            trainer.step(loaded, meter)
            if loaded.part.after is None:
                continue
            now = trainer.position
            log.bar.update(now.images - before)
            last = now.images >= end or stop.agreed(accelerator, now.steps)
            save = last or crossed(before, now.images, run.save_every)
            if crossed(before, now.images, run.log_every) or save:
                log.write({"images": now.images, "step": now.steps, "epoch": now.epoch,
                           "stage": recipe.stages[loaded.part.stage].name, "lr": lr, **meter.read(accelerator)})
            with meter.paused():
                if save:
                    trainer.save()
                if examples.batches and (crossed(before, now.images, run.sample_every) or now.images >= end):
                    image = trainer.samples(examples)
                    if accelerator.is_main_process:
                        (trainer.out / "samples").mkdir(exist_ok=True)
                        image.save(trainer.out / "samples" / f"{now.images:012d}.png")
                        log.picture("samples", image, now.images)
            lr = trainer.set_lr()
            if last:
                break
    log.close()
    return trainer.position.images >= end


def crossed(before: int, now: int, every: int) -> bool:
    """True when a multiple of `every` lies in (before, now]."""
    return bool(every) and now // every > before // every


def lr_at(recipe: Recipe, images: int, samples: int) -> float:
    """Of the step that begins after `images`: warm-up over the run, cosine within the stage."""
    number, progress = feed.stage_at(recipe, images, samples)
    stage, o = recipe.stages[number], recipe.optimizer
    lr = stage.final_lr + (stage.lr - stage.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
    return lr * min(1.0, (images + o.batch_size) / o.warmup) if o.warmup else lr


def make_optimizer(model: nn.Module, recipe: Recipe, accelerator: Accelerator) -> torch.optim.Optimizer:
    """AdamW over what is trained; in torch's fused form on a GPU."""
    o = recipe.optimizer
    trained = [p for p in model.parameters() if p.requires_grad]
    options: dict[str, Any] = {"lr": recipe.stages[0].lr, "betas": tuple(o.betas), "weight_decay": o.weight_decay}
    if o.kind == "adamw":
        return torch.optim.AdamW(trained, fused=accelerator.device.type == "cuda" or None, **options)
    try:
        import bitsandbytes
    except ImportError:
        raise ColorizeError("optimizer.kind: found 'adamw8bit', which needs bitsandbytes; pip install bitsandbytes, or "
                            "use adamw") from None
    return bitsandbytes.optim.AdamW8bit(trained, **options)


def prepare_shards(accelerator: Accelerator, recipe: Recipe, model: Model) -> None:
    """What accelerate does for whole weights and leaves undone for sharded ones.

    Both kinds hold half precision weights, which meet float32 inputs: the model casts for itself, and FSDP, which would
    round the step t to bf16 too, casts nothing. DeepSpeed's "auto" values would be read off a DataLoader.
    """
    if accelerator.distributed_type.value in WHOLE:
        return
    model.autocast_dtype = HALF.get(accelerator.mixed_precision)
    if model.autocast_dtype:
        float32_norms(model)
    if state.sharded(accelerator):
        if not accelerator.is_fsdp2:
            raise ColorizeError("accelerate's configuration: found fsdp_version 1, expected 2, as in "
                                "training/configs/fsdp.yaml")
        from torch.distributed.fsdp import MixedPrecisionPolicy  # of torch 2.6

        accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(
            param_dtype=model.autocast_dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
        return
    plugin = accelerator.state.deepspeed_plugin
    share = -(-recipe.optimizer.batch_size // accelerator.num_processes)
    plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = recipe.run.micro_batch or share
    plugin.deepspeed_config["gradient_clipping"] = recipe.optimizer.clip
