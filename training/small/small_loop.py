"""The loop that makes the small model: pieces come in, U-Net first, decoder after it, by the clock or by images."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from training.small.carried import Where, write_carry
from training.small.drawing_processes import DrawingProcesses
from training.small.make_plan import MakePlan
from training.small.pair_window import PairWindow
from training.small.trainee import Trainee, draws_of
from training.small.vae_stages import train_auto_encoder_on, train_decoder
from training.trainer.stop_signal import StopSignal

LOG_EVERY = 10.0  # s
FIRST = 2  # pieces that are there before the first batch


@dataclass
class SmallLoop:
    """One machine's part of a run."""

    trainee: Trainee
    window: PairWindow
    drawers: DrawingProcesses
    plan: MakePlan
    out: Path
    where: Where
    began: float  # time.perf_counter() of this machine's start, minus what others have spent

    def __post_init__(self) -> None:
        self.stop = StopSignal()
        self.here = time.perf_counter()
        self.first_image = self.where.images  # of this machine: the optimizer begins anew there
        self.first_second = 0.0  # when the first step was done, with all that is compiled
        self.waited = 0.0
        self.saved = time.perf_counter()
        self.log = Meter(self.out / "log.jsonl")

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.began

    def run(self) -> bool:
        """True at the end, False when told to stop before it."""
        with self.stop.listening():
            done = self._fill() and self._auto_encoder() and self._unet() and self._decoder()
        self.where = replace(self.where, seconds=self.elapsed)
        write_carry(self.out / "carry", self.trainee, self.where)
        return done

    def _told_to_stop(self) -> bool:
        session = 60 * self.plan.session_minutes
        return bool(self.stop.signal) or (session > 0 and time.perf_counter() - self.here >= session)

    def _fill(self) -> bool:
        """Wait for the first pieces; False when told to stop meanwhile."""
        while self.window.taken < min(FIRST, self.window.pieces):
            if not self._take():
                return False
        return True

    def _take(self) -> bool:
        """False when told to stop before the piece was there."""
        began = time.perf_counter()
        piece = self.drawers.wait(self._told_to_stop)
        self.waited += time.perf_counter() - began
        if piece is None:
            return False
        self.window.add(piece)
        self.drawers.free()
        self.where = replace(self.where, pieces=self.drawers.next)
        return True

    def _keep_up(self) -> None:
        """Take a piece when it is due: at a fixed number of images, or as soon as it is drawn."""
        seen = self.where.images - self.first_image
        fresh = (self.window.taken - min(FIRST, self.window.pieces)) * self.drawers.shape.pairs
        if self.plan.reuse:
            if seen >= fresh * self.plan.reuse:
                self._take()
        elif self.drawers.ready and (seen >= fresh or self.window.taken < self.window.pieces):
            self._take()

    def _auto_encoder(self) -> bool:
        """From nothing; not where it came with the start, or is finished."""
        before, plan = self.where.auto_encoder_images, self.plan
        if before < 0:
            return True
        began = self.elapsed

        def progress(images: int) -> float:
            if self._told_to_stop():
                return 1.0
            if plan.images:
                return (before + images) / max(plan.images * plan.auto_encoder_share, 1.0)
            return (self.elapsed - began) / max(plan.auto_encoder_seconds() - began, 1e-9)

        vae, batch = self.trainee.vae, plan.decoder_batch
        for images, loss in train_auto_encoder_on(vae, self.window, batch, progress, plan.seed):
            self.where = replace(self.where, auto_encoder_images=before + images)
            self._noted("auto-encoder", loss[None], batch, 0.0)
        self.log.flush(self._facts())
        if self._told_to_stop():
            return False
        self.where, self.first_second = replace(self.where, auto_encoder_images=-1), 0.0
        return True

    def _unet(self) -> bool:
        trainee, recipe = self.trainee, self.trainee.recipe
        batch, steps = recipe.optimizer.batch_size, len(trainee.objective.schedule.alphas_cumprod)
        latent = tuple(self.window.batch(1, torch.Generator(trainee.device)).mean.shape[1:])
        while (progress := self._unet_progress()) < 1:
            if self._told_to_stop():
                return False
            self._keep_up()
            draws, generator = draws_of(recipe, self.plan.seed, self.where.steps, batch, latent, steps, trainee.device)
            lr = self._lr(progress)
            losses = trainee.step(self.window.batch(batch, generator), draws, lr)
            self.where = replace(self.where, images=self.where.images + batch, steps=self.where.steps + 1,
                                 updates=trainee.ema.updates)
            self._noted("pairs", losses, batch, lr)
        self.log.flush(self._facts())
        return True

    def _unet_progress(self) -> float:
        if self.plan.images:
            return self.where.images / self.plan.images
        end = self.plan.unet_seconds()
        return 1.0 if self.elapsed >= end else max(0.0, self.elapsed - self.first_second) / (end - self.first_second)

    def _lr(self, progress: float) -> float:
        """Cosine over the whole; rises on every machine, whose optimizer knows nothing yet."""
        recipe = self.trainee.recipe
        stage, warmup = recipe.stages[0], recipe.optimizer.warmup
        here = self.where.images - self.first_image + recipe.optimizer.batch_size
        lr = stage.final_lr + (stage.lr - stage.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
        return lr * min(1.0, here / warmup) if warmup else lr

    def _decoder(self) -> bool:
        before, began = self.where.decoder_images, self.elapsed
        share = self.plan.decoder_share
        if not share:
            return True

        def progress(images: int) -> float:
            if self._told_to_stop():
                return 1.0
            if self.plan.images:
                return (before + images) / max(self.plan.decoder_images(), 1)
            return (self.elapsed - began) / max(self.plan.whole_seconds() - began, 1e-9)

        batch = self.plan.decoder_batch
        for images, loss in train_decoder(self.trainee.vae, self.window, batch, progress, self.plan.seed):
            self.where = replace(self.where, decoder_images=before + images)
            self._noted("decoder", loss[None], batch, 0.0)
        self.log.flush(self._facts())
        return not self._told_to_stop()

    def _facts(self) -> dict[str, object]:
        drawn = self.where.pieces * self.drawers.shape.pairs
        return {"seconds": round(self.elapsed, 1), "images": self.where.images, "pairs_drawn": drawn,
                "drawn_per_second": round(self.drawers.rate, 1),
                "shown_each": round(self.where.images / max(drawn, 1), 2), "waited": round(self.waited, 1)}

    def _noted(self, phase: str, losses: Tensor, count: int, lr: float) -> None:
        """Count a step; now and then write a line and the state."""
        if not self.first_second:
            losses.cpu()  # waits for all that is compiled at the first step
            self.first_second = self.elapsed
            print(f"{phase}: first step after {self.first_second:.1f} s", flush=True)
        self.log.add(phase, losses, count, lambda: self._facts() | {"lr": lr})
        if time.perf_counter() - self.saved >= 60 * self.plan.save_minutes:
            self.where = replace(self.where, seconds=self.elapsed)
            write_carry(self.out / "carry", self.trainee, self.where)
            self.saved = time.perf_counter()


class Meter:
    """Means of the losses since the last line, on the device until it is written: to log.jsonl, and said."""

    def __init__(self, file: Path) -> None:
        self.file, self.phase = file, ""
        self._reset()

    def _reset(self) -> None:
        self.sums: Tensor | None = None
        self.steps = self.count = 0
        self.since = time.perf_counter()

    def add(self, phase: str, losses: Tensor, count: int, facts: Callable[[], dict[str, object]]) -> None:
        """losses: [n] of one step of `count` images."""
        self.phase = phase
        self.sums = losses if self.sums is None else self.sums + losses
        self.steps, self.count = self.steps + 1, self.count + count
        if time.perf_counter() - self.since >= LOG_EVERY:
            self.flush(facts())

    def flush(self, facts: dict[str, object]) -> None:
        """Write what was added; nothing when there is nothing."""
        if self.sums is None:
            return
        means = (self.sums / self.steps).tolist()
        names = ("loss", "token_loss") if len(means) == 2 else ("loss",)
        speed = self.count / (time.perf_counter() - self.since)
        line = {"phase": self.phase, **dict(zip(names, means)), "images_per_second": round(speed, 1), **facts}
        with self.file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in line.items()), flush=True)
        self._reset()
