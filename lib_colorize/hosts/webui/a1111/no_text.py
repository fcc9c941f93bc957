"""What stands in a host where a text encoder would: a colorize checkpoint has none, and its context is a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CHUNK = 75  # tokens, what a host's prompt counter shows as the length of one chunk


class NoTextEncoder(nn.Module):
    """Answers every prompt with zeros, the context without a reference. Has the methods that A1111 calls."""

    anchor: Tensor

    def __init__(self, width: int) -> None:
        """width: of the U-Net's context."""
        super().__init__()
        self.width = width
        self.model = nn.Module()  # by this attribute A1111 tells an SD2 text encoder
        self.register_buffer("anchor", torch.zeros(1), persistent=False)  # the device and dtype to answer in

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """Any prompts -> [B, 77, D] of zeros."""
        return self.anchor.new_zeros(len(prompts), CHUNK + 2, self.width)

    encode = forward

    def encode_embedding_init_text(self, text: str, count: int) -> Tensor:
        """[count, D]: textual inversions of this width would load, and have no effect."""
        return self.anchor.new_zeros(count, self.width)

    def tokenize(self, prompts: Sequence[str]) -> list[list[int]]:
        """No token is ever made of a prompt."""
        return [[0] for _ in prompts]

    def get_token_count(self, prompt: str) -> int:
        """For the counter beside the prompt."""
        return 0

    def get_target_prompt_token_count(self, count: int) -> int:
        """For the counter beside the prompt."""
        return CHUNK

    def medvram_modules(self) -> list[nn.Module]:
        """Nothing to move to the graphics card and back."""
        return []
