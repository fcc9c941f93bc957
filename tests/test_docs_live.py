"""The pages against running WebUIs: the sanity check, and the examples of docs/api.md as they are printed.

Skipped where the environment names no install; see tests/webui/host.py.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.webui.host import KINDS, install_of

if TYPE_CHECKING:
    from tests.webui.host import Host

ROOT = Path(__file__).parent.parent
EXPECTED = ROOT / "docs" / "images" / "sanity-check.png"
LIMIT = 2  # of 255, the largest difference of any pixel


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Code blocks of a page of docs/, "" for those without a language."""
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.S)


@pytest.fixture(scope="module", params=KINDS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    if install_of(request.param) is None:
        pytest.skip(f"no install: COLORIZE_{request.param.upper()}_DIR and _PYTHON are not set")
    from tests.webui.host import Host

    with Host.start(request.param, probe=False) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to run printed commands in; examples/ and docs/ are there."""
    for name in ("examples", "docs"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    return tmp_path


def difference(picture: Path | Image.Image) -> int:
    from tests.webui import reply

    one = Image.open(picture) if isinstance(picture, Path) else picture
    return reply.difference(one.convert("RGB"), Image.open(EXPECTED).convert("RGB"))


def run(host: Host, program: list[str], text: str, folder: Path) -> None:
    """A printed program, with the host's own port in the place of the usual one."""
    port = host.url.rpartition(":")[2]
    subprocess.run([*program, text.replace("7860", port)], cwd=folder, check=True, timeout=300)


def request(**more: Any) -> dict[str, Any]:
    """The page's own job: the settings of docs/sanity-check.md."""
    from lib_colorize.pictures.picture_files import open_image
    from tests.webui.reply import encode

    sketch, reference = (encode(open_image(ROOT / "examples" / name)) for name in
                         ("sketches/dog.png", "references/sunrise.png"))
    return {"init_images": [sketch], "width": 512, "height": 512, "steps": 20, "sampler_name": "DPM++ 2M",
            "scheduler": "Karras", "seed": 0, "override_settings": {"sd_model_checkpoint": "colorize-small"},
            "alwayson_scripts": {"ColorizeDiffusion": {"args": [
                {"reference": reference, "size_from_sketch": True, **more}]}}}


def test_the_sanity_check_gives_the_expected_picture_and_text(host: Host) -> None:
    answer = host.img2img(**request())
    found = difference(answer.image)
    print(f"{host.kind}: {found} of 255")
    assert found <= LIMIT
    texts = [block.strip() for block in blocks("sanity-check.md", "") if block.startswith("Steps")]
    printed = {text.rpartition(", Version: ")[0] for text in texts}
    found_text = answer.infotext.replace("CFG scale: 7.0", "CFG scale: 7")  # the page has a whole number there
    assert len(texts) == 2 and printed == {found_text.rpartition(", Version: ")[0]}


def test_the_curl_examples_work_as_printed(host: Host, place: Path) -> None:
    for text in blocks("api.md", "bash"):
        run(host, ["bash", "-e", "-o", "pipefail", "-c"], text, place)
    assert difference(place / "dog.png") <= LIMIT
    assert json.loads((place / "preview.json").read_text())["image"]


def test_the_python_examples_work_as_printed(host: Host, place: Path) -> None:
    whole, layers = blocks("api.md", "python")
    run(host, [sys.executable, "-c"], whole, place)
    assert 20 < difference(place / "dog-python.png") < 256, "with lines over it, it is another picture"
    (place / "answer.json").write_text(json.dumps(host.img2img(**request(layers="psd")).body))
    layers = "import base64, json\n" + layers.replace("json.load(...)", 'json.load(open("answer.json"))')
    run(host, [sys.executable, "-c"], layers, place)
    (made,) = place.glob("*.psd")
    assert made.read_bytes()[:4] == b"8BPS"


def test_the_comparison_works_as_printed(host: Host, place: Path) -> None:
    (place / "YOUR_RESULT.png").write_bytes(EXPECTED.read_bytes())
    (text,) = [text for text in blocks("sanity-check.md", "bash") if "YOUR_RESULT" in text]
    program = text.replace("python3", sys.executable)
    answer = subprocess.run(["bash", "-c", program], cwd=place, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "0"


def test_an_infotext_is_replayed_as_described(host: Host) -> None:
    first = host.img2img(**request(reference_guidance=3))
    body = request()
    size_of_first = dict(zip(("width", "height"), first.image.size))
    again = {"infotext": first.infotext, "init_images": body["init_images"], **size_of_first}
    del body["alwayson_scripts"]["ColorizeDiffusion"]["args"][0]["size_from_sketch"]
    answer = host.img2img(**again, alwayson_scripts=body["alwayson_scripts"])
    assert answer.infotext == first.infotext and answer.md5 == first.md5


def test_an_error_has_the_printed_form(host: Host) -> None:
    (printed,) = [json.loads(text) for text in blocks("api.md", "json") if text.startswith('{"error"')]
    if host.kind == "forge":
        printed["message"] = printed.pop("errors")
    reply = host.img2img(**request(reference_guidance=99))
    assert reply.status == 422 and reply.body == printed
