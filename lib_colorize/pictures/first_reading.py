"""How the first versions told polarity and paper, for pictures that are to be made again."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from ..method.settings import Polarity
from .flattening import BLACK, WHITE, as_unit, over_paper
from .grey import telling_channel
from .lineart import MIN_CONTRAST, detect_polarity, polarity_score


def first_flat(image: Image.Image, polarity: Polarity) -> Image.Image:
    """RGB; transparent pixels become paper: white under dark lines, black under light ones.

    Which one AUTO tells from the picture over both: the one that is surer.
    """
    if image.mode != "RGBA":
        return image
    white, black = over_paper(image, WHITE), over_paper(image, BLACK)
    if polarity is not Polarity.AUTO:
        return white if polarity is Polarity.DARK_ON_LIGHT else black
    sure = [abs(polarity_score(telling_channel(as_unit(over)))) for over in (white, black)]
    return white if sure[0] >= sure[1] else black


def first_is_light(picture: Tensor, polarity: Polarity) -> bool:
    """Whether lines are lighter than their paper. picture: [3, h, w] in [0, 1]."""
    if polarity is Polarity.AUTO:
        polarity = detect_polarity(telling_channel(picture))
    return polarity is Polarity.LIGHT_ON_DARK


def has_contrast(picture: Tensor) -> bool:
    """Whether a picture is of more than one colour. picture: [3, h, w] in [0, 1]."""
    return float((picture.amax((1, 2)) - picture.amin((1, 2))).max()) >= MIN_CONTRAST
