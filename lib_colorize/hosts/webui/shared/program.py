"""What AUTOMATIC1111 and Forge know of themselves, in the same words: settings, folders, the list of checkpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modules import paths, sd_models, shared
from modules.api.api import decode_base64_to_image
from PIL import Image

from ....errors import ColorizeError
from ....method.schedule import Prediction
from ....models.catalogue import Folders, usual_folders
from ...checkpoints import SHIPPED, ColorizeFile
from .patching import Undo, replace_function


def program_version() -> str:
    """The host's version, as far as it knows it."""
    try:
        from modules.launch_utils import git_tag

        return str(git_tag())
    except Exception:  # noqa: BLE001 - only a label
        return "(version unknown)"


def interrupted() -> bool:
    """True when the user stopped or skipped the run."""
    state = shared.state
    return bool(state.interrupted or state.skipped or getattr(state, "stopping_generation", False))


def host_option(name: str, default: Any) -> Any:
    """A value of the settings page, the default where it has none yet."""
    return shared.opts.data.get(name, default)


def told_prediction(file: ColorizeFile) -> Prediction | None:
    """What the file says, else what the user says in the settings; None when it must be probed."""
    chosen = host_option("colorize_prediction", "auto")
    return file.usable().prediction or (Prediction(chosen) if chosen in ("eps", "v") else None)


def unknown_checkpoint(p: Any) -> str:
    """The checkpoint that a request names and the host does not have; "" when there is none.

    To be asked before the host loads: it forgets such a name, and goes on with what is loaded.
    """
    name = (getattr(p, "override_settings", None) or {}).get("sd_model_checkpoint")
    return str(name) if name and sd_models.checkpoint_aliases.get(name) is None else ""


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


def model_folders() -> Folders:
    """Where model files lie: ours, and those of the host and of other extensions."""
    options = shared.cmd_opts
    own = host_option("colorize_models_dir", "") or getattr(options, "colorize_models_dir", None)
    more = {name: [Path(value)] if value else [] for name in ("ckpt_dir", "controlnet_dir")
            for value in [getattr(options, name, None)]}
    return usual_folders(Path(paths.data_path), Path(paths.models_path), Path(own) if own else None,
                         checkpoints=[*more["ckpt_dir"], SHIPPED.parent], controlnet=more["controlnet_dir"])


def fetch_picture(address: str) -> Image.Image:
    """The picture at a web address, by the host's own rules; ColorizeError where they forbid it or it fails."""
    try:
        return decode_base64_to_image(address)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001 - the host raises its own web errors
        reason = getattr(error, "detail", None) or error
        raise ColorizeError(f"{address}: cannot be fetched: {reason}") from None
