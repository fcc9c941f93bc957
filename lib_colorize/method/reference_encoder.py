"""The reference encoder: a picture of any size -> CLIP's CLS token and local tokens, over open_clip's transformer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from .network_config import VisionConfig

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's CLIP, RGB in [0, 1]
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def preprocess(reference: Tensor, image_size: int) -> Tensor:
    """reference: [B, 3, h, w] in [-1, 1] -> [B, 3, image_size, image_size], CLIP-normalised, float32.

    The whole picture is squashed to a square, with align_corners=True as the released checkpoints were trained
    (False shifts pixels visibly), and what bicubic filtering overshoots is not clamped. Always float32: the
    filter does not exist in half precision on every device.
    """
    size = (image_size, image_size)
    x = F.interpolate(reference.float(), size, mode="bicubic", align_corners=True, antialias=True)
    channels = ((x + 1) / 2).unbind(1)  # numbers, not a tensor of them, for whose way to a GPU each step would wait
    return torch.stack([(channel - mean) / std for channel, mean, std in zip(channels, CLIP_MEAN, CLIP_STD)], dim=1)


class ReferenceEncoder(nn.Module):
    """The vision tower of CLIP; parameter names are open_clip's: `visual.*`.

    The tokens are equal for every open_clip from 2.20 to 3: the embedding is done here, and the blocks are fed in
    the order of axes that they were built with (2.x: tokens first, 3.x: batch first).
    """

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        from open_clip.transformer import VisionTransformer  # here: slow to import, and training alone may lack it

        self.image_size = config.image_size
        self.visual = VisionTransformer(
            image_size=config.image_size, patch_size=config.patch_size, width=config.width, layers=config.layers,
            heads=config.width // config.head_width, mlp_ratio=config.mlp_ratio, output_dim=config.output_dim)

    def forward(self, reference: Tensor, scale: float = 1.0) -> Tensor:
        """reference: [B, 3, h, w] in [-1, 1], any h and w -> tokens [B, 1 + N, D] in the weights' dtype.

        Token 0 is CLS, the N = (image_size / patch_size)^2 others are local. Every token goes through all blocks,
        `ln_post` and the projection; none is L2-normalised (method, section 1, "Reference tokens").
        scale: the picture is shown so many times as large each way, to the nearest whole patch, so that N grows by its
        square (variants.md section 6).
        """
        weight = self.visual.conv1.weight
        patch = weight.shape[-1]
        side = max(1, round(self.image_size // patch * scale)) * patch if scale != 1 else self.image_size
        return self.encode_preprocessed(preprocess(reference.to(weight.device), side).to(weight.dtype))

    def encode_preprocessed(self, x: Tensor) -> Tensor:
        """x: [B, 3, side, side], CLIP-normalised; side: image_size, or another multiple of the patch's -> tokens."""
        visual = self.visual
        patches = visual.conv1(x).flatten(2).transpose(1, 2)  # [B, N, width]
        cls = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        tokens = torch.cat([cls, patches], dim=1) + self.positions(patches.shape[1]).to(patches.dtype)
        tokens = run_blocks(visual.transformer.resblocks, visual.ln_pre(tokens))
        projected: Tensor = visual.ln_post(tokens) @ visual.proj.to(tokens.dtype)
        return projected

    def positions(self, count: int) -> Tensor:
        """[1 + count, width]: the position of CLS, and those of a square of `count` patches: its own, resized.

        Always made of the parameter as it is now: the authors make theirs once, and lose the weights loaded later (Q9).
        """
        own: Tensor = self.visual.positional_embedding
        if len(own) == 1 + count:
            return own
        grid, side = math.isqrt(len(own) - 1), math.isqrt(count)
        square = own[1:].float().T.reshape(1, -1, grid, grid)
        resized = F.interpolate(square, (side, side), mode="bicubic", align_corners=False)
        return torch.cat([own[:1].float(), resized.flatten(2)[0].T])


def run_blocks(blocks: nn.ModuleList, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
    """tokens: [B, N, width] through open_clip's residual blocks, whichever order of axes they expect.

    mask: [N, N], added to the logits.
    """
    batch_first = bool(getattr(blocks[0].attn, "batch_first", False))
    tokens = tokens if batch_first else tokens.transpose(0, 1)
    for block in blocks:
        tokens = block(tokens, attn_mask=mask)
    return tokens if batch_first else tokens.transpose(0, 1)
