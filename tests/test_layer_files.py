"""Layers as PSD, OpenRaster and a folder, read back by other programs' readers."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lib_colorize import whole_file
from lib_colorize.errors import ColorizeError
from lib_colorize.finishing import packbits
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.layer_files import check_layers_path, write_layers
from lib_colorize.finishing.layers import Layer, laid_together
from tests.test_finishing import smeared, two_rooms

JAPANESE = ("線画", "光", "影", "下塗り", "色")


@pytest.fixture(scope="module", params=["opaque", "transparent"])
def layers(request: pytest.FixtureRequest) -> list[Layer]:
    painted = smeared()
    if request.param == "transparent":
        mask = Image.new("L", painted.size)
        mask.paste(255, (6, 6, 58, 58))
        painted.putalpha(mask)
    return finish(np.asarray(two_rooms()), painted).layers(JAPANESE)


def mode_of(layers: list[Layer]) -> str:
    return "RGB" if layers[0].pixels.shape[2] == 3 else "RGBA"


@pytest.mark.parametrize("libtiff", [True, False])
def test_psd_tools_reads_the_document(layers: list[Layer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      libtiff: bool) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    if not libtiff:
        monkeypatch.setattr(packbits.features, "check", lambda name: False)
    write_layers(layers, tmp_path / "out.psd")
    document = psd_tools.PSDImage.open(tmp_path / "out.psd")
    assert [layer.name for layer in document] == [layer.name for layer in layers]
    assert [layer.blend_mode.name.lower() for layer in document] == [layer.blend.value for layer in layers]
    for read, layer in zip(document, layers):
        assert np.array_equal(np.asarray(read.topil().convert("RGBA"))[..., : layer.pixels.shape[2]], layer.pixels)
    assert np.array_equal(np.asarray(document.topil().convert(mode_of(layers))), laid_together(layers))


def test_pillow_reads_the_flattened_picture(layers: list[Layer], tmp_path: Path) -> None:
    write_layers(layers, tmp_path / "out.psd")
    with Image.open(tmp_path / "out.psd") as picture:
        assert np.array_equal(np.asarray(picture.convert(mode_of(layers))), laid_together(layers))


GET = "apt-get install --no-install-recommends gimp imagemagick"
LISTED = """(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "FILE" "x"))))
  (for-each (lambda (id) (gimp-message (string-append "layer " (number->string (car (gimp-layer-get-mode id))) " "
    (car (gimp-item-get-name id))))) (vector->list (cadr (gimp-image-get-layers image)))))"""
MODES = {"normal": {"0", "28"}, "multiply": {"3", "30"}, "screen": {"4", "31"}}  # GIMP's numbers, of 2.8 and of 2.10


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
def test_gimp_opens_it_with_names_and_modes(layers: list[Layer], tmp_path: Path, suffix: str) -> None:
    if shutil.which("gimp") is None:
        pytest.skip(f"GIMP is not installed: {GET}")
    file = tmp_path / f"out{suffix}"
    write_layers(layers, file)
    script = LISTED.replace("FILE", file.as_posix()).replace("\n", " ")
    said = subprocess.run(["gimp", "-n", "-i", "-d", "-f", "-s", "-b", script, "-b", "(gimp-quit 0)"], timeout=120,
                          capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
                          env={**os.environ, "GIMP2_DIRECTORY": str(tmp_path / "gimp")}, check=False)
    if "Unknown file type" in said.stderr:
        pytest.skip("this GIMP has no reader of OpenRaster: its plug-in file-openraster needs GIMP's own Python")
    found = re.findall(r"^.*Warning: layer (\d+) (.+)$", said.stderr, re.MULTILINE)
    assert [name for _, name in found] == [layer.name for layer in reversed(layers)], said.stderr
    assert all(mode in MODES[layer.blend.value] for (mode, _), layer in zip(found, reversed(layers)))


def test_imagemagick_reads_the_same_layers_and_picture(layers: list[Layer], tmp_path: Path) -> None:
    program = next((each for each in ("magick", "convert") if shutil.which(each)), None)
    if program is None:
        pytest.skip(f"ImageMagick is not installed: {GET}")
    write_layers(layers, tmp_path / "out.psd")
    said = subprocess.run([program, str(tmp_path / "out.psd"), "-format", "%m %wx%h %[label]\n", "info:"], timeout=120,
                          capture_output=True, encoding="utf-8", check=True)
    flattened, *found = said.stdout.splitlines()
    known = [layer.name.encode("ascii", "replace").decode() for layer in layers]  # it reads the short names
    assert flattened.strip() == "PSD 640x640" and found == [f"PSD 640x640 {name}" for name in known]
    for number, meant in enumerate((laid_together(layers), *(layer.pixels for layer in layers))):
        subprocess.run([program, f"{tmp_path / 'out.psd'}[{number}]", f"PNG32:{tmp_path / 'one.png'}"], timeout=120,
                       check=True)
        read = np.asarray(Image.open(tmp_path / "one.png").convert("RGBA"))
        assert np.array_equal(read[..., : meant.shape[2]], meant)


def test_openraster_is_as_its_specification_has_it(layers: list[Layer], tmp_path: Path) -> None:
    write_layers(layers, tmp_path / "out.ora")
    with zipfile.ZipFile(tmp_path / "out.ora") as archive:
        first = archive.infolist()[0]
        assert first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED
        assert archive.read("mimetype") == b"image/openraster"
        root = ElementTree.fromstring(archive.read("stack.xml"))
        assert (root.tag, root.get("w"), root.get("h")) == ("image", "640", "640")
        listed = [element.attrib for element in root.findall("stack/layer")]
        assert [each["name"] for each in listed] == [layer.name for layer in reversed(layers)]
        assert [each["composite-op"] for each in listed] == [
            f"svg:{ {'normal': 'src-over'}.get(layer.blend.value, layer.blend.value) }" for layer in reversed(layers)]
        for each, layer in zip(listed, reversed(layers)):
            picture = Image.open(io.BytesIO(archive.read(each["src"])))
            assert np.array_equal(np.asarray(picture), layer.pixels)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(archive.read("mergedimage.png")))),
                              laid_together(layers))
        assert max(Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))).size) <= 256


def test_a_folder_of_pngs_says_its_order(layers: list[Layer], tmp_path: Path) -> None:
    write_layers(layers, tmp_path / "out")
    order = json.loads((tmp_path / "out" / "layers.json").read_text(encoding="utf-8"))["from the bottom"]
    assert [(each["name"], each["blend"]) for each in order] == [(layer.name, layer.blend.value) for layer in layers]
    for each, layer in zip(order, layers):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / each["file"])), layer.pixels)


def test_names_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "there.psd").write_bytes(b"x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_bytes(b"x")
    for name, words in (("a.png", "written as"), ("no/a.psd", "does not exist"), ("there.psd", "--force"),
                        ("full", "--force")):
        with pytest.raises(ColorizeError, match=words):
            check_layers_path(tmp_path / name)
    check_layers_path(tmp_path / "there.psd", force=True)


def test_a_full_disk_leaves_the_old_document(layers: list[Layer], tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "out.psd"
    file.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    with pytest.raises(ColorizeError, match="space"):
        write_layers(layers, file)
    assert [path.name for path in tmp_path.iterdir()] == ["out.psd"] and file.read_bytes() == b"before"


def test_a_transparent_picture_laid_together_is_nothing_outside_its_lines(layers: list[Layer]) -> None:
    whole = laid_together(layers)
    if mode_of(layers) == "RGBA":
        assert whole[20, 20, 3] == 0 and whole[320, 200, 3] == 255 and tuple(whole[60, 320]) == (0, 0, 0, 255)
