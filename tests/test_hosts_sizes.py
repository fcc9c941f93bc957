"""The canvas that follows the sketch: results cut back at every scale, and each of a batch to its own sketch."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from lib_colorize.hosts.checkpoints import SHIPPED, colorize_file
from lib_colorize.hosts.job import Job
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.sizes import on_canvas, placements_of, sketch_box
from lib_colorize.hosts.webui.shared.processing import frames_of
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.pictures.framing import Fit, Frame


def drawing(width, height):
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((4, 4, width - 5, height - 5), outline="black", width=3)
    return image


def job_of(*sizes, **settings):
    """A job of the shipped model as if it were of 128 px and any shape, with the canvas that follows these sketches."""
    shipped, chosen = colorize_file(SHIPPED), JobSettings(**settings)
    file = replace(shipped, card=replace(shipped.usable(), resolution=128, training={}))
    sketches = tuple(drawing(*size) for size in sizes)
    return Job(SimpleNamespace(), chosen, file, None, sketches, None,
               placements_of([sketch.size for sketch in sketches], file, chosen))


@pytest.mark.parametrize("size", [(600, 440), (440, 600), (1280, 796)])
def test_a_model_of_squares_alone_gets_a_square_canvas(size):
    (place,) = placements_of([size], colorize_file(SHIPPED), JobSettings())
    assert place.canvas_width == place.canvas_height == max(place.width, place.height)
    assert place.width / place.height == pytest.approx(size[0] / size[1], rel=0.01)


def canvas(job):
    return job.placements[0].canvas_width, job.placements[0].canvas_height


def hires(job, resize, upscaled=None, mode=None):
    """The frame of hires fix that was asked for `resize`, as the host works it out."""
    upscaled = upscaled or resize
    p = SimpleNamespace(is_hr_pass=True, latent_scale_mode=mode,
                        hr_upscale_to_x=upscaled[0], hr_upscale_to_y=upscaled[1],
                        truncate_x=(upscaled[0] - resize[0]) // 8, truncate_y=(upscaled[1] - resize[1]) // 8)
    x = SimpleNamespace(shape=(1, 4, resize[1] // 8, resize[0] // 8))
    job.frames = frames_of(p, job, x)
    return Image.new("RGB", (resize[0] // 8 * 8, resize[1] // 8 * 8))


@pytest.mark.parametrize("size", [(600, 440), (1280, 796), (440, 600), (128, 128), (300, 1000)])
@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("overlay", [0.0, 1.0])
def test_hires_fix_is_cut_to_the_sketch_at_its_scale(size, scale, overlay):
    job = job_of(size, line_overlay=overlay)
    (place,) = job.placements
    result = job.finish(hires(job, tuple(side * scale for side in canvas(job))), 0)
    assert result.size == ((place.width * scale, place.height * scale) if scale > 1 or not overlay else size)


def test_the_case_that_was_wrong():
    job = job_of((600, 440))
    assert canvas(job) == (128, 128)
    assert job.finish(hires(job, (256, 256)), 0).size == (256, 188)


def test_hires_fix_to_another_shape_keeps_the_part_that_the_host_keeps_without_paper():
    """128x128 with a drawing of 128x94; 256 wide and 192 high cuts off 32 pixels at the top and at the bottom."""
    job = job_of((600, 440))
    assert job.finish(hires(job, (256, 192), (256, 256)), 0).size == (256, 188)
    assert job.finish(hires(job, (128, 256), (256, 256)), 0).size == (128, 188)


@pytest.mark.parametrize("mode, size, right", [({"mode": "bilinear"}, (192, 141), 190), (None, (192, 145), 192)])
def test_an_odd_scale_leaves_no_paper_and_the_lines_meet_the_drawing(mode, size, right):
    """198 px: a latent is stretched to 192; a picture loses its last 6 columns and rows, and the frame with them."""
    job = job_of((600, 440), line_overlay=1.0)
    result = job.finish(hires(job, (198, 198), mode=mode).point(lambda v: 255), 0)
    assert result.size == size
    dark = result.convert("L").point(lambda v: 255 * (v < 128)).getbbox()
    assert dark[:3] == pytest.approx((1, 1, right), abs=2)


def test_a_picture_that_was_cut_goes_to_its_place_again():
    (place,) = job_of((600, 440)).placements
    found = on_canvas(Image.new("RGB", (place.width, place.height), "red"), place)
    assert found.size == (128, 128) and found.convert("L").point(lambda v: 255 * (v < 128)).getbbox() == sketch_box(
        (128, 128), Frame(128, 128, Fit.FILL), place)


def test_a_figure_that_was_cut_out_goes_back_on_white_paper():
    """Under what is transparent a file holds anything: black where it was made smaller."""
    (place,) = job_of((600, 440)).placements
    clear = on_canvas(Image.new("RGBA", (place.width, place.height), (0, 0, 0, 0)), place)
    assert clear.mode == "RGB" and clear.getextrema() == ((255, 255),) * 3


def test_sketches_of_other_shapes_share_a_canvas_and_each_is_cut_to_its_own():
    sizes = [(900, 560), (560, 900), (600, 600)]
    job, alone = job_of(*sizes), [job_of(size) for size in sizes]
    assert canvas(job) == tuple(max(canvas(one)[axis] for one in alone) for axis in (0, 1))
    job.frames = (Frame(*canvas(job), Fit.FILL),)
    for i, (width, height) in enumerate(sizes):
        result = job.finish(Image.new("RGB", canvas(job)), i)
        assert result.width / result.height == pytest.approx(width / height, rel=0.03)


def test_each_of_a_batch_gets_its_own_lines():
    sizes = [(900, 560), (560, 900)]
    job = job_of(*sizes, line_overlay=1.0)
    job.frames = (Frame(*canvas(job), Fit.FILL),)
    for i, size in enumerate(sizes):
        result = job.finish(Image.new("RGB", canvas(job), "white"), i)
        assert result.size == size and result.getpixel((5, size[1] // 2))[0] < 100


def test_sketches_of_one_shape_share_the_canvas_of_one():
    assert job_of((600, 440), (600, 440)).placements == job_of((600, 440)).placements * 2


@pytest.mark.parametrize("overlay", [0.0, 1.0])
@pytest.mark.parametrize("scale", [1, 2])
def test_what_is_behind_the_figure_is_taken_away_where_the_drawing_lies(overlay, scale):
    size = (600, 440)
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, 300, 440))
    job = job_of(size, line_overlay=overlay, backdrop=Backdrop.TRANSPARENT)
    job.figures = (mask,)
    result = job.finish(hires(job, tuple(side * scale for side in canvas(job))), 0)
    assert result.mode == "RGBA" and result.size == job_of_result(size, scale, overlay)
    alpha, middle = result.getchannel("A"), result.width // 2
    assert alpha.crop((0, 0, middle - 3, result.height)).getextrema() == (255, 255)
    near = 30 if overlay and scale == 1 else 3  # at the sketch's size lines that bound the figure stay
    assert alpha.crop((middle + near, 0, *result.size)).getextrema() == (0, 0)


def job_of_result(size, scale, overlay):
    job = job_of(size, line_overlay=overlay)
    return job.finish(hires(job, tuple(side * scale for side in canvas(job))), 0).size
