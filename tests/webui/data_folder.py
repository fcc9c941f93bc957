"""The folder in which a live host keeps everything it writes, made as a user's would be, and its environment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PROBE = Path(__file__).parent / "probe"
EXTENSION = "sd-webui-colorize-diffusion"
BESIDE = {"lora": "Lora", "controlnet": "ControlNet"}  # what is no checkpoint -> its folder below models/
OPTIONS = {  # config.json of a fresh folder: no files, no previews, noise as the standalone engine draws it
    "samples_save": False, "grid_save": False, "show_progress_every_n_steps": -1, "randn_source": "CPU",
    "auto_launch_browser": "Disable", "show_warnings": False, "live_previews_enable": False,
    "img2img_color_correction": False, "save_incomplete_images": False,
}


def fill(
    folder: Path, extension: bool, probe: bool, files: Iterable[Path] | Mapping[str, Path], options: dict[str, Any],
) -> None:
    """The folder as a user's would be: extensions, models, config.json."""
    (folder / "extensions").mkdir()
    if extension:
        (folder / "extensions" / EXTENSION).symlink_to(ROOT, target_is_directory=True)
    if probe:
        (folder / "extensions" / "aa-probe").symlink_to(PROBE, target_is_directory=True)
    named = files if isinstance(files, Mapping) else {str(file): file for file in files}
    for name, file in named.items():
        target = folder / "models" / BESIDE.get(name, "Stable-diffusion")
        target.mkdir(parents=True, exist_ok=True)
        for each in (file, file.with_suffix(".yaml")):
            if each.exists():
                (target / each.name).symlink_to(each.resolve())
    (folder / "config.json").write_text(json.dumps({**OPTIONS, **options}))


def extension_of(name: str) -> Path | None:
    """The folder of somebody else's extension; None where the environment names none."""
    parent = os.environ.get("COLORIZE_EXTENSIONS_DIR")
    folder = Path(parent, name) if parent else None
    return folder if folder is not None and folder.is_dir() else None


def link_extensions(folder: Path, names: Iterable[str]) -> None:
    """Extensions of others beside ours."""
    for name in names:
        found = extension_of(name)
        assert found is not None, f"no {name} in COLORIZE_EXTENSIONS_DIR"
        (folder / "extensions" / name).symlink_to(found.resolve(), target_is_directory=True)


def live_device() -> str:
    """Where the hosts compute: "cpu", or "cuda" where COLORIZE_LIVE_DEVICE says so."""
    device = os.environ.get("COLORIZE_LIVE_DEVICE") or "cpu"
    assert device in ("cpu", "cuda"), f"COLORIZE_LIVE_DEVICE: found {device!r}, expected cpu or cuda"
    return device


def environment() -> dict[str, str]:
    """Of the host's process. On a card float32 is float32: AUTOMATIC1111 would round its products (TF32)."""
    device = {"cpu": {"CUDA_VISIBLE_DEVICES": ""}, "cuda": {"NVIDIA_TF32_OVERRIDE": "0"}}[live_device()]
    own = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COMMANDLINE_ARGS"}
    return {**{key: value for key, value in os.environ.items() if key not in own},
            "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False",
            "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1", **device}


def keep_log(folder: Path, kind: str) -> None:
    keep, log = os.environ.get("COLORIZE_WEBUI_LOGS"), folder / "log.txt"
    if keep and log.exists():
        Path(keep).mkdir(parents=True, exist_ok=True)
        shutil.copy(log, Path(keep) / f"{kind}-{folder.name}.txt")
