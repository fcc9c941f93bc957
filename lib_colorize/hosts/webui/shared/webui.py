"""A WebUI as the hooks see it: a `Host`, and what they do with its processing object; the adapters add their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from modules import shared
from PIL import Image
from torch import Tensor, nn

from ....errors import ColorizeError
from ....method.hint_hook import Misfit
from ....models.catalogue import Folders
from ...host import Host
from ...job import Job
from ...sampler_run import SamplerRun
from . import processing, program
from .patching import Undo
from .sampling import wrap_sampler


class WebUI(Host):
    """`p` is the host's processing object: one request, though hosts may run it several times."""

    own_methods: tuple[str, ...] = ("init",)  # what `prepare` and `stop` set on a processing object

    @abstractmethod
    def install(self) -> Sequence[Undo]:
        """Make colorize checkpoints loadable and the shipped one visible; returns how to undo that."""

    @abstractmethod
    def unet(self, p: Any) -> nn.Module:
        """The loaded U-Net, of LDM layout."""

    @abstractmethod
    def show(self, p: Any, run: SamplerRun) -> AbstractContextManager[None]:
        """Ready the host to show `run`; the sampler runs inside what this returns, and nothing is left behind."""

    def before_load(self, p: Any, coloured: bool) -> None:
        """From the hook before the host loads what the request needs: nothing may be left of a load that failed."""
        setattr(p, processing.UNKNOWN, program.unknown_checkpoint(p))

    def refusal(self, p: Any) -> str:
        """Why this request cannot be coloured (a refiner, another U-Net, ...), one sentence; empty when it can."""
        return processing.other_model(p)

    def prepare(self, p: Any, job: Job) -> None:
        """From the `process` hook: before pictures and prompts are encoded."""
        processing.set_up(p, job)

    def colour(self, p: Any, job: Job, x: Tensor) -> None:
        """From the hook before every sampling: the sampler's coming run, and only that, shows the job.

        x: [B, C, h, w], the latent that sampling starts from or noise of its shape.
        """
        run = job.start_run(self.unet(p), processing.frames_of(p, job, x))
        run.start(processing.seeds_of(p, len(x)))
        shown = self.show(p, run)

        @contextmanager
        def around() -> Iterator[None]:
            try:
                with shown:
                    yield
                _require_calls(run)
            except ColorizeError as error:
                raise processing.answered(_in_this_host(error)) from None

        wrap_sampler(p.sampler, around, processing.from_noise(p, job.settings))
        processing.forget_base(p, job.settings)

    def stop(self, p: Any, error: Exception) -> None:
        """Make the host raise this error as soon as it goes on: hosts swallow what a hook itself raises."""
        processing.stop(p, error)

    def release(self, p: Any) -> None:
        """Take everything of `prepare` and `stop` off a processing object that is used again."""
        processing.put_back(p, self.own_methods)

    def say(self, p: Any, text: str) -> None:
        """One line under the result."""
        p.comment(text)

    def show_progress(self, text: str) -> None:
        shared.state.textinfo = text or None

    def folders(self) -> Folders:
        return program.model_folders()

    def picture_folders(self) -> Sequence[str]:
        """What the server's owner has opened to gradio."""
        return tuple(getattr(shared.cmd_opts, "gradio_allowed_path", None) or ())

    def fetch_picture(self) -> Callable[[str], Image.Image] | None:
        return program.fetch_picture if program.host_option("api_enable_requests", True) else None

    def option(self, name: str, default: Any) -> Any:
        return program.host_option(name, default)


def _in_this_host(error: ColorizeError) -> ColorizeError:
    """The same, with what is in the way here: here nobody gives a sketch of the wrong size."""
    if not isinstance(error, Misfit):
        return error
    found = str(error).partition(";")[0]
    return ColorizeError("another extension makes the U-Net work at another size inside (Tiled Diffusion, HRFix and "
                         f"the like), where the sketch no longer fits; switch it off ({found})")


def _require_calls(run: SamplerRun) -> None:
    """After sampling: ColorizeError when the U-Net never showed sketch and reference."""
    if not run.calls and not program.interrupted():
        raise ColorizeError("the sampler never ran the checkpoint's own U-Net, so nothing was coloured; switch off "
                            "what replaces it, or take more steps (DDIM takes none when told one)")
