"""Line extractors: lines where edges are; the two networks against their public key names and plain arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy.ndimage import correlate1d
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset.extractor_networks import Anime2Sketch, SketchKeras
from training.dataset.extractors import REGISTRY, Choice, Mixture, register_maker
from training.dataset.network_extractors import high_pass

SIZE = (96, 80)


def picture() -> Image.Image:
    image = Image.new("RGB", SIZE, (250, 240, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, 60, 60), fill=(90, 140, 200), outline="black", width=2)
    draw.rectangle((70, 10, 85, 70), fill=(200, 120, 120))  # an edge without an outline
    return image


@pytest.mark.parametrize("name", ["lineart", "edges"])
def test_classical_extractors_draw_black_lines_on_white_paper(name: str) -> None:
    lines, drawn_by = Mixture([Choice(name)])("x", picture())
    pixels = np.asarray(lines)
    assert lines.mode == "L" and lines.size == SIZE and drawn_by == name
    assert pixels[20:61, 19:23].min(axis=1).max() < 128  # each row of the left outline holds a line
    assert (pixels[2:8] > 240).all() and (pixels[32:48, 32:48] > 240).all()


def test_edges_finds_what_has_no_outline() -> None:
    by = {name: np.asarray(Mixture([Choice(name)])("x", picture())[0]) for name in ("edges", "lineart")}
    assert by["edges"][20:60, 68:73].min(axis=1).max() < 128


def test_a_picture_of_one_colour_is_refused() -> None:
    for name in ("lineart", "edges"):
        with pytest.raises(ColorizeError, match="finds no lines"):
            Mixture([Choice(name)])("x", Image.new("RGB", (64, 64), "teal"))
    with pytest.raises(ColorizeError, match="no lines"):
        high_pass(Image.new("RGB", (64, 64), "teal"))


def test_a_new_extractor_is_registered_once() -> None:
    register_maker("black frame", lambda weights, device: lambda image: Image.new("L", image.size, 0))
    try:
        with pytest.raises(ColorizeError, match="registered already"):
            register_maker("black frame", lambda weights, device: lambda image: image)
        register_maker("half", lambda weights, device: lambda image: Image.linear_gradient("L").resize(image.size))
        assert Mixture([Choice("half")])("x", picture())[1] == "half"
    finally:
        REGISTRY.pop("black frame")
        REGISTRY.pop("half", None)


# Anime2Sketch

def random_state(network: torch.nn.Module, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, value in network.state_dict().items():
        if value.dtype == torch.int64:
            state[key] = value
        elif key.endswith("running_var"):
            state[key] = 0.5 + torch.rand(value.shape, generator=generator)
        else:
            state[key] = 0.3 * torch.randn(value.shape, generator=generator)
    return state


def anime2sketch_by_hand(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    """pix2pix's U-Net of 8 levels, read off the key names."""
    def conv(x: Tensor, prefix: str) -> Tensor:
        return F.conv2d(x, state[f"{prefix}.weight"], state[f"{prefix}.bias"], stride=2, padding=1)

    def up(x: Tensor, prefix: str) -> Tensor:
        return F.conv_transpose2d(F.relu(x), state[f"{prefix}.weight"], state[f"{prefix}.bias"], stride=2, padding=1)

    downs, prefix = [conv(x, "model.model.0")], "model.model.1"
    for level in range(7):
        y = conv(F.leaky_relu(downs[-1], 0.2), f"{prefix}.model.1")
        downs.append(y if level == 6 else F.instance_norm(y))
        prefix += ".model.3"
    y = downs.pop()
    for level in range(6, -1, -1):
        prefix = "model.model.1" + ".model.3" * level
        y = torch.cat([downs.pop(), F.instance_norm(up(y, f"{prefix}.model.{3 if level == 6 else 5}"))], dim=1)
    return torch.tanh(up(y, "model.model.3"))


@torch.no_grad()
def test_anime2sketch_is_the_published_network() -> None:
    network = Anime2Sketch(width=2).eval()
    state = random_state(network)
    network.load_state_dict(state)
    x = torch.randn(1, 3, 512, 512, generator=torch.Generator().manual_seed(1))
    got, want = network(x), anime2sketch_by_hand(x, state)
    assert got.shape == (1, 1, 512, 512) and float((got - want).abs().max()) < 1e-4
    with torch.device("meta"):
        full = Anime2Sketch()
    numbers = 4 * sum(p.numel() for p in full.parameters())
    assert 0 < 217_631_959 - numbers < 20_000  # netG.pth as published: 32 tensors and the pickle around them
    assert len(full.state_dict()) == 32


