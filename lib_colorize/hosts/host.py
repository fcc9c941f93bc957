"""What a colouring job needs of the program that it runs in: a few plain values and calls, no page and no pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor, nn

from ..models.catalogue import Folders
from .checkpoints import ColorizeFile


class Host(Protocol):
    """One running program: a WebUI, a node of a graph, a page of our own."""

    name: str  # for people, with the program's version

    def chosen_path(self) -> str:
        """The checkpoint that the next run will use, whether it is loaded yet or not; empty when there is none."""

    def loaded_file(self) -> ColorizeFile | None:
        """The colorize checkpoint that is really loaded; None when it is another kind of model, or none."""

    def prediction(self) -> str:
        """How the loaded model is sampled, "eps" or "v"; "" when that is not known for sure."""

    def device(self) -> torch.device:
        """Where encoders run."""

    def make_room(self, module: nn.Module) -> None:
        """Free the device's memory for a module that runs now and is gone before sampling."""

    def moments(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the loaded VAE's posterior of a picture; see `latents.moments`."""

    def show_progress(self, text: str) -> None:
        """What is being done, in the progress bar; empty = nothing special any more."""

    def folders(self) -> Folders:
        """Where model files lie."""

    def picture_folders(self) -> Sequence[str]:
        """Where a request from outside may read pictures from."""

    def fetch_picture(self) -> Callable[[str], Image.Image] | None:
        """Reads a picture from a web address; None where the program's settings forbid that."""

    def option(self, name: str, default: Any) -> Any:
        """A value of the program's settings, the default where it has none."""
