"""A WebUI's processing object `p`: what a job is told of it, and what a job changes on it until it is used again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor

from ....errors import ColorizeError
from ....pictures.flattening import WHITE, over_paper
from ....pictures.framing import Fit, Frame
from ...host_run import HostRun
from ...job import Job
from ...settings import JobSettings, StartFrom
from ...sizes import PIXELS, on_canvas, placement_of
from .sampling import stop_sampler
from .tiles import PARTS, RUNNING, PaintedPart

NONE = (None, "", "None", "none", "Use same checkpoint")
MOST_AREAS = 4  # of the checkpoint's own: larger pictures are hardly coloured
LEAST = 16  # pixels a side: a latent of 1x1 Forge takes for one of its placeholders
UNKNOWN = "colorize_unknown"  # on a processing object: the checkpoint that it names and the host does not have
SAVED = "colorize_saved"  # on a processing object: what `set_for_job` has replaced


def host_run(p: Any, sketches: Sequence[Image.Image] = ()) -> HostRun:
    """What the page or call brings; sketches: of the run before this one, in a loop."""
    running = RUNNING.get()
    if PARTS in vars(p) and running is not None:  # the whole's lines, of which each part shows its own
        return HostRun((running.whole,), True, tuple(sketches), partial="a script paints the picture in parts")
    mode, masked = int(getattr(p, "resize_mode", 0) or 0), getattr(p, "image_mask", None) is not None
    cut = "this resize mode cuts the sketch off" if mode == Fit.CROP else ""
    partial = "inpainting changes a part of img2img's picture alone" if masked else cut
    return HostRun(tuple(getattr(p, "init_images", None) or ()), bool(mode) or masked, tuple(sketches),
                   partial)


def require_known_checkpoint(p: Any) -> None:
    """ColorizeError when the request names a checkpoint that is not there: the host would take the loaded one."""
    unknown = vars(p).pop(UNKNOWN, "")
    if unknown:
        raise ColorizeError(f"override_settings name the checkpoint {unknown}, which is not on this WebUI's list, and "
                            "the loaded one would take its place; name one of the list (GET /sdapi/v1/sd-models), "
                            "after a refresh where the file is new")


def other_model(p: Any) -> str:
    """Which other model the request wants for a part of its run, one sentence; empty when none."""
    if getattr(p, "refiner_checkpoint", None) not in NONE and (getattr(p, "refiner_switch_at", 1) or 1) < 1:
        return (f"the refiner {p.refiner_checkpoint} would take the place of the colorize checkpoint in the middle "
                "of the run; switch the refiner off")
    if getattr(p, "enable_hr", False) and getattr(p, "hr_checkpoint_name", None) not in NONE:
        return (f"the hires checkpoint {p.hr_checkpoint_name} would take the place of the colorize checkpoint; "
                "set it to \"Use same checkpoint\"")
    return ""


def frames_of(p: Any, job: Job, x: Tensor) -> tuple[Frame, ...]:
    """Where the sketch lies on the canvas of the coming run, whose latent is like x [B, C, h, w]."""
    width, height = x.shape[-1] * PIXELS, x.shape[-2] * PIXELS
    if getattr(p, "is_hr_pass", False):
        return (_hires_frame(p, width, height),)
    parts: Sequence[PaintedPart] = vars(p).get(PARTS, ())
    if parts:
        return tuple(Frame(width, height, Fit.STRETCH, part.box, part.of) for part in parts)
    if job.placements or not hasattr(p, "resize_mode"):  # txt2img has no picture of its own
        return (Frame(width, height, Fit.FILL),)
    if getattr(p, "inpaint_full_res", False) and p.image_mask is not None and p.paste_to:
        left, top, across, down = p.paste_to
        of = p.init_images[0].size
        return (Frame(width, height, Fit.STRETCH, (left, top, left + across, top + down), of),)
    return (Frame(width, height, Fit(p.resize_mode)),)


def _hires_frame(p: Any, width: int, height: int) -> Frame:
    full = Frame(p.hr_upscale_to_x, p.hr_upscale_to_y, Fit.FILL)
    if getattr(p, "latent_scale_mode", None) is not None:  # a latent is stretched to whole steps, a picture is cut
        full = replace(full, width=full.width // PIXELS * PIXELS, height=full.height // PIXELS * PIXELS)
    if (full.width, full.height) == (width, height):
        return full
    left, top = p.truncate_x // 2 * PIXELS, p.truncate_y // 2 * PIXELS
    return replace(full, cut=(left, top, left + width, top + height))


def seeds_of(p: Any, count: int) -> tuple[int, ...]:
    """Of the pictures of the coming run; the host counts on from the last where it names fewer."""
    seeds = [int(seed) for seed in getattr(p, "seeds", None) or [0]]
    return tuple(seeds[i] if i < len(seeds) else seeds[-1] + i - len(seeds) + 1 for i in range(count))


def from_noise(p: Any, settings: JobSettings) -> bool:
    """Whether img2img's run is to start from noise alone."""
    return settings.start is StartFrom.NOISE and not getattr(p, "is_hr_pass", False)


