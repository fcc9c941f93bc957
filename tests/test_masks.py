"""Where a mask comes from: given, the picture's own transparency, outlines that hold, the segmenter; and bad ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.canvas import sketch_layout
from lib_colorize.pictures.extras import Extras
from lib_colorize.pictures.images import reference_tensor
from lib_colorize.pictures.job_masks import figure_masks
from lib_colorize.pictures.masks import MaskSource, reference_mask, sketch_mask
from lib_colorize.pictures.outline import enclosed

SIZE = (160, 120)
BALL = (50, 20, 110, 80)


def ball(fill: tuple[int, ...] | None, outline: tuple[int, ...], ground: tuple[int, ...] | None) -> Image.Image:
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0) if ground is None else (*ground, 255))
    ImageDraw.Draw(picture).ellipse(BALL, fill=fill, outline=outline, width=3)
    return picture if ground is None else picture.convert("RGB")


INSIDE = np.asarray(ball((255, 255, 255, 255), (255, 255, 255, 255), None).getchannel("A")) > 127
COLOURED = ball((140, 20, 30), (60, 0, 0), (190, 215, 240))
SPRITE = ball((140, 20, 30, 255), (60, 0, 0, 255), None)
LINE_ART = ball(None, (0, 0, 0), (255, 255, 255))
CLEAR_LINE_ART = ball(None, (0, 0, 0, 255), None)


def overlap(mask: Image.Image, truth: np.ndarray = INSIDE) -> float:
    found = np.asarray(mask) > 127
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("find, picture, source", [
    (reference_mask, COLOURED, MaskSource.SEGMENTER),
    (reference_mask, SPRITE, MaskSource.ALPHA),
    (sketch_mask, LINE_ART, MaskSource.OUTLINE),
    (sketch_mask, CLEAR_LINE_ART, MaskSource.ALPHA),
    (sketch_mask, SPRITE, MaskSource.ALPHA),
], ids=["picture", "sprite", "line art", "transparent line art", "sprite as sketch"])
def test_a_mask_is_found(find, picture, source):
    found = find(picture)
    assert found.source is source and found.image.mode == "L" and found.image.size == SIZE
    assert overlap(found.image) > 0.95


def test_a_drawn_mask_goes_before_all_others():
    drawn = Image.new("L", SIZE)
    ImageDraw.Draw(drawn).rectangle((10, 10, 60, 90), fill=255)
    for find in (reference_mask, sketch_mask):
        found = find(SPRITE, drawn)
        assert found.source is MaskSource.GIVEN and np.array_equal(np.asarray(found.image), np.asarray(drawn))


def test_white_strokes_on_transparency_are_a_mask():
    drawn = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    ImageDraw.Draw(drawn).ellipse(BALL, fill=(255, 255, 255, 255))
    assert overlap(reference_mask(COLOURED, drawn).image) == 1.0


@pytest.mark.parametrize("mask, words", [
    (Image.new("L", (120, 160), 255), "120x160"), (Image.new("L", (320, 240), 255), "320x240"),
    (Image.new("L", SIZE, 255), "all white"), (Image.new("L", SIZE, 0), "all black"),
    (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "all black"), (Image.new("L", SIZE, 3), "all black"),
], ids=["another shape", "another size", "white", "black", "clear", "nearly black"])
def test_a_mask_that_does_not_fit_or_marks_nothing_is_one_sentence(mask, words):
    for find, what in ((reference_mask, "reference"), (sketch_mask, "sketch")):
        with pytest.raises(ColorizeError, match=words) as caught:
            find(LINE_ART, mask)
        assert what in str(caught.value) and "\n" not in str(caught.value)


def test_a_picture_without_a_figure_asks_for_a_drawn_mask():
    with pytest.raises(ColorizeError, match="no figure is found in the reference; draw a mask"):
        reference_mask(Image.new("RGB", SIZE, (120, 160, 200)))


def test_one_clear_pixel_is_no_figure():
    picture = COLOURED.convert("RGBA")
    picture.putpixel((3, 3), (0, 0, 0, 0))
    assert reference_mask(picture).source is MaskSource.SEGMENTER


def drawing(*lines: tuple[tuple[int, int], ...], size: tuple[int, int] = SIZE) -> torch.Tensor:
    picture = Image.new("L", size)
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=255, width=3)
    return torch.from_numpy(np.array(picture)).float()[None, None].expand(1, 3, -1, -1) / 127.5 - 1


def test_a_figure_that_the_picture_cuts_off_is_whole():
    bust = enclosed(drawing(((40, 119), (40, 40), (100, 40), (100, 119))))
    assert bust[110, 70] == 1 and bust[110, 20] == 0 and bust[20, 70] == 0
    shoulders = enclosed(drawing(((0, 80), (60, 40), (100, 40), (159, 80))))
    assert shoulders[110, 70] == 1 and shoulders[110, 5] == 1 and shoulders[20, 70] == 0
    hand = enclosed(drawing(((159, 40), (100, 40), (100, 80), (159, 80))))
    assert hand[60, 150] == 1 and hand[110, 150] == 0 and hand[10, 150] == 0


def test_a_small_gap_does_not_open_an_outline_and_what_it_leaves_free_stays_free():
    room = ((40, 20), (120, 20), (120, 100), (40, 100))
    whole, gap = enclosed(drawing((*room, room[0]))), enclosed(drawing((*room, (40, 62)), ((40, 58), room[0])))
    assert whole[60, 80] == 1 and gap[60, 80] == 1 and gap[60, 30] == 0
    assert enclosed(drawing((*room, (40, 75)), ((40, 45), room[0])))[60, 80] == 0  # a door is a door


def test_outlines_of_a_large_scan_are_followed_at_a_smaller_size():
    room = ((800, 400), (2400, 400), (2400, 2000), (800, 2000), (800, 400))
    found = enclosed(drawing(room, size=(3200, 2400)))
    assert found.shape == (2400, 3200) and found[1200, 1600] == 1 and found[1200, 700] == 0 and found[100, 100] == 0


def test_both_masks_lie_in_the_frames_of_what_they_belong_to():
    layout = sketch_layout(SIZE, Settings(), 128, 64)
    found = figure_masks(LINE_ART, SPRITE, Settings(), Extras(), layout.place)
    canvas = layout.placement
    assert found.sketch.shape == (1, 1, canvas.canvas_height, canvas.canvas_width)
    assert found.reference is not None and found.reference.shape[-2:] == reference_tensor(SPRITE).shape[-2:]
    assert found.reference[0, 0, 50, 80] == 1 and found.reference[0, 0, 50, 48] == 1 and found.reference.mean() < 0.4
    assert found.told == ("mask of the sketch: its outlines", "mask of the reference: its own transparency")
    assert figure_masks(LINE_ART, None, Settings(), Extras(), layout.place).reference is None
