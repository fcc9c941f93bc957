"""What the panel asks of the program that mounts it: where it stands, and a few answers when a button is pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from ..hosts.settings import JobSettings
from ..models.catalogue import Folders
from .language import Language

if TYPE_CHECKING:
    from ..hosts.checkpoint_status import Status

Frame = Callable[[str, str], AbstractContextManager[Any]]  # (label, elem_id) -> yields the checkbox "enabled"


class Program(Protocol):
    """Answers to what the user does in the panel. Each may raise ColorizeError, which the page then shows."""

    def status(self) -> Status:
        """The checkpoint that the next run will use."""

    def preview(self, picture: Image.Image, settings: JobSettings) -> tuple[Image.Image, str]:
        """What the model will see of a sketch, black lines on white, and in one line how the sketch was read."""

    def size_for(self, picture: Image.Image, settings: JobSettings) -> tuple[int, int]:
        """(width, height) in pixels for the page's sliders."""

    def heat_map(self, picture: Image.Image, text: str, settings: JobSettings) -> Image.Image:
        """The reference with what the text finds in it."""

    def layer_files(self, information: str) -> Sequence[str]:
        """Paths of the files with layers that the page's last results have; information: what it knows of these."""

    def folders(self) -> Folders:
        """Where model files lie."""

    def mirror(self) -> str:
        """An address to download from first; empty = the publisher's."""

    def downloads_open(self) -> bool:
        """Whether whoever sees the page may put files onto this machine."""


@dataclass(frozen=True)
class Place:
    """Where a panel stands. `page` holds the page's own widgets, as far as there are any.

    frame: what the panel lies in; None = a checkbox with the panel below it. page: "width" and "height" (sliders that
    the size button writes), "image" (the page's own picture, a sketch when the sketch box is empty). boxes: all widgets
    of the page into which the user puts such a picture, "image" among them. unseen: True when nobody will see this
    panel, which is built only for the API's defaults.
    """

    language: Language = Language.ENGLISH
    title: str = "ColorizeDiffusion"
    is_img2img: bool = False
    elem_id: Callable[[str], str] = "colorize_{}".format
    frame: Frame | None = None
    page: Mapping[str, Any] = field(default_factory=dict)
    boxes: Sequence[Any] = ()
    unseen: bool = False
