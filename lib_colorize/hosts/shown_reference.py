"""What the U-Net is shown of a request's reference: its tokens, after the changes by text."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.shown_tokens import shown_tokens
from ..pictures.opened_page import as_encoded
from .checkpoints import ColorizeFile
from .host import Host
from .settings import JobSettings
from .text_vectors import VECTORS, after_changes
from .tokens import TOKENS


def shown_reference(
    host: Host, file: ColorizeFile, reference: Image.Image | None, settings: JobSettings,
) -> Tensor | None:
    """[1, N, D] on the CPU; None = no reference. ColorizeError for texts that nothing can be done with."""
    changes = settings.changes()
    if reference is None or settings.reference_strength == 0:
        if changes:
            raise ColorizeError("changes by text: there is no reference to change; give one, or empty the texts")
        return None
    seen = as_encoded(reference, settings)
    VECTORS.vectors(host, file, (text for change in changes for text in change.texts))  # what is missing is told first
    return shown_tokens(after_changes(host, file, TOKENS.tokens(host, file, seen), changes))
