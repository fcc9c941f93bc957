"""Nothing is left behind: no hook on the networks, and plain jobs as in a WebUI without the extension."""

from __future__ import annotations

from typing import Any

from tests.webui.checkpoints import PLAIN
from tests.webui.host import Host
from tests.webui.jobs import SIZE, mask, plain, reference
from tests.webui.reply import Reply, encode

PLAIN_JOBS: dict[str, dict[str, Any]] = {
    "txt2img": {},
    "batch": {"batch_size": 2, "n_iter": 2, "sampler_name": "DPM++ 2M", "scheduler": "Karras"},
    "ancestral": {"sampler_name": "Euler a", "negative_prompt": "a dog", "width": 72, "height": 88},
    "timesteps": {"sampler_name": "DDIM", "prompt": "a [cat:dog:0.5] AND a house"},
    "hires": {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "denoising_strength": 0.7,
              "hr_second_pass_steps": 2},
    "img2img": {"tab": "img2img", "denoising_strength": 0.6},
    "inpaint": {"tab": "img2img", "denoising_strength": 0.6, "masked": True, "inpainting_fill": 1,
                "inpaint_full_res": True, "inpaint_full_res_padding": 8},
}
OF_THE_HOST = (" of modules", ".train of", ".is_a_lora_module")  # A1111 does this itself, more of it to save memory


def run_plain(host: Host, name: str) -> Reply:
    """One of PLAIN_JOBS, with the plain checkpoint.

    In img2img hosts draw the VAE's posterior from the global generator, which the run before has left somewhere; a
    txt2img of fixed seed before it makes the picture repeat.
    """
    fields = dict(PLAIN_JOBS[name])
    if host.kind == "forge" and fields.get("enable_hr"):
        fields["hr_additional_modules"] = ["Use same choices"]
    if fields.get("tab") == "img2img":
        plain(host, PLAIN)
        fields["init_images"] = [encode(reference().resize((SIZE, SIZE)))]
    if fields.pop("masked", False):
        fields["mask"] = encode(mask())
    return plain(host, PLAIN, **fields)


def leftovers(host: Host) -> list[str]:
    """What hangs on the loaded networks and is not the host's own."""
    state = host.get("/probe/state").body
    found = [line for line in state["leftovers"] if not any(own in line for own in OF_THE_HOST)]
    for name, options in state["forge"].items():
        touched = options["model_options"] != ["transformer_options"] or options["transformer_options"]
        if touched and name != "current":  # the last run's clone stays until the next run's beginning
            found.append(f"forge {name}: {options}")
    return found
