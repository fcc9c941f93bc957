"""Small drawings on large pages, references in margins, coloured and faint pencil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reading_settings import ConstructionPencil
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from lib_colorize.pictures.faint import brought_up
from lib_colorize.pictures.fitting import Box, on_its_page
from lib_colorize.pictures.opened_page import open_page, open_references
from lib_colorize.pictures.pencil import without_pencil
from lib_colorize.pictures.trimming import trimmed_box

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(path: str) -> Image.Image:
    return Image.open(EXAMPLES / f"{path}.png").convert("RGB")


def on_page(picture: Image.Image, share: float, page: tuple[int, int] = (600, 500),
            paper: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    whole = Image.new("RGB", page, paper)
    side = round(share * min(page))
    whole.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (page[0] - side - 40, 30))
    return whole


# A drawing on its page

@pytest.mark.parametrize("path", sorted((EXAMPLES / "sketches").glob("*.png")), ids=lambda path: path.stem)
def test_a_drawing_with_ordinary_margins_stays_the_very_picture(path: Path) -> None:
    image = Image.open(path)
    image = image if image.mode == "RGBA" else image.convert("RGB")
    page = open_page(image, Settings())
    assert page.sketch is image and page.put_back(image) is image and page.told == ()


@pytest.mark.parametrize("share", [0.2, 0.33])
def test_a_small_drawing_is_cut_out_whole_and_put_back_in_its_place(share: float) -> None:
    sketch = on_page(example("sketches/dog"), share)
    page = open_page(sketch, Settings())
    assert page.box is not None and max(page.sketch.size) < 1.6 * share * 500
    large = page.sketch.resize((128, 128 * page.sketch.height // page.sketch.width), Image.Resampling.LANCZOS)
    whole = page.put_back(large)
    assert whole.width / whole.height == pytest.approx(600 / 500, rel=0.01)
    again = np.asarray(whole.resize(sketch.size, Image.Resampling.BOX).convert("L"), float)
    wanted = np.asarray(sketch.convert("L"), float)
    assert np.abs(again - wanted).mean() < 2
    moved = np.abs(again - np.roll(wanted, 4, 1)).mean()  # four pixels aside it would not fit
    assert moved > 2 * np.abs(again - wanted).mean()


def test_paper_around_stays_paper_whatever_the_model_makes_of_it() -> None:
    page = open_page(on_page(example("sketches/dog"), 0.3), Settings())
    whole = np.asarray(page.put_back(Image.new("RGB", (128, 96), (20, 60, 200))))
    assert (whole[-5:] == 255).all() and (whole[:, :5] == 255).all()
    assert (whole == (20, 60, 200)).all(-1).any()
    left = round(page.box[0] * whole.shape[1] / 600)
    row = round((page.box[1] + page.box[3]) / 2 * whole.shape[0] / 500)
    assert whole[row, left + 1].min() > 180  # no edge where the cut was


def test_a_transparent_result_lies_on_nothing() -> None:
    page = open_page(on_page(example("sketches/dog"), 0.3), Settings())
    whole = page.put_back(Image.new("RGBA", (128, 96), (20, 60, 200, 255)))
    assert whole.mode == "RGBA" and whole.getpixel((2, whole.height - 2))[3] == 0


def test_dust_does_not_make_a_drawing_larger() -> None:
    sketch = on_page(example("sketches/dog"), 0.3)
    alone = open_page(sketch, Settings()).box
    sketch.putpixel((20, 480), (0, 0, 0))
    assert open_page(sketch, Settings()).box == alone


@pytest.mark.parametrize("places", [[(30, 440)], [(280, 488)], [(560, 480)], [(20, 480), (10, 10)]])
def test_writing_by_the_edge_does_not_make_a_drawing_larger_and_is_told(places: list[tuple[int, int]]) -> None:
    sketch = on_page(example("sketches/woman"), 0.3)
    alone = open_page(sketch, Settings())
    for place in places:
        ImageDraw.Draw(sketch).text(place, "p. 12", fill=(0, 0, 0))
    page = open_page(sketch, Settings())
    assert page.box == alone.box
    assert page.told == (*alone.told, "small marks by the page's edge left out, paper in the result")


def test_what_is_large_or_strewn_or_has_much_of_the_ink_is_drawn() -> None:
    def boxed(draw: str) -> bool:
        sketch = on_page(example("sketches/dog"), 0.25)
        pen = ImageDraw.Draw(sketch)
        if draw == "sun":
            pen.ellipse((20, 20, 100, 100), outline=(0, 0, 0), width=1)
        elif draw == "bubble":
            pen.rounded_rectangle((20, 300, 200, 420), 20, outline=(0, 0, 0))
        elif draw == "stars":
            for place in ((20, 30), (150, 20), (30, 460), (200, 470)):
                pen.line((*place, place[0] + 10, place[1] + 10), fill=(0, 0, 0))
        else:
            pen.rectangle((20, 450, 70, 480), fill=(0, 0, 0))
        box = open_page(sketch, Settings()).box
        return box is None or box[0] <= 30

    assert [boxed(each) for each in ("sun", "bubble", "stars", "ink")] == [True] * 4


def test_a_size_that_is_asked_for_and_a_switch_keep_the_page_whole() -> None:
    sketch = on_page(example("sketches/dog"), 0.3)
    for settings in (Settings(width=256, height=256), Settings(fit_drawing=False)):
        assert open_page(sketch, settings).sketch is sketch


def test_masks_and_regions_follow_the_drawing_and_one_of_another_shape_is_refused() -> None:
    sketch = on_page(example("sketches/dog"), 0.3)
    page = open_page(sketch, Settings())
    region = Image.fromarray(np.uint8(np.arange(600) % 256)[None].repeat(500, 0))
    got = page.extras(Extras(sketch_mask=region, further=(FurtherReference(sketch, region=region),)))
    wanted = np.asarray(region.crop(page.box))
    assert np.array_equal(got.sketch_mask, wanted) and np.array_equal(got.further[0].region, wanted)
    with pytest.raises(ColorizeError, match="32x32 pixels, expected the sketch's own 600x500"):
        page.extras(Extras(sketch_mask=Image.new("L", (32, 32))))


def test_a_light_drawing_on_dark_is_found_too() -> None:
    sketch = Image.fromarray(255 - np.asarray(on_page(example("sketches/dog"), 0.3)))
    dark, light = open_page(sketch, Settings()).box, open_page(on_page(example("sketches/dog"), 0.3), Settings()).box
    assert dark is not None and np.abs(np.subtract(dark, light)).max() <= 4


def test_what_was_cut_is_cut_again_out_of_a_result() -> None:
    page = open_page(on_page(example("sketches/dog"), 0.3), Settings())
    coloured = page.sketch.resize((page.sketch.width, page.sketch.height))
    again = page.cut(page.put_back(coloured))
    assert again.size == coloured.size
    side = coloured.width // 5  # the rim has faded to paper
    inner = (side, side, coloured.width - side, coloured.height - side)
    assert np.array_equal(again.crop(inner), coloured.crop(inner))


# A reference in its margins

@pytest.mark.parametrize("path", sorted((EXAMPLES / "references").glob("*.png")), ids=lambda path: path.stem)
def test_an_ordinary_reference_is_looked_at_whole_and_a_shrunk_one_at_the_same_part(path: Path) -> None:
    reference = Image.open(path).convert("RGB")
    assert trimmed_box(reference) is None
    ink = np.abs(np.asarray(reference, int) - 255).max(-1) > 16
    own = np.flatnonzero(ink.any(0)), np.flatnonzero(ink.any(1))
    for share in (0.2, 0.31, 0.59):
        whole = on_page(reference, share, (512, 512))
        left, top, right, bottom = trimmed_box(whole)
        scale = round(share * 512) / 512
        figure = (512 - round(share * 512) - 40 + own[0][0] * scale, 30 + own[1][0] * scale,
                  512 - round(share * 512) - 40 + own[0][-1] * scale, 30 + own[1][-1] * scale)
        assert left < figure[0] and top < figure[1] and right > figure[2] and bottom > figure[3]
        assert (right - left) < 1.3 * scale * 512


@pytest.mark.parametrize("colour", [(0, 0, 0), (90, 30, 30)])
def test_bars_are_cut_off_to_the_last_pixel(colour: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    scene = Image.fromarray(np.kron(rng.integers(60, 250, (12, 20, 3)), np.ones((30, 30, 1))).astype(np.uint8))
    whole = Image.new("RGB", (600, 800), colour)
    whole.paste(scene, (0, 220))
    left, top, right, bottom = trimmed_box(whole)
    assert (left, right) == (0, 600) and 220 <= top <= 224 and 576 <= bottom <= 580


def test_a_drawn_frame_is_left_out_with_the_margin_around_it() -> None:
    whole = Image.new("RGB", (800, 800), "white")
    ImageDraw.Draw(whole).rectangle((60, 60, 740, 740), outline=(20, 20, 20), width=6)
    whole.paste(example("references/redhead").resize((200, 200)), (300, 300))
    left, top, right, bottom = trimmed_box(whole)
    assert left > 70 and top > 70 and right < 730 and bottom < 730 and right - left < 300


def test_a_plain_sky_over_a_landscape_is_no_margin() -> None:
    scene = np.full((400, 600, 3), (120, 180, 240), np.uint8)
    scene[260:] = np.random.default_rng(0).integers(0, 255, (140, 600, 3))
    assert trimmed_box(Image.fromarray(scene)) is None


def test_a_reference_of_one_colour_is_looked_at_whole() -> None:
    assert trimmed_box(Image.new("RGB", (300, 200), (30, 90, 60))) is None


@pytest.mark.parametrize("box", [(100, 0, 200, 200), (0, 70, 300, 120), (30, 20, 270, 90)])
def test_a_stripe_is_no_picture_between_bars(box: tuple[int, int, int, int]) -> None:
    """Else a red flag with a white band would be white, and an orange card with a navy field navy."""
    whole = Image.new("RGB", (300, 200), (240, 150, 20))
    whole.paste((20, 30, 120), box)
    assert trimmed_box(whole) is None
    barred = Image.new("RGB", (300, 600))
    barred.paste(whole, (0, 200))
    left, top, right, bottom = trimmed_box(barred)
    assert (left, right) == (0, 300) and 200 <= top <= 204 and 396 <= bottom <= 400


def test_a_references_mask_is_cut_like_it_and_a_switch_keeps_both() -> None:
    whole = on_page(example("references/redhead"), 0.31, (512, 512))
    extras = Extras(reference_mask=whole.convert("L"), further=(FurtherReference(whole),))
    seen, got, told = open_references(whole, Settings(), extras)
    assert seen.size == got.reference_mask.size == got.further[0].image.size != whole.size and len(told) == 2
    kept = open_references(whole, Settings(trim_reference=False), extras)
    assert kept == (whole, extras, ())


# Pencil

def pencil_drawing(colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (900, 600), (250, 248, 244))
    pen = ImageDraw.Draw(image)
    pen.ellipse((80, 60, 620, 520), outline=colour, width=7)
    pen.line((100, 560, 800, 40), fill=colour, width=5)
    pen.ellipse((300, 150, 760, 500), outline=(40, 40, 44), width=6)
    grain = np.random.default_rng(0).normal(0, 2, (600, 900, 3))
    soft = image.resize((450, 300), Image.Resampling.BOX)
    return Image.fromarray(np.uint8(np.clip(np.asarray(soft) + grain[:300, :450], 0, 255)))


@pytest.mark.parametrize("which, colour", [
    (ConstructionPencil.BLUE, (110, 165, 225)), (ConstructionPencil.BLUE, (150, 205, 235)),
    (ConstructionPencil.RED, (225, 110, 105)), (ConstructionPencil.BOTH, (110, 165, 225)),
])
def test_construction_pencil_is_gone_and_black_lines_stay(
    which: ConstructionPencil, colour: tuple[int, int, int],
) -> None:
    drawn = pencil_drawing(colour)
    got = np.asarray(without_pencil(drawn, which).convert("L"), float)
    black = np.asarray(drawn).max(-1) < 90
    pencil = np.abs(np.asarray(drawn, int) - colour).max(-1) < 12
    assert black.sum() > 500 and pencil.sum() > 500
    assert np.median(got[black]) < 80 and np.quantile(got[pencil], 0.1) > 225


def test_a_black_drawing_has_no_pencil_to_take_off() -> None:
    drawn = pencil_drawing((40, 40, 44))
    assert without_pencil(drawn, ConstructionPencil.BOTH) is drawn


# Faint lines

@pytest.mark.parametrize("grey", [0.92, 0.7])
def test_faint_lines_become_full_ink_and_grain_stays_white(grey: float) -> None:
    picture = torch.ones(3, 120, 160)
    picture[:, 60:64, 20:140] = grey
    picture += 0.004 * torch.randn(3, 120, 160, generator=torch.Generator().manual_seed(0))
    got = brought_up(picture.clamp(0, 1))
    assert float(1 - got[:, 60:64, 20:140].mean()) > 0.8 and float(1 - got[:, :50].mean()) < 0.05


def test_dark_lines_are_left_as_they_are() -> None:
    picture = torch.ones(3, 40, 40)
    picture[:, 20] = 0.3
    assert brought_up(picture) is picture and brought_up(torch.ones(3, 40, 40)).amin() == 1


@pytest.mark.parametrize("box", ((0, 100, 600, 300), (150, 0, 450, 500), (0, 0, 600, 500)))
def test_a_drawing_from_edge_to_edge_is_put_back_and_fades_only_where_paper_begins(box: Box) -> None:
    left, top, right, bottom = box
    whole = np.asarray(on_its_page(Image.new("RGB", (right - left, bottom - top), (20, 60, 200)), box, (600, 500)))
    assert whole.shape == (500, 600, 3)
    assert (whole[(top + bottom) // 2, (left + right) // 2] == (20, 60, 200)).all()
    assert (whole[0, 300] == (20, 60, 200)).all() == (top == 0), "no fading at the page's own edge"
    assert (whole[200, 0] == (20, 60, 200)).all() == (left == 0)