def set_for_job(p: Any, name: str, value: Any) -> None:
    """Set an attribute of the processing object until `put_back`: hosts run one object several times."""
    vars(p).setdefault(SAVED, {}).setdefault(name, getattr(p, name))
    setattr(p, name, value)


def put_back(p: Any, own_methods: Sequence[str]) -> None:
    """Put back what `set_for_job` replaced, and take off the methods that were set on the object itself."""
    for name, value in vars(p).pop(SAVED, {}).items():
        setattr(p, name, value)
    for name in own_methods:
        vars(p).pop(name, None)


def paints_masked_part(p: Any) -> bool:
    """Whether the host cuts the masked part out, paints it at the page's size, puts it back: inpaint, only masked."""
    return (getattr(p, "image_mask", None) is not None and bool(getattr(p, "inpaint_full_res", False))
            and PARTS not in vars(p) and RUNNING.get() is None)


def size_note(p: Any, job: Job) -> str:
    """What to say of a size of the user's own that the checkpoint cannot fill; empty when there is nothing to say."""
    own = job.file.usable().resolution
    if job.placements or p.width * p.height <= MOST_AREAS * own**2:
        return ""
    way = ('choose "Only masked" and switch Size from the sketch on' if getattr(p, "image_mask", None) is not None
           else "choose a smaller width and height, or switch Size from the sketch on")
    return (f"{p.width}x{p.height} pixels are far more than the {own}x{own} that the checkpoint was made for: it "
            f"leaves most of such a picture uncoloured; {way}.")


def set_up(p: Any, job: Job) -> None:
    """What both hosts need before pictures are encoded; ColorizeError for a picture that is too small for them."""
    if not job.placements and min(p.width, p.height) < LEAST:
        raise ColorizeError(f"a picture of {p.width}x{p.height} pixels is too small, expected at least {LEAST} a side; "
                            "choose a larger width and height")
    if job.placements:
        set_for_job(p, "width", job.placements[0].canvas_width)
        set_for_job(p, "height", job.placements[0].canvas_height)
        if getattr(p, "firstpass_image", None) is not None:  # hires fix of a picture that was cut to its sketch
            set_for_job(p, "firstpass_image", on_canvas(job.pages[0].cut(p.firstpass_image), job.placements[0]))
    elif paints_masked_part(p) and job.settings.size_from_sketch:
        place = placement_of((p.width, p.height), job.file, job.settings)
        set_for_job(p, "width", place.canvas_width)
        set_for_job(p, "height", place.canvas_height)
    elif getattr(getattr(p, "firstpass_image", None), "mode", "") == "RGBA":  # for whose alpha the host has no channel
        set_for_job(p, "firstpass_image", over_paper(p.firstpass_image, WHITE))
    given = getattr(p, "init_images", None)
    if given and all(value is None for value in given):  # the page's picture is empty, and the host would stumble
        set_for_job(p, "init_images", [job.sketches[0].convert("RGB")])
    if from_noise(p, job.settings) and hasattr(p, "initial_noise_multiplier"):
        set_for_job(p, "initial_noise_multiplier", 1.0)


def forget_base(p: Any, settings: JobSettings) -> None:
    """Before a run from noise: nothing of img2img's own picture, which is the sketch, goes into the result."""
    if from_noise(p, settings) and hasattr(p, "init_images"):
        p.color_corrections = None
        p.extra_generation_params.pop("Denoising strength", None)


def answered(error: ColorizeError) -> ColorizeError:
    """The same, so that the host's API answers with status 422 and its sentence."""
    vars(error).update(status_code=422, detail=str(error))
    return error


def stop(p: Any, error: Exception) -> None:
    """The host raises `error` as soon as it goes on: at `init`, or when it samples."""
    if isinstance(error, ColorizeError):
        answered(error)

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    p.init = fail
    if getattr(p, "sampler", None) is not None:
        stop_sampler(p.sampler, error)
