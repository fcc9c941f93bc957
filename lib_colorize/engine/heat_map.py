"""A heat map of what a text finds in a reference: both halves of CLIP are read, used and dropped, no U-Net is."""

from __future__ import annotations

from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from ..checkpoint.read import read_reference_encoder
from ..method.settings import Settings
from ..method.text.heat_map import heat_maps, heat_picture
from ..method.text.manipulation import changed_tokens
from ..pictures.images import reference_tensor, to_image
from ..pictures.opened_page import as_encoded
from .weights import Files, ReferenceFile, TextFile


@torch.no_grad()
def heat_map(
    files: Files, picture: Image.Image, text: str, settings: Settings, device: torch.device, dtype: torch.dtype,
) -> Image.Image:
    """The picture with what is like `text` in warm colours, at the settings' four thresholds, after their changes.

    ColorizeError when there is no text half, or no reference encoder.
    """
    reference = ReferenceFile(files.checkpoint, files.reference_encoder, device, dtype)
    _, sizes = read_reference_encoder(files.reference_encoder or files.checkpoint)
    changes = settings.changes()
    seen = reference_tensor(as_encoded(picture, settings))
    texts = dict.fromkeys((text, *(word for change in changes for word in change.texts)))
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        vectors = TextFile(replace(files, width=sizes.output_dim), device, dtype).load().embed(list(texts))
        tokens: Tensor = reference.load()(seen.to(device)).float()
    maps = heat_maps(changed_tokens(tokens, changes, vectors), vectors[text], (seen.shape[2], seen.shape[3]),
                     settings.text_thresholds)
    return heat_picture(to_image(seen[0]), maps)
