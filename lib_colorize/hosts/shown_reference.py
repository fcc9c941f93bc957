"""What the U-Net is shown of a request's references: tokens of each, the first one's after the changes by text."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..errors import ColorizeError
from ..method.shown_tokens import shown_tokens
from ..pictures.extras import FurtherReference
from .checkpoints import ColorizeFile
from .host import Host
from .settings import JobSettings
from .text_vectors import VECTORS, after_changes
from .tokens import TOKENS


def shown_references(
    host: Host, file: ColorizeFile, references: Sequence[FurtherReference], settings: JobSettings,
) -> tuple[Tensor, ...]:
    """[1, N, D] of each, on the CPU. references: as they are looked at, without what is trimmed and with margins.

    ColorizeError for texts that nothing can be done with.
    """
    changes = settings.changes()
    if changes and not any(reference.place == 1 for reference in references):
        raise ColorizeError("changes by text: there is no reference to change; give one, or empty the texts")
    VECTORS.vectors(host, file, (text for change in changes for text in change.texts))  # what is missing is told first
    found = []
    for reference in references:
        tokens = TOKENS.tokens(host, file, reference.image, settings.reference_scale)
        found.append(shown_tokens(after_changes(host, file, tokens, changes) if reference.place == 1 else tokens))
    return tuple(found)
