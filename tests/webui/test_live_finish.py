"""Finished pictures in live hosts: sketch size, hints, a palette, layers; over the API, saved, without a model.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.webui.reply import Reply, decode, difference, encode

if TYPE_CHECKING:
    from tests.webui.host import Host

SKETCH, OUTSIDE = (512, 352), (8, 8)  # size; a place on its paper
GREEN = (20, 160, 60)


def drawing() -> Image.Image:
    """A closed shape on paper."""
    picture = Image.new("RGB", SKETCH, "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((80, 60, 430, 300), outline="black", width=5)
    draw.line((256, 60, 256, 300), "black", 5)
    return picture


def hints() -> Image.Image:
    """A stroke in the left half."""
    picture = Image.new("RGBA", SKETCH)
    ImageDraw.Draw(picture).line((140, 180, 200, 180), (*GREEN, 255), 12)
    return picture


def coloured(host: Host, arguments: dict[str, Any], tab: str = "txt2img", **fields: Any) -> Reply:
    from lib_colorize.method.settings import Settings
    from tests.webui.jobs import colour

    settings = Settings(steps=6, sampler="Euler", scheduler="Automatic", width=128, height=128, seed=5)  # blotchy below
    mine = {"sketch": encode(drawing()), "size_from_sketch": True, **arguments}
    if tab == "img2img":
        mine.pop("sketch")
    return colour(host, settings, tab, drawing=drawing(), arguments=mine, **fields)


def layers_of(reply: Reply) -> list[dict[str, Any]]:
    return list(reply.info.get("colorize_layers", []))


def at(picture: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(picture.convert("RGB").getpixel(place))  # type: ignore[arg-type]


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int], by: int = 40) -> bool:
    return max(abs(a - b) for a, b in zip(at(picture, place), colour)) <= by


def merged(entry: dict[str, Any]) -> Image.Image:
    """The picture that a file with layers says they give together."""
    content = base64.b64decode(entry["file"])
    if entry["name"].endswith(".psd"):
        return Image.open(io.BytesIO(content)).convert("RGB")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = "mergedimage.png" if entry["name"].endswith(".ora") else "picture.png"
        return Image.open(io.BytesIO(archive.read(name))).convert("RGB")


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_the_sketchs_own_size_with_hints_and_layers(host: Host, tab: str) -> None:
    small = coloured(host, {}, tab)
    assert small.image.width < SKETCH[0] and layers_of(small) == []
    reply = coloured(host, {"result_size": "sketch", "line_overlay": 1, "hints": encode(hints()), "layers": "psd"}, tab)
    assert reply.image.size == SKETCH
    assert near(reply.image, (180, 120), GREEN) and not near(reply.image, (340, 180), GREEN)
    assert max(at(reply.image, (256, 180))) < 60  # a line
    (entry,) = layers_of(reply)
    assert entry["name"] == "layers-0.psd" and "problem" not in entry and "path" not in entry
    assert difference(merged(entry), reply.image) <= 1
    said = reply.infotext
    for key in ("Colorize result size: sketch", "Colorize layers: psd", "Colorize hints hash: ", "Colorize read as: "):
        assert key in said, said


def test_a_palette_and_layers_as_folder_and_openraster(host: Host) -> None:
    colours = [(250, 250, 250), (30, 60, 190)]
    given = {"palette": ["#fafafa", "#1e3cbe"], "line_overlay": 1, "gap": 1.5}
    for kind, suffix in (("png", ".zip"), ("ora", ".ora")):
        reply = coloured(host, {**given, "layers": kind})
        assert reply.image.size == SKETCH
        assert any(near(reply.image, (180, 120), colour) for colour in colours)
        (entry,) = layers_of(reply)
        assert entry["name"] == f"layers-0{suffix}" and difference(merged(entry), reply.image) <= 1
    assert "Colorize palette hash: " in reply.infotext and "Colorize line gap: 1.5" in reply.infotext


def test_every_picture_of_a_batch_has_its_layers(host: Host) -> None:
    reply = coloured(host, {"layers": "psd", "line_overlay": 1}, batch_size=2, n_iter=2)
    found = layers_of(reply)
    assert [entry["picture"] for entry in found] == [0, 1, 2, 3]
    for picture, entry in zip(reply.images[-4:], found):
        assert difference(merged(entry), picture) <= 1


def test_layers_lie_beside_the_saved_picture(host: Host) -> None:
    def files() -> set[Path]:
        return {path for path in host.folder.rglob("*") if path.suffix in (".png", ".psd", ".ora") and path.is_file()
                and "models" not in path.parts and "extensions" not in path.parts}

    before = files()
    saving = {"sd_model_checkpoint": "colorize-small", "samples_save": True}
    reply = coloured(host, {"layers": "psd", "result_size": "sketch"}, save_images=True, override_settings=saving,
                     override_settings_restore_afterwards=True)
    made = files() - before
    try:
        (saved,) = [path for path in made if path.suffix == ".png"]
        (layered,) = [path for path in made if path.suffix == ".psd"]
        assert layered == saved.with_suffix(".psd")
        assert layers_of(reply)[0]["path"] == str(layered)
        assert difference(Image.open(layered).convert("RGB"), Image.open(saved).convert("RGB")) <= 1
    finally:
        for path in made:
            path.unlink()


def test_hires_fix_keeps_its_size_unless_the_sketchs_is_asked_for(host: Host) -> None:
    more = {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "denoising_strength": 0.6,
            "hr_second_pass_steps": 2}
    if host.kind == "forge":
        more["hr_additional_modules"] = ["Use same choices"]
    plain = coloured(host, {}, **more)
    hinted = coloured(host, {"hints": encode(hints()), "layers": "psd"}, **more)
    assert hinted.image.size == plain.image.size
    scale = plain.image.width / SKETCH[0]
    assert near(hinted.image, (round(180 * scale), round(120 * scale)), GREEN)
    assert merged(layers_of(hinted)[0]).size == SKETCH
    assert coloured(host, {"result_size": "sketch"}, **more).image.size == SKETCH


def test_a_size_of_the_users_own_shows_the_hint_in_its_place(host: Host) -> None:
    reply = coloured(host, {"size_from_sketch": False, "hints": encode(hints())})
    assert reply.image.size == (128, 128)  # the sketch lies in the middle, 128x88
    assert near(reply.image, (45, 20 + 30), GREEN)
    whole = coloured(host, {"size_from_sketch": False, "result_size": "sketch"})
    assert whole.image.size == SKETCH


@pytest.mark.parametrize(("arguments", "fields", "says"), [
    ({"result_size": "sketch"}, {"mask": True}, "result size sketch: not to be had here, inpainting"),
    ({"layers": "psd", "palette": "#ffffff"}, {"resize_mode": 1}, "a palette, layers: not to be had here, this resize"),
    ({"hints": "small"}, {}, "the hints are 64x64, the sketch 512x352"),
    ({"palette": "AAAA"}, {}, "the palette: neither a palette"),
    ({"layers": "kra"}, {}, "Layers: found 'kra', expected one of 'none', 'psd', 'ora', 'png'"),
])
def test_what_cannot_be_combined_is_one_sentence(
    host: Host, arguments: dict[str, Any], fields: dict[str, Any], says: str,
) -> None:
    from tests.webui.jobs import mask

    given = {name: encode(hints().resize((64, 64))) if value == "small" else value for name, value in arguments.items()}
    more = {name: encode(mask(*SKETCH)) if value is True else value for name, value in fields.items()}
    reply = coloured(host, given, "img2img", **more)
    assert reply.status == 422 and says in reply.message, (reply.status, reply.message)


def test_a_finished_picture_is_taken_apart_and_put_right_without_a_model(host: Host) -> None:
    from tests.webui.checkpoints import PLAIN
    from tests.webui.jobs import plain

    picture = coloured(host, {}).image
    assert plain(host, PLAIN).status == 200  # no colorize checkpoint is loaded now
    sent = {"sketch": encode(drawing()), "coloured": encode(picture)}
    reply = host.post("/colorize-diffusion/touch-up", {**sent, "hints": encode(hints())})
    assert reply.status == 200, reply.message
    better = decode(reply.body["image"])
    assert better.size == SKETCH and near(better, (180, 120), GREEN) and reply.body["changed"] >= 1
    layered = host.post("/colorize-diffusion/layers", {**sent, "coloured": reply.body["image"], "format": "ora"})
    assert layered.status == 200, layered.message
    assert difference(merged(layered.body), better) <= 1
    refused = host.post("/colorize-diffusion/layers", {"sketch": sent["sketch"]})
    assert refused.status == 422 and "no coloured picture" in refused.message


def test_a_pasted_text_sets_what_finishes_again(host: Host) -> None:
    first = coloured(host, {"result_size": "sketch", "line_overlay": 1, "layers": "psd", "gap": 2}, "img2img")
    again = coloured(host, {}, "img2img", infotext=first.infotext)  # Forge takes none in txt2img
    assert again.image.size == SKETCH and difference(again.image, first.image) == 0
    assert json.loads(again.body["info"])["colorize_layers"][0]["name"] == "layers-0.psd"


def test_nothing_is_left_behind(host: Host) -> None:
    from tests.webui.undone import leftovers

    before = coloured(host, {})
    assert coloured(host, {"result_size": "sketch", "hints": encode(hints()), "layers": "psd"}).status == 200
    assert leftovers(host) == []
    after = coloured(host, {})
    assert after.md5 == before.md5 and after.infotext == before.infotext
    assert np.asarray(after.image).std() > 0 and layers_of(after) == []
