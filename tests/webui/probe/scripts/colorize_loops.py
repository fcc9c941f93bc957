"""For tests: the host's batch tab as a script that the API can call, and the latents of the last job.

script_name "Probe batch", script_args [folder of pictures, folder for results]   img2img's batch tab
GET /probe/latents                                                                the last job's, before decoding
"""

from __future__ import annotations

from typing import Any

from modules import img2img, script_callbacks, scripts

latents: list[Any] = []


class Batch(scripts.Script):
    """The function behind the batch tab, on this request's own processing object."""

    def title(self) -> str:
        return "Probe batch"

    def show(self, is_img2img: bool) -> bool:
        return is_img2img

    def ui(self, is_img2img: bool) -> list[Any]:
        import gradio as gr

        return [gr.Textbox("", label="probe from"), gr.Textbox("", label="probe to")]

    def run(self, p: Any, source: str, target: str) -> Any:
        return img2img.process_batch(p, source, target, "", [0, *p.script_args[1:]])


class Latents(scripts.Script):
    """Keeps what was sampled."""

    def title(self) -> str:
        return "Probe latents"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def post_sample(self, p: Any, ps: Any, *args: Any) -> None:
        if not getattr(ps.samples, "already_decoded", False):
            latents[:] = ps.samples.float().cpu().tolist()


def routes(_: Any, app: Any) -> None:
    @app.get("/probe/latents")
    def get_latents() -> list[Any]:
        return latents


script_callbacks.on_app_started(routes)
