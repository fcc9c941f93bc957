"""One run of a sampler: what its U-Net is shown, and how strong at which step. An adapter needs nothing else of a job.

The U-Net is touched only inside `applied`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..method.attach import Attached, Attachment
from ..method.conditioning import Branch, Conditioning
from ..method.guidance import Guidance
from ..method.variants.variant import V1, Variant
from .settings import JobSettings


class SamplerRun:
    """Made once before a sampler starts; `close` it when the pictures are there."""

    def __init__(
        self, unet: nn.Module, conditioning: Conditioning, settings: JobSettings, context: Tensor, timesteps: int,
        variant: Variant = V1,
    ) -> None:
        """context: [1, N, D], what stands as a row's conditions, zeros without a reference; timesteps: of the noise
        schedule; variant: what the checkpoint has besides v1's networks. ColorizeError when the U-Net does not take
        this conditioning.
        """
        self.settings, self.context = settings, context
        self.has_reference, self.pictures = conditioning.has_reference, conditioning.pictures
        self._attachment, self._timesteps = Attachment(unet, conditioning, settings, variant), timesteps
        self._contexts: dict[object, Tensor] = {}

    def start(self, seeds: Sequence[int]) -> None:
        """Before sampling. seeds: of the pictures of this run, by which each is given noise of its own."""
        if self._attachment.injection is not None:
            self._attachment.injection.start(seeds)

    def progress(self, t: float) -> float:
        """0 at the start of sampling to 1; t: the U-Net's own time, timesteps - 1 down to 0."""
        return 1 - t / (self._timesteps - 1)

    @property
    def windowed(self) -> bool:
        """Whether what is predicted depends on the progress. Where it does not, nobody need ask the device for it."""
        settings = self.settings
        return (self.has_reference and settings.windowed) or (settings.injection > 0 and settings.injection_start > 0)

    def reference_acts(self, progress: float) -> bool:
        """Whether the reference acts there, by the window of the settings."""
        return self.has_reference and self.settings.uses_reference_at(progress)

    def guidance(self, progress: float | None = None) -> Guidance:
        """Weights of the other branches, and the scale, at this progress; None = where the reference acts."""
        return Guidance.of(
            self.settings, self.has_reference if progress is None else self.reference_acts(progress))

    def context_of(self, branch: Branch, device: torch.device, dtype: torch.dtype) -> Tensor:
        """[1, N, D] there: what stands as the conditions of such a row, the same tensor at every step."""
        key = (branch is Branch.NO_REFERENCE, device, dtype)
        if key not in self._contexts:
            shown = torch.zeros_like(self.context) if branch is Branch.NO_REFERENCE else self.context
            self._contexts[key] = shown.to(device, dtype)
        return self._contexts[key]

    @property
    def calls(self) -> int:
        """How often the U-Net has shown the conditioning."""
        return self._attachment.calls

    @contextmanager
    def applied(self) -> Iterator[Attached]:
        """Inside, the U-Net shows the conditioning; may be entered again and again."""
        with self._attachment.applied() as attached:
            yield attached

    def close(self) -> None:
        """Let go of all tensors; what still holds this object (a host's closures) holds nothing large."""
        self._attachment.close()
        self._contexts.clear()
