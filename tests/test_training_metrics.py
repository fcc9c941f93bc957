"""Measures against closed forms, scipy, the packages they are named after, and pictures with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter
from scipy import linalg

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from tests.test_training_cache import VISION
from tests.training_data_folders import color_of
from training.metrics import features, inception, leak, lines
from training.metrics.frechet import Gaussian, frechet_distance, kernel_distance

RNG = np.random.default_rng(0)


def random_covariance(size: int, seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(size, 2 * size))
    return a @ a.T / size


# Frechet distance

def test_frechet_distance_of_one_dimension_is_the_closed_form() -> None:
    for (m, s), (n, t) in (((0, 1), (0, 1)), ((0, 1), (3, 1)), ((1, 2), (-1, 0.5))):
        a, b = (Gaussian(np.array([x], float), np.array([[y * y]], float), 2) for x, y in ((m, s), (n, t)))
        assert frechet_distance(a, b) == pytest.approx((m - n) ** 2 + (s - t) ** 2, abs=1e-9)


def test_frechet_distance_of_commuting_covariances_is_the_closed_form() -> None:
    rotation = linalg.qr(RNG.normal(size=(12, 12)))[0]
    s, t = RNG.uniform(0.1, 4, 12), RNG.uniform(0.1, 4, 12)
    m, n = RNG.normal(size=12), RNG.normal(size=12)
    a, b = (Gaussian(mean, rotation @ np.diag(d) @ rotation.T, 2) for mean, d in ((m, s), (n, t)))
    assert frechet_distance(a, b) == pytest.approx(((m - n) ** 2).sum() + ((s**0.5 - t**0.5) ** 2).sum(), rel=1e-9)


def test_frechet_distance_of_any_covariances_is_that_of_eigenvalues() -> None:
    a, b = (Gaussian(np.full(30, float(i)), random_covariance(30, i), 2) for i in (0, 1))
    root = linalg.sqrtm(a.covariance).real  # tr (A B)^1/2 = tr (A^1/2 B A^1/2)^1/2, symmetric: eigenvalues
    trace = np.sqrt(linalg.eigvalsh(root @ b.covariance @ root)).sum()
    expected = 30 + np.trace(a.covariance) + np.trace(b.covariance) - 2 * trace
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_frechet_distance_of_samples_finds_their_gaussians() -> None:
    x, y = RNG.normal(size=(20000, 4)), RNG.normal(size=(20000, 4)) * 2 + 1
    assert frechet_distance(Gaussian.of(x), Gaussian.of(y)) == pytest.approx(4 * (1 + 1), rel=0.03)
    assert frechet_distance(Gaussian.of(x), Gaussian.of(x)) == pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
def test_frechet_distance_is_that_of_pytorch_fid() -> None:
    fid_score = pytest.importorskip("pytorch_fid.fid_score", reason="pip install pytorch-fid")
    x, y = RNG.normal(size=(300, 20)) @ random_covariance(20, 3), RNG.normal(size=(300, 20))
    a, b = Gaussian.of(x), Gaussian.of(y)
    try:
        want = fid_score.calculate_frechet_distance(a.mean, np.cov(x, rowvar=False), b.mean, np.cov(y, rowvar=False))
    except TypeError:
        pytest.skip("pytorch-fid 0.3 does not run with this scipy: sqrtm has lost an argument")
    assert frechet_distance(a, b) == pytest.approx(want, rel=1e-6)


def test_fewer_pictures_than_features_still_give_a_number() -> None:
    x, y = RNG.normal(size=(5, 40)), RNG.normal(size=(5, 40))
    assert np.isfinite(frechet_distance(Gaussian.of(x), Gaussian.of(y)))
    with pytest.raises(ColorizeError, match="at least two"):
        Gaussian.of(x[:1])
    with pytest.raises(ColorizeError, match="one network for both"):
        frechet_distance(Gaussian.of(x), Gaussian.of(y[:, :7]))


# Kernel distance

def test_kernel_distance_is_the_mmd_written_out() -> None:
    x, y = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 3)) + 0.5

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    own = sum(k(z[i], z[j]) for z in (x, y) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    cross = sum(k(a, b) for a in x for b in y) / 49
    assert kernel_distance(x, y, subsets=3) == pytest.approx(own - 2 * cross, rel=1e-12)


def test_kernel_distance_is_unbiased_and_grows_with_the_difference() -> None:
    found = [[kernel_distance(np.random.default_rng(i).normal(size=(40, 8)),
                              np.random.default_rng(100 + i).normal(size=(40, 8)) + shift, subsets=1)
              for i in range(60)] for shift in (0, 0.3, 0.6)]
    same, near, far = (float(np.mean(f)) for f in found)
    assert abs(same) < 3 * float(np.std(found[0])) / 60**0.5
    assert near > 0.1 and far > 2 * near


def test_kernel_distance_is_that_of_clean_fid() -> None:
    fid = pytest.importorskip("cleanfid.fid", reason="pip install clean-fid")
    x, y = RNG.normal(size=(50, 16)), RNG.normal(size=(50, 16)) + 0.2
    assert kernel_distance(x, y, subsets=4, subset_size=50) == pytest.approx(fid.kernel_distance(x, y, 4, 50), rel=1e-9)


# Networks

def randomized(network: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            value.copy_(0.5 + torch.rand(value.shape, generator=generator) if name.endswith("running_var")
                        else torch.randn(value.shape, generator=generator) / max(1, value[0].numel()) ** 0.5)
    return network.eval()


@torch.no_grad()
def test_the_inception_network_is_that_of_pytorch_fid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = pytest.importorskip("pytorch_fid.inception", reason="pip install pytorch-fid")
    state = randomized(inception.FIDInception()).net.state_dict()
    whole = {**state, "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda url, progress: whole)  # 95 MB that are not here
    want = theirs.InceptionV3([3])
    torch.save(whole, tmp_path / inception.WEIGHTS)
    pictures = [color_of(0, (64, 48)), color_of(1, (320, 310))]
    for picture in pictures:
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
        got = torch.from_numpy(features.pytorch_fid(tmp_path / inception.WEIGHTS).of([picture]))
        assert torch.allclose(got, want.eval()(x)[0][..., 0, 0], atol=1e-5, rtol=1e-4) and float(got.std()) > 1e-4


@torch.no_grad()
def test_padding_is_not_averaged_and_the_last_block_takes_the_maximum() -> None:
    x = torch.full((1, 192, 5, 5), 2.0)
    x[0, :, 2, 2] = 10
    net = inception.FIDInception().net
    for block, values in ((net.Mixed_5b, (2.0, (16 + 10) / 9)), (net.Mixed_7c, (2.0, 10.0))):
        randomized(block)
        channels = block.branch_pool.conv.in_channels
        branch = block._forward(x[:, :1].expand(-1, channels, -1, -1))[-1]
        for place, value in zip(((0, 0), (1, 1)), values):
            want = block.branch_pool(torch.full((1, channels, 1, 1), value))
            assert torch.allclose(branch[..., place[0], place[1]], want[..., 0, 0], atol=1e-4)


def test_a_missing_or_wrong_inception_file_is_named(tmp_path: Path) -> None:
    for path in (None, tmp_path / "nothing.pth"):
        with pytest.raises(ColorizeError, match=r"pt_inception-2015-12-05-6726825d.pth.*--features reference-encoder"):
            features.pytorch_fid(path)
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ColorizeError, match=r"other.pth: not pt_inception.*1 unexpected"):
        features.clean_fid(tmp_path / "other.pth")


def test_clean_resizing_is_that_of_clean_fid_and_not_rounded() -> None:
    picture = color_of(2, (180, 420)).filter(ImageFilter.SHARPEN)
    got = features.clean_resize(picture)
    assert got.shape == (299, 299, 3) and got.min() >= 0 and got.max() <= 255 and (got % 1).std() > 0.2
    resize = pytest.importorskip("cleanfid.resize", reason="pip install clean-fid")
    assert np.array_equal(got, resize.build_resizer("clean")(np.asarray(picture)))


@torch.no_grad()
def test_the_reference_encoder_gives_its_cls_tokens() -> None:
    torch.manual_seed(0)
    encoder = ReferenceEncoder(VISION).eval()
    pictures = [color_of(i, (40, 30 + i)) for i in range(3)]
    got = features.reference_encoder_features(encoder).of(pictures)
    for row, picture in zip(got, pictures):
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 127.5 - 1
        assert torch.allclose(torch.from_numpy(row), encoder(x)[0, 0], atol=1e-5)
    assert features.cosine(got, got) == pytest.approx(np.ones(3), abs=1e-6)
    assert features.cosine(np.array([[1.0, 0], [2, 2]]), np.array([[0, 5.0], [-1, -1]])) == pytest.approx([0, -1])


# Lines

def test_line_fidelity_of_moved_lines_is_known() -> None:
    sketch = np.zeros((300, 400), bool)  # a diagonal of 500: lines within 3.75 px are right
    sketch[100, 50:350] = True
    for shift, right in ((0, 1.0), (3, 1.0), (10, 0.0)):
        found = lines.compare(np.roll(sketch, shift, axis=0), sketch)
        assert (found.precision, found.recall, found.f1) == (right, right, right)
        assert found.chamfer == pytest.approx(shift / 500)


def test_precision_and_recall_tell_extra_from_missing_lines() -> None:
    one, two = np.zeros((300, 400), bool), np.zeros((300, 400), bool)
    one[100, 50:350] = two[100, 50:350] = True
    two[200, 50:350] = True
    extra, missing = lines.compare(two, one), lines.compare(one, two)
    assert (extra.precision, extra.recall) == (0.5, 1.0) and (missing.precision, missing.recall) == (1.0, 0.5)
    assert extra.f1 == missing.f1 == pytest.approx(2 / 3)
    assert extra.chamfer == pytest.approx((50 + 0) / 2 / 500)


def test_no_lines_at_all_are_the_worst_unless_both_have_none() -> None:
    empty, line = np.zeros((30, 40), bool), np.eye(40, dtype=bool)[:30]
    assert lines.compare(empty, line) == lines.LineFidelity(0.0, 0.0, 0.0, 1.0) == lines.compare(line, empty)
    assert lines.compare(empty, empty) == lines.LineFidelity(1.0, 1.0, 1.0, 0.0)


def test_lines_are_found_again_in_a_coloured_picture() -> None:
    sketch = Image.new("RGB", (200, 160), "white")
    ImageDraw.Draw(sketch).ellipse((40, 30, 150, 130), outline="black", width=3)
    coloured = sketch.copy()
    ImageDraw.floodfill(coloured, (100, 80), (240, 120, 60))
    moved = coloured.transform(coloured.size, Image.Transform.AFFINE, (1, 0, 12, 0, 1, 9), fillcolor="white")
    again = lines.redrawn(sketch)
    assert lines.compare(lines.redrawn(coloured), again).f1 > 0.95
    assert lines.compare(lines.redrawn(moved), again).f1 < 0.5
    assert lines.compare(lines.redrawn(sketch.filter(ImageFilter.GaussianBlur(8))), again).recall < 0.5


# Leak

def framed(fill: str = "white") -> Image.Image:
    """A box in the middle of paper."""
    image = Image.new("RGB", (120, 100), "white")
    ImageDraw.Draw(image).rectangle((40, 30, 80, 70), outline="black", fill=fill, width=2)
    return image


def test_background_is_paper_outside_figures_and_not_beside_lines() -> None:
    found = leak.background(framed())
    assert found[5, 5] and found[95, 115] and not found[50, 60] and not found[29, 60] and not found[50, 40]
    assert found.mean() == pytest.approx(1 - 43 * 43 / 12000, abs=0.01)
    gap = framed()
    ImageDraw.Draw(gap).rectangle((55, 69, 56, 71), fill="white")  # a gap of 2 px: closed
    assert not leak.background(gap)[50, 60]
    ImageDraw.Draw(gap).rectangle((50, 69, 65, 71), fill="white")  # an open door: the inside is outside
    assert leak.background(gap)[50, 60]


def striped(colour: str = "red") -> Image.Image:
    """A reference that is busy on its left half and blank on its right."""
    image = Image.new("RGB", (120, 100), "white")
    for x in range(0, 60, 10):
        ImageDraw.Draw(image).rectangle((x, 0, x + 4, 99), fill=colour)
    return image


def leaks(result: Image.Image, reference: Image.Image) -> dict[str, float | None]:
    found = leak.measure_leak(framed(), reference, result, framed())
    assert found
    return {name: leak.leak_score([energies]) for name, energies in found.items()}


def test_a_clean_result_leaks_nothing_and_a_copy_of_the_reference_all() -> None:
    assert leaks(framed("red"), striped()) == {"colour": 0.0, "edge": 0.0}  # colour inside the figure is no leak
    copied = striped()
    copied.paste(framed("red").crop((38, 28, 83, 73)), (38, 28))
    found = leaks(copied, striped())
    assert found["colour"] == pytest.approx(1, abs=0.01) and found["edge"] == pytest.approx(1, abs=0.1)


def test_half_the_contrast_leaks_a_quarter_of_the_energy() -> None:
    faint = Image.blend(Image.new("RGB", (120, 100), "white"), striped("black"), 0.5)
    found = leaks(faint, striped("black"))
    assert found["colour"] == pytest.approx(0.25, abs=0.01) and found["edge"] == pytest.approx(0.25, abs=0.02)


def test_a_plain_coloured_background_leaks_colour_but_no_edges() -> None:
    plain = Image.new("RGB", (120, 100), (255, 128, 128))
    found = leaks(plain, striped())
    assert found["edge"] == pytest.approx(0, abs=1e-9) and found["colour"] and found["colour"] > 0.2


def test_what_shows_where_the_reference_is_blank_is_not_counted() -> None:
    result = framed()
    ImageDraw.Draw(result).rectangle((90, 10, 110, 90), fill="blue")
    assert leaks(result, striped()) == {"colour": 0.0, "edge": 0.0}


def test_without_background_or_a_busy_reference_there_is_no_score() -> None:
    full = Image.new("RGB", (120, 100), "white")
    for y in range(0, 100, 3):
        ImageDraw.Draw(full).line((0, y, 120, y), fill="black")
    assert leak.measure_leak(full, striped(), full, full) is None
    assert leak.measure_leak(framed(), Image.new("RGB", (60, 60), "white"), framed(), framed()) is None
    assert leak.leak_score([]) is None


def test_energies_have_their_units() -> None:
    assert leak.colour_energy(Image.new("RGB", (4, 4), "black")) == pytest.approx(np.ones((4, 4)))
    assert leak.colour_energy(Image.new("RGB", (4, 4), "red")) == pytest.approx(np.full((4, 4), 2 / 3))
    step = Image.new("RGB", (8, 8), "black")
    step.paste("white", (4, 0, 8, 8))
    energy = leak.edge_energy(step)
    assert energy[4, 3] == energy[4, 4] == pytest.approx(0.25) and energy[4, 1] == energy[4, 6] == 0
