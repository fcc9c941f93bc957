"""What AUTOMATIC1111 and Forge have in common: the processing object, settings, folders."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import paths, sd_models, shared
from modules.api.api import decode_base64_to_image
from PIL import Image

from ....errors import ColorizeError
from ....method.attach import Attachment
from ....method.schedule import Prediction
from ....method.settings import Settings
from ....models.catalogue import Folders, usual_folders
from ...checkpoints import SHIPPED, ColorizeFile
from ...host import Undo
from ...settings import JobSettings, Start
from .patching import replace_function
from .sampling import stop_sampler

if TYPE_CHECKING:
    from ...job import Job

NONE = (None, "", "None", "none", "Use same checkpoint")
SAVED = "colorize_saved"  # on a processing object: what `set_for_job` has replaced


def version() -> str:
    """The host's version, as far as it knows it."""
    try:
        from modules.launch_utils import git_tag

        return str(git_tag())
    except Exception:  # noqa: BLE001 - only a label
        return "(version unknown)"


def from_noise(p: Any, settings: Settings) -> bool:
    """Whether img2img's run is to start from noise alone."""
    return isinstance(settings, JobSettings) and settings.start is Start.NOISE and not getattr(p, "is_hr_pass", False)


def set_for_job(p: Any, name: str, value: Any) -> None:
    """Set an attribute of the processing object until `release`: hosts run one object several times."""
    vars(p).setdefault(SAVED, {}).setdefault(name, getattr(p, name))
    setattr(p, name, value)


def prepare(p: Any, job: Job) -> None:
    """What both hosts need before pictures are encoded."""
    if job.placement is not None:
        set_for_job(p, "width", job.placement.canvas_width)
        set_for_job(p, "height", job.placement.canvas_height)
    given = getattr(p, "init_images", None)
    if given and all(value is None for value in given):  # the page's picture is empty, and the host would stumble
        set_for_job(p, "init_images", [job.sketches[0].convert("RGB")])
    if from_noise(p, job.settings) and hasattr(p, "initial_noise_multiplier"):
        set_for_job(p, "initial_noise_multiplier", 1.0)


def forget_base(p: Any, settings: Settings) -> None:
    """Before a run from noise: nothing of img2img's own picture, which is the sketch, goes into the result."""
    if from_noise(p, settings) and hasattr(p, "init_images"):
        p.color_corrections = None
        p.extra_generation_params.pop("Denoising strength", None)


def require_calls(attachment: Attachment) -> None:
    """After sampling: ColorizeError when the U-Net never showed sketch and reference."""
    if not attachment.calls and not interrupted():
        raise ColorizeError("the sampler never ran the checkpoint's own U-Net, so nothing was coloured; switch off "
                            "what replaces it, or take more steps (DDIM takes none when told one)")


def interrupted() -> bool:
    """True when the user stopped or skipped the run."""
    state = shared.state
    return bool(state.interrupted or state.skipped or getattr(state, "stopping_generation", False))


def option(name: str, default: Any) -> Any:
    """A value of the settings page, the default where it has none yet."""
    return shared.opts.data.get(name, default)


def told_prediction(file: ColorizeFile) -> Prediction | None:
    """What the file says, else what the user says in the settings; None when it must be probed."""
    chosen = option("colorize_prediction", "auto")
    return file.usable().prediction or (Prediction(chosen) if chosen in ("eps", "v") else None)


def list_shipped() -> Undo:
    """The shipped checkpoint is in the host's list, after the user's own; returns how to undo that."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def list_models() -> None:
            original()
            register()

        return list_models

    def register() -> None:
        if SHIPPED.exists():
            sd_models.CheckpointInfo(str(SHIPPED)).register()

    register()  # the host has made its list before it loads scripts
    return replace_function(sd_models, "list_models", make)


class WebUI:
    """The part of the protocol of base.py that is the same in both."""

    own_methods: tuple[str, ...] = ("init",)  # what `prepare` and `stop` set on a processing object

    def refusal(self, p: Any) -> str:
        """What of this request cannot be coloured, one sentence; empty when nothing is in the way."""
        if getattr(p, "refiner_checkpoint", None) not in NONE and (getattr(p, "refiner_switch_at", 1) or 1) < 1:
            return (f"the refiner {p.refiner_checkpoint} would take the place of the colorize checkpoint in the middle "
                    "of the run; switch the refiner off")
        if getattr(p, "enable_hr", False) and getattr(p, "hr_checkpoint_name", None) not in NONE:
            return (f"the hires checkpoint {p.hr_checkpoint_name} would take the place of the colorize checkpoint; "
                    "set it to \"Use same checkpoint\"")
        return ""

    def stop(self, p: Any, error: Exception) -> None:
        """The host raises `error` as soon as it goes on: at `init`, or when it samples."""
        if isinstance(error, ColorizeError):
            error.status_code, error.detail = 422, str(error)  # type: ignore[attr-defined]  # the API answers with them

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise error

        p.init = fail
        if getattr(p, "sampler", None) is not None:
            stop_sampler(p.sampler, error)

    def release(self, p: Any) -> None:
        """Put back what `set_for_job` replaced, and take off the methods that were set on the object itself."""
        for name, value in vars(p).pop(SAVED, {}).items():
            setattr(p, name, value)
        for name in self.own_methods:
            vars(p).pop(name, None)

    def interrupted(self) -> bool:
        return interrupted()

    def say(self, p: Any, text: str) -> None:
        p.comment(text)

    def show_progress(self, text: str) -> None:
        shared.state.textinfo = text or None

    def folders(self) -> Folders:
        """Where model files lie: ours, and those of the host and of other extensions."""
        options = shared.cmd_opts
        own = option("colorize_models_dir", "") or getattr(options, "colorize_models_dir", None)
        more = {name: [Path(value)] if value else [] for name in ("ckpt_dir", "controlnet_dir")
                for value in [getattr(options, name, None)]}
        return usual_folders(Path(paths.data_path), Path(paths.models_path), Path(own) if own else None,
                             checkpoints=[*more["ckpt_dir"], SHIPPED.parent], controlnet=more["controlnet_dir"])

    def picture_folders(self) -> Sequence[str]:
        """Where the API may read pictures from: what the server's owner has opened to gradio."""
        return tuple(getattr(shared.cmd_opts, "gradio_allowed_path", None) or ())

    def fetch_picture(self) -> Callable[[str], Image.Image] | None:
        """Reads a picture from a web address by the host's own rules; None where its settings forbid all."""
        if not shared.opts.data.get("api_enable_requests", True):
            return None

        def fetch(address: str) -> Image.Image:
            try:
                return decode_base64_to_image(address)  # type: ignore[no-any-return]
            except Exception as error:  # noqa: BLE001 - the host raises its own web errors
                reason = getattr(error, "detail", None) or error
                raise ColorizeError(f"{address}: cannot be fetched: {reason}") from None

        return fetch

    def option(self, name: str, default: Any) -> Any:
        return option(name, default)
