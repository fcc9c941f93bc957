"""The training loop: stages, steps, checkpoints, until the last image. Read it from `train` on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib_colorize.whole_file import replacing
from training.trainer import feed
from training.trainer.feed import Share, StepPart
from training.trainer.logs import Log, ThroughputMeter
from training.trainer.progress import crossed, stage_ends
from training.trainer.sample_grids import Examples
from training.trainer.stop_signal import StopSignal, any_process
from training.trainer.trainer import Trainer


def train(trainer: Trainer, end: int, description: Mapping[str, Any]) -> bool:
    """Go on until `end` images; False when told to stop before. A checkpoint is there in either case."""
    accelerator, recipe, run = trainer.accelerator, trainer.recipe, trainer.recipe.run
    log = Log(accelerator, trainer.out, trainer.position.images, end, description)
    meter = ThroughputMeter(accelerator.device, len(trainer.objective.schedule.alphas_cumprod))
    share = Share.of(recipe, accelerator.process_index, accelerator.num_processes)
    data = feed.loader(recipe, trainer.pairs, trainer.seed, trainer.position, end, share, meter.steps,
                       pin=accelerator.device.type == "cuda")
    grids = Grids(trainer, log, end)
    grids.make_up()
    stop, lr = StopSignal(), trainer.set_lr()
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
            milestone = milestone_of(trainer, loaded.part, before)
            save = last or bool(milestone) or crossed(before, now.images, run.save_every)
            if crossed(before, now.images, run.log_every) or save:
                log.write({"images": now.images, "step": now.steps, "epoch": now.epoch,
                           "stage": recipe.stages[loaded.part.stage].name, "lr": lr, **meter.read(accelerator)})
            with meter.paused():
                if save:
                    trainer.save(milestone)
                if grids.due(before):
                    grids.draw()
            lr = trainer.set_lr()
            if last:
                break
    log.close()
    return trainer.position.images >= end


def milestone_of(trainer: Trainer, part: StepPart, before: int) -> str:
    """Why the checkpoint after this step is kept for good: a stage ended with it, or an epoch, if the recipe says so.

    The last stage's end is the newest checkpoint of all, which stays anyway. before: images before the step.
    """
    recipe, now = trainer.recipe, trainer.position.images
    for stage, end in list(zip(recipe.stages, stage_ends(recipe, trainer.epoch)))[:-1]:
        if before < end <= now:
            return f"end of stage {stage.name}"
    return f"end of epoch {part.epoch + 1}" if recipe.run.keep_epochs and part.ends_epoch else ""


class Grids:
    """The sample grids of a run, RUN/samples/IMAGES.png."""

    def __init__(self, trainer: Trainer, log: Log, end: int) -> None:
        self.trainer, self.log, self.end = trainer, log, end
        run = trainer.recipe.run
        wanted = run.sample_pairs if run.sample_every and trainer.encoders.vae else 0
        self.examples = Examples.of(trainer.pairs, wanted)

    def due(self, before: int) -> bool:
        """After a step that began at so many images."""
        now = self.trainer.position.images
        return bool(self.examples.batches) and (
            now >= self.end or crossed(before, now, self.trainer.recipe.run.sample_every))

    def make_up(self) -> None:
        """Draw the grid of the checkpoint that the run goes on from, if a kill came between the two."""
        trainer = self.trainer
        begun = trainer.position.images - trainer.recipe.optimizer.batch_size
        if trainer.position.images and self.due(begun):
            main = trainer.accelerator.is_main_process
            if any_process(trainer.accelerator, main and not self.file.exists()):
                self.draw()

    def draw(self) -> None:
        """All processes call it; the main one writes."""
        image = self.trainer.samples(self.examples)
        if self.trainer.accelerator.is_main_process:
            self.file.parent.mkdir(exist_ok=True)
            with replacing(self.file) as unfinished:
                image.save(unfinished, "PNG")
            self.log.picture("samples", image, self.trainer.position.images)

    @property
    def file(self) -> Path:
        return self.trainer.out / "samples" / f"{self.trainer.position.images:012d}.png"
