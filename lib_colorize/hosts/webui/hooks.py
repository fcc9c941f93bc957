"""What the script of the WebUI calls: every hook of a run, and what the page asks for.

Hosts print and then ignore what a hook raises, and an uncoloured picture without an error would be the worst of all;
each hook therefore hands its error to the host in a way that stops the run (`_loud`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ... import __version__
from ...errors import ColorizeError
from ...models.catalogue import Folders
from ...pictures.unused import told_unused
from .. import checkpoint_status, sketch_preview
from ..checkpoint_status import Status
from ..job import Job, ready_file, start
from ..reference_heat_map import heat_map_of
from ..request import Request, asks, names_nothing, parse
from ..settings import PREFIX, JobSettings, StartFrom
from ..sketches import decode
from . import axes
from . import routes as api
from .shared.finished_pictures import FailedPicture, finished_picture
from .shared.layer_saving import end_layers, forget_layers, layer_files, start_layers, write_beside
from .shared.processing import host_run, require_known_checkpoint, size_note
from .shared.tiles import RUNNING, painted_in_parts, require_own_sampling, sampled_past_us
from .shared.transparency import transparency_note

if TYPE_CHECKING:
    from .shared.patching import Undo
    from .shared.webui import WebUI

TITLE = "ColorizeDiffusion"
JOB, RESULTS = "colorize_job", "colorize_results"  # on a processing object


def _find_host() -> WebUI:
    """The adapter of the WebUI that this runs in; ColorizeError in one that has none."""
    from modules.scripts import Script

    if importlib.util.find_spec("backend") and importlib.util.find_spec("backend.diffusion_engine"):
        if not importlib.util.find_spec("backend.diffusion_engine.sd20"):
            raise ColorizeError(f"{TITLE}: this WebUI is Forge Neo, or another without Stable Diffusion 2 networks, "
                                "which is not supported; use AUTOMATIC1111 1.10 or Forge 2.0, or the command line")
        from .forge.adapter import Forge

        return Forge()
    for package, name in (("ldm_patched", "reForge or Forge Classic"), ("modules_forge", "another relative of Forge")):
        if importlib.util.find_spec(package):
            raise ColorizeError(f"{TITLE}: this WebUI is {name}, which is not supported; use AUTOMATIC1111 1.10 or "
                                "Forge 2.0, or the command line")
    if not hasattr(Script, "process_before_every_sampling"):
        raise ColorizeError(f"{TITLE}: this AUTOMATIC1111 is older than 1.10; update it")
    from .a1111.adapter import A1111

    return A1111()


_host: WebUI | None = None
_undo: list[Undo] = []


def host() -> WebUI:
    """The WebUI that this runs in."""
    global _host
    if _host is None:
        _host = _find_host()
    return _host


def install() -> None:
    """Once when the script is loaded; what an earlier load left is taken off first."""
    from modules import script_callbacks

    uninstall()
    _undo.extend(host().install())
    script_callbacks.on_app_started(lambda demo, app: api.add_routes(app, host()))
    script_callbacks.on_before_ui(axes.add_axes)
    script_callbacks.on_image_saved(write_beside)
    script_callbacks.on_script_unloaded(uninstall)


def uninstall() -> None:
    """Leave the host as it was."""
    while _undo:
        _undo.pop()()


def _loud(hook: Callable[..., None]) -> Callable[..., None]:
    def guarded(p: Any, *args: Any) -> None:
        try:
            hook(p, *args)
        except Exception as error:
            host().stop(p, error)
            if not isinstance(error, ColorizeError):
                raise  # the host prints where it happened

    return guarded


def before_process(p: Any, args: Sequence[Any]) -> None:
    """Before the host loads a checkpoint: nothing is left of a load that failed."""
    host().before_load(p, asks(args))


@_loud
def process(p: Any, args: Sequence[Any]) -> None:
    """Take off what an earlier run left on this object; read the request, encode the reference, prepare the host.

    All that can be refused is refused here.
    """
    before = vars(p).pop(JOB, None)
    results = vars(p).pop(RESULTS, ())
    host().release(p)
    forget_layers(p)
    for key in [key for key in p.extra_generation_params if key.startswith(PREFIX)]:
        del p.extra_generation_params[key]
    request = parse(args)
    if request is None:
        _say_if_ignored(p, args)
        return
    request = request.with_settings(getattr(p, axes.CHOSEN, {}))
    again = before is not None and any(given is result for given in getattr(p, "init_images", None) or ()
                                       for result in results)
    require_known_checkpoint(p)
    ready_file(host())  # without it nothing else matters
    require_own_sampling()
    refusal = host().refusal(p)
    if refusal:
        raise ColorizeError(refusal)
    request = _in_parts(p, request)
    note = transparency_note(p, request.settings, host().option)
    job = start(host(), request, host_run(p, before.sketches if again else ()))
    for said in (*filter(None, (note,)), *job.told, *told_unused(job.settings, job.extras)):
        host().say(p, said)
    start_layers(p, request.settings.layers, host().option)
    host().prepare(p, job)
    too_large = size_note(p, job)
    if too_large:
        host().say(p, too_large)
    p.extra_generation_params.update(job.infotext())
    setattr(p, JOB, job)


def _in_parts(p: Any, request: Request) -> Request:
    """The request as a script that paints its picture in parts needs it: from the picture itself, not from noise."""
    sketch = decode(host(), request.sketch, "the sketch")
    script = painted_in_parts(p, sketch is not None)
    if not script:
        return request
    if sketch is None and request.settings.extractor == "none":
        raise ColorizeError(f"the script {script} paints img2img's picture in parts and keeps its colours, so the "
                            "sketch is missing; put the coloured picture into img2img and its sketch into the "
                            "extension's sketch box, or choose a line extractor")
    if request.settings.start is StartFrom.BASE:
        return request
    host().say(p, f"{script} paints in parts, so {TITLE} kept the picture's colours (keep base): from pure noise each "
                  "part would get colours of its own.")
    return request.with_settings({"start": StartFrom.BASE.value})


@_loud
def before_sampling(p: Any, args: Sequence[Any], x: Any) -> None:
    """Attach the conditioning to the coming run of the sampler; x: its latent, or noise of its shape."""
    job = vars(p).get(JOB)
    if job is not None:
        host().colour(p, job, x)


def postprocess_image(p: Any, pp: Any, args: Sequence[Any]) -> None:
    """Cut one decoded picture to its sketch and draw the lines over it. An error replaces the picture."""
    job: Job | None = vars(p).get(JOB)
    if job is None:
        return
    try:
        if job.run is None:
            raise sampled_past_us()
        pp.image = finished_picture(p, job, pp.image, host().say)
    except Exception as error:  # noqa: BLE001 - the host would go on with the unfinished picture
        pp.image = FailedPicture(error)


def postprocess(p: Any, processed: Any, args: Sequence[Any]) -> None:
    """Remember the results, by which a loop is told from a new sketch; let go of what sampling needed."""
    job: Job | None = vars(p).get(JOB)
    if job is not None:
        setattr(p, RESULTS, tuple(processed.images))
        end_layers(p, processed)
        job.forget_tensors()
    running = RUNNING.get()
    if running is not None:
        running.results = tuple(processed.images)


def _say_if_ignored(p: Any, args: Sequence[Any]) -> None:
    if host().loaded_file() is None:
        return
    name = Path(host().chosen_path()).stem
    if names_nothing(args):
        raise ColorizeError(f"{name} is a colorize checkpoint, and {TITLE} is given no arguments; name at least a "
                            "reference, or say \"enabled\": false")
    note = (f"{name} is a colorize checkpoint: with {TITLE} switched off it draws at random, and prompts have no "
            "effect. Open its panel below to switch it on.")
    host().say(p, note)
    host().show_progress(note)  # now; the line under the result comes after the run


def status() -> Status:
    """What the page says about the checkpoint that the next run will use."""
    return checkpoint_status.checkpoint_status(host())


def preview(image: Any, settings: JobSettings) -> tuple[Image.Image, str]:
    """What the model will see of a sketch, and how it was read, as in `sketch_preview`."""
    return sketch_preview.preview_and_reading(host(), image, settings)


def size_for(image: Any, settings: JobSettings) -> tuple[int, int]:
    """(width, height) that a sketch gets at the loaded checkpoint's own size."""
    return sketch_preview.size_for_sketch(host(), image, settings)


def reference_heat_map(picture: Any, text: str, settings: JobSettings) -> Image.Image:
    """The reference with what the text finds in it, by the chosen checkpoint's encoder."""
    return heat_map_of(host(), picture, text, settings)


def written_layers(information: str) -> list[str]:
    """The files with layers of a page's results, by the JSON that the host made of these."""
    return layer_files(information)


def folders() -> Folders:
    """Where model files lie."""
    return host().folders()


def version() -> str:
    """The extension's own version."""
    return __version__