@torch.no_grad()
def test_anime2sketch_weights_of_a_wrapped_network_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.dataset.network_extractors.Anime2Sketch", lambda: Anime2Sketch(width=2))
    network = Anime2Sketch(width=2)
    state = random_state(network, 3)
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "netG.pth")
    lines, _ = Mixture([Choice("anime2sketch", tmp_path / "netG.pth")])("x", picture())
    x = torch.from_numpy(np.array(picture().resize((512, 512), Image.Resampling.BICUBIC))).permute(2, 0, 1)[None]
    want = ((anime2sketch_by_hand(x / 127.5 - 1, state)[0, 0] + 1) * 127.5).round().to(torch.uint8)
    want = Image.fromarray(want.numpy()).resize(SIZE, Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(lines, int) - np.asarray(want, int)).max() <= 2


# SketchKeras

def sketchkeras_by_hand(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    def step(x: Tensor, block: str, place: int, stride: int = 1) -> Tensor:
        weight = state[f"{block}.{place}.weight"]
        after = 2 if weight.shape[-1] == 4 and stride == 1 else 1
        x = F.conv2d(F.pad(x, (1, after, 1, after), mode="reflect"), weight, state[f"{block}.{place}.bias"], stride)
        norm = f"{block}.{place + 1}"
        return F.relu(F.batch_norm(x, state[f"{norm}.running_mean"], state[f"{norm}.running_var"],
                                   state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3))

    downs = [step(x, "downblock_1", 1)]
    for level in (2, 3, 4):
        downs.append(step(step(downs[-1], f"downblock_{level}", 1, 2), f"downblock_{level}", 5))
    downs.append(step(downs[-1], "downblock_5", 1, 2))
    x = step(downs[-1], "downblock_6", 1)
    for level, down in zip((1, 2, 3, 4), reversed(downs)):
        x = torch.cat([down, x], dim=1).repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = step(step(x, f"upblock_{level}", 2), f"upblock_{level}", 6)
    x = F.pad(torch.cat([downs[0], x], dim=1), (1, 1, 1, 1), mode="reflect")
    return F.conv2d(x, state["last_conv.weight"], state["last_conv.bias"])


@torch.no_grad()
def test_sketchkeras_is_the_published_network() -> None:
    network = SketchKeras().eval()
    state = {key: value * 0.1 if "weight" in key and value.ndim == 4 else value
             for key, value in random_state(network).items()}
    network.load_state_dict(state)
    x = torch.randn(1, 1, 64, 48, generator=torch.Generator().manual_seed(1))
    got, want = network(x), sketchkeras_by_hand(x, state)
    assert got.shape == x.shape and float((got - want).abs().max()) < 1e-3 * float(want.abs().max())


def test_the_high_pass_is_the_picture_less_its_blur() -> None:
    image = picture()
    pixels = np.asarray(image, dtype=np.float64)
    x = np.arange(-9, 10)
    kernel = np.exp(-(x**2) / 18)
    kernel /= kernel.sum()
    blurred = correlate1d(correlate1d(pixels, kernel, axis=0, mode="mirror"), kernel, axis=1, mode="mirror")
    want = pixels - np.rint(blurred)
    got = high_pass(image).numpy()
    assert got.max() == pytest.approx(1) and (got[:, SIZE[1]:] == 0).all() and (got[:, :, SIZE[0]:] == 0).all()
    assert np.abs(got[:, :SIZE[1], :SIZE[0]].transpose(1, 2, 0) - want / want.max()).max() < 1e-6


@pytest.mark.parametrize("name", ["anime2sketch", "sketchkeras"])
def test_missing_and_wrong_weights_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ColorizeError, match="needs its weights"):
        Mixture([Choice(name)])
    with pytest.raises(ColorizeError, match="no such file"):
        Mixture([Choice(name, tmp_path / "none.pth")])
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ColorizeError, match=r"other.pth: not .* keys missing .* 1 unexpected \(a\)"):
        Mixture([Choice(name, tmp_path / "other.pth")])
    with pytest.raises(ColorizeError, match="takes no weights"):
        Mixture([Choice("edges", tmp_path / "other.pth")])


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ColorizeError, match="not run"):
        Mixture([Choice("anime2sketch", tmp_path / "trap.pth")])
    assert not (tmp_path / "ran").exists()
