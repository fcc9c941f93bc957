"""Layers as OpenRaster (baseline 0.0.6), which Krita, GIMP, MyPaint and others open."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree

from PIL import Image

from .layers import Blend, Layer, laid_together

OPERATORS = {Blend.NORMAL: "svg:src-over", Blend.MULTIPLY: "svg:multiply", Blend.SCREEN: "svg:screen"}
THUMBNAIL = 256  # px, longer side, of the format
LEVEL = 3  # of zlib: a third of the time of the default, files a tenth larger


def openraster(layers: Sequence[Layer]) -> bytes:
    """The archive, layers from the bottom up."""
    height, width = layers[0].pixels.shape[:2]
    image = ElementTree.Element("image", version="0.0.6", w=str(width), h=str(height))
    stack = ElementTree.SubElement(image, "stack")
    merged = Image.fromarray(laid_together(layers))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", "image/openraster")
        for number, layer in reversed(list(enumerate(layers))):  # the first in the stack is the topmost
            name = f"data/layer{number}.png"
            ElementTree.SubElement(stack, "layer", {
                "name": layer.name, "src": name, "x": "0", "y": "0", "opacity": "1.0", "visibility": "visible",
                "composite-op": OPERATORS[layer.blend]})
            archive.writestr(name, png(Image.fromarray(layer.pixels)))
        archive.writestr("stack.xml", ElementTree.tostring(image, "utf-8", xml_declaration=True))
        archive.writestr("mergedimage.png", png(merged))
        small = merged.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        archive.writestr("Thumbnails/thumbnail.png", png(small))
    return file.getvalue()


def png(picture: Image.Image) -> bytes:
    """The picture as the bytes of a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=LEVEL)
    return file.getvalue()
