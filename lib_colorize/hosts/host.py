"""What the extension needs of a WebUI, one small protocol; `a1111.py` and `forge.py` are the two that have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from PIL import Image
from torch import nn

from ..models.catalogue import Folders
from .checkpoints import ColorizeFile

if TYPE_CHECKING:
    from .job import Job

Undo = Callable[[], None]


class Host(Protocol):
    """One running WebUI. `p` is its processing object: one request, though hosts may run it several times."""

    name: str  # for people, with the host's version

    def install(self) -> Sequence[Undo]:
        """Make colorize checkpoints loadable and the shipped one visible; returns how to undo that."""

    def chosen_path(self) -> str:
        """The checkpoint that the next run will use, whether it is loaded yet or not; empty when there is none."""

    def loaded_file(self) -> ColorizeFile | None:
        """The colorize checkpoint that is really loaded; None when it is another kind of model, or none."""

    def prediction(self) -> str:
        """How the loaded model is sampled, "eps" or "v"; "" when that is not known for sure."""

    def refusal(self, p: Any) -> str:
        """Why this request cannot be coloured (a refiner, another U-Net, ...), one sentence; empty when it can."""

    def device(self) -> torch.device:
        """Where encoders run."""

    def make_room(self, module: nn.Module) -> None:
        """Free the device's memory for a module that runs now and is gone before sampling."""

    def before_load(self, p: Any) -> None:
        """From the hook before the host loads what the request needs: nothing may be left of a load that failed."""

    def prepare(self, p: Any, job: Job) -> None:
        """From the `process` hook: before pictures and prompts are encoded."""

    def colour(self, p: Any, job: Job, x: torch.Tensor) -> None:
        """From the hook before every sampling: attach the conditioning to the coming run of the sampler.

        x: [B, C, h, w], the latent that sampling starts from or noise of its shape.
        """

    def stop(self, p: Any, error: Exception) -> None:
        """Make the host raise this error as soon as it goes on: hosts swallow what a hook itself raises."""

    def release(self, p: Any) -> None:
        """Take everything of `prepare` and `stop` off a processing object that is used again."""

    def interrupted(self) -> bool:
        """True when the user stopped or skipped the run."""

    def say(self, p: Any, text: str) -> None:
        """One line under the result."""

    def show_progress(self, text: str) -> None:
        """What is being done, in the progress bar; empty = nothing special any more."""

    def folders(self) -> Folders:
        """Where model files lie."""

    def picture_folders(self) -> Sequence[str]:
        """Where the API may read pictures from."""

    def fetch_picture(self) -> Callable[[str], Image.Image] | None:
        """Reads a picture from a web address; None where the server's settings forbid that."""

    def option(self, name: str, default: Any) -> Any:
        """A value of the settings page."""
