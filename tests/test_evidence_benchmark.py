"""The evidence benchmark: regions of parts, colours, what is expected of a pair, and what nothing was trained on."""

from __future__ import annotations

import hashlib
import json
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.colour_spaces import lab_of
from tests.evidence_drawings import box, figure, small_benchmark, svg, thing
from training.evidence import benchmark, measures
from training.evidence.ask import ask, worth_asking
from training.evidence.questions import PairKind, open_benchmark
from training.small import drawings, svg_sources
from training.small.colour import ciede2000, rgb_of
from training.small.drawings import Drawing, Group, mark
from training.small.dress import APART, PATTERNS, Dress, backdrop, choose
from training.small.figures import BACKGROUND, WHOLLY, View, coverage, draw_dressed, with_clothes

pytest.importorskip("resvg_py")
PLAIN = View(1.0, 1.0, 0.0, 0.0, False)
PACKAGES = svg_sources.PACKAGES
with_packages = pytest.mark.skipif(not (PACKAGES / "openmoji").is_dir(), reason="npm ci --prefix training")


def test_a_region_is_the_inside_of_its_part_without_lines_and_shades() -> None:
    dress = Dress({"hair": "#ff0000", "skin": "#00ff00", "clothes": "#0000ff"}, ("#ffff00",))
    found = draw_dressed(figure(), dress, PLAIN, 144, random.Random(0))  # 2 px a unit
    expected = np.zeros((144, 144), np.uint8)
    for label, (x, y, w, h) in enumerate(((10, 6, 52, 20), (14, 26, 44, 18), (10, 44, 26, 22)), 1):
        expected[2 * y + 2:2 * (y + h) - 2, 2 * x + 2:2 * (x + w) - 2] = label  # a line of 2 lies half inside
    expected[90:130, 70:72] = 3  # the shade begins at 36, no line there
    assert np.array_equal(found.labels[found.labels != BACKGROUND], expected[found.labels != BACKGROUND])
    color = np.asarray(found.color)
    for label, rgb in ((1, (255, 0, 0)), (2, (0, 255, 0)), (3, (0, 0, 255)), (BACKGROUND, (255, 255, 0))):
        assert (found.labels == label).any() and (color[found.labels == label] == rgb).all()


def test_background_is_paper_joined_to_the_border() -> None:
    ring = Drawing("ring", Group.OPENMOJI, False, svg(box(16, 16, 40, 40, "none"), box(30, 30, 8, 8, "#0b0000")),
                   svg(box(16, 16, 40, 40, "none"), box(30, 30, 8, 8, "#ffffff")), {"color": ("#0b0000",)})
    labels = draw_dressed(ring, Dress({"color": "#ff0000"}, ("#00ff00",)), PLAIN, 72, random.Random(0)).labels
    assert labels[5, 5] == BACKGROUND and labels[22, 22] == 0 and labels[34, 34] == 1


def test_coverage_does_not_believe_named_colours_of_the_drawing() -> None:
    drawing = Drawing("d", Group.OPENMOJI, False, svg(box(4, 4, 64, 64, "#0b0000"), box(20, 20, 30, 30, "white")),
                      svg(), {"color": ("#0b0000",)})
    found = coverage(drawing, "color", PLAIN, 72)
    assert found[35, 35] == 0 and found[10, 10] >= WHOLLY


@pytest.mark.parametrize("busy", [False, True])
def test_no_colour_of_a_picture_can_pass_for_another(busy: bool) -> None:
    for seed in range(20):
        dress = choose(figure(), random.Random(seed), busy)
        assert len(dress.background) == 1 + busy and bool(dress.pattern) == busy
        for a, b in combinations([*dress.parts.values(), *dress.background], 2):
            assert ciede2000(lab_of(rgb_of(a)), lab_of(rgb_of(b))) >= APART


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_busy_background_has_both_of_its_colours_and_no_other(pattern: str) -> None:
    for seed in range(5):
        found = np.asarray(backdrop(Dress({}, ("#102030", "#f0e0d0"), pattern), 64, random.Random(seed)))
        shares = [(found == colour).all(axis=2).mean() for colour in ((0x10, 0x20, 0x30), (0xf0, 0xe0, 0xd0))]
        assert sum(shares) == 1 and min(shares) > 0.2


def test_the_sketch_of_the_pair_in_the_expected_colours_is_perfect(tmp_path: Path) -> None:
    bench = small_benchmark(tmp_path, 128)
    for pair in bench.pairs:
        sketch = bench.sketch(pair).convert("RGB")
        painted = np.array(sketch)
        for label, colour in zip(pair.labels, pair.expected):
            if colour:
                painted[bench.region(pair, label)] = rgb_of(colour)
        found = measures.measure(bench, pair, Image.fromarray(painted))
        assert set(found.errors) == {label for label, colour in zip(pair.labels, pair.expected) if colour}
        assert all(error < 1e-6 for error in found.errors.values()) and found.lines > 0.99


def test_what_is_expected_of_each_kind_of_pair() -> None:
    def expected(kind: PairKind, sketch: Drawing, reference: Drawing, busy: bool) -> set[str]:
        pair = ask("p", kind, sketch, reference, busy, 96, "0")[0]
        return {label for label, colour in zip(pair.labels, pair.expected) if colour}

    parts = {"hair", "skin", "clothes"}
    assert expected(PairKind.FIGURE_FIGURE, figure(), figure("b"), False) == parts | {"background"}
    assert expected(PairKind.FIGURE_FIGURE, figure(), figure("b"), True) == parts
    for kind, sketch, reference in ((PairKind.FIGURE_OTHER, figure(), thing()),
                                    (PairKind.OTHER_FIGURE, thing(), figure()),
                                    (PairKind.OTHER_OTHER, thing(), thing("b"))):
        assert expected(kind, sketch, reference, False) == {"background"}
        assert expected(kind, sketch, reference, True) == set()


def test_expected_colours_are_those_of_the_reference_at_its_part() -> None:
    pair, _, reference, _ = ask("p", PairKind.FIGURE_FIGURE, figure(), figure("b"), False, 96, "0")
    color = np.asarray(reference.color)
    for label, colour in zip(pair.labels, pair.expected):
        number = BACKGROUND if label == "background" else 1 + reference.names.index(label)
        assert (color[reference.labels == number] == rgb_of(colour)).all() and (reference.labels == number).any()


def test_a_benchmark_is_a_pure_function_of_its_seed(tmp_path: Path) -> None:
    digests = [small_benchmark(tmp_path / name).digest for name in ("a", "b")]
    assert digests[0] == digests[1]
    files = [{path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / name).rglob("*.png")}
             for name in ("a", "b")]
    assert files[0] == files[1] and len(files[0]) == 8 * 2 * 3 + 1
    other = ask("0-000", PairKind.FIGURE_FIGURE, figure(), figure("other"), True, 64, "1")[0]
    assert other.palette != open_benchmark(tmp_path / "a").pairs[0].palette


def test_figures_that_share_less_than_two_parts_are_not_asked_about() -> None:
    bald = Drawing("bald", Group.OPENMOJI, True, svg(box(10, 10, 50, 50, "#0a0011")), svg(box(10, 10, 50, 50, "#fff")),
                   {"skin": ("#0a0011",)})
    assert not worth_asking(ask("p", PairKind.FIGURE_FIGURE, bald, figure(), False, 96, "0")[0])
    assert worth_asking(ask("p", PairKind.FIGURE_FIGURE, figure(), figure("b"), False, 96, "0")[0])


def test_marking_tells_groups_apart_that_share_a_colour() -> None:
    drawing = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><g id="color"><path fill="#FCEA2B"/><path '
               'fill="#abc"/></g><g id="hair"><path fill="#fcea2b"/><path stroke="#aabbcc"/></g><g id="skin">'
               '<path fill="#FCEA2B"/></g><g id="line"><path stroke="#000" fill="#fff"/></g></svg>')
    marked, parts = mark(drawing)
    assert {part: len(placeholders) for part, placeholders in parts.items()} == {
        "color #fcea2b": 1, "color #aabbcc": 1, "hair": 2, "skin": 1}
    flat = [placeholder for listed in parts.values() for placeholder in listed]
    assert len(set(flat)) == 5 and all(marked.count(placeholder) == 1 for placeholder in flat)
    assert "fcea2b" not in marked.lower() and "#fff" in marked


def test_clothes_are_what_fills_the_lowest_quarter_and_never_hair_or_skin() -> None:
    parts = {("color #92d3f5" if part == "clothes" else part): p for part, p in figure().parts.items()}
    named = Drawing("d", Group.OPENMOJI, True, figure().svg, figure().lines, parts)
    assert set(with_clothes(named).parts) == {"hair", "skin", "clothes"}
    naked = Drawing("d", Group.OPENMOJI, True, svg(box(20, 6, 30, 20, "#0a0010"), box(10, 26, 50, 40, "#0a0011")),
                    svg(), {"color": ("#0a0010",), "skin": ("#0a0011",)})
    assert with_clothes(naked) == naked


def test_a_glyph_with_the_lines_of_a_held_out_one_is_not_trained_on(tmp_path: Path) -> None:
    codes = ["1F436", "1F437"]  # the first is held out
    assert [svg_sources.held_out(code) for code in codes] == [True, False]
    for part in ("data", "color/svg", "black/svg"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "data" / "openmoji.json").write_text(json.dumps([{"hexcode": c, "group": "objects"} for c in codes]))
    for code in codes:
        (tmp_path / "color" / "svg" / f"{code}.svg").write_text(f"<!-- {code} -->")
        (tmp_path / "black" / "svg" / f"{code}.svg").write_text("equal lines")
    assert [name for name, *_ in svg_sources.openmoji(tmp_path)] == []
    assert [name for name, *_ in svg_sources.openmoji(tmp_path, test=True)] == ["openmoji/1F436"]


def test_at_most_six_styles_are_trained_on_and_two_or_more_stay_unseen() -> None:
    assert len(svg_sources.STYLES) <= 6 and len(drawings.UNSEEN_STYLES) >= 2
    assert not set(svg_sources.STYLES) & set(drawings.UNSEEN_STYLES)


def test_a_missing_benchmark_and_missing_packages_are_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match=r"benchmark.json: no such file, .* make it with"):
        open_benchmark(tmp_path)
    with pytest.raises(ColorizeError, match="run npm ci --prefix training"):
        list(drawings.openmoji_drawings(tmp_path))
    with pytest.raises(SystemExit, match="error: --pairs 0, --size 128: expected at least 1 pair"):
        benchmark.main(["--out", str(tmp_path), "--pairs", "0", "--size", "128"])
    with pytest.raises(ColorizeError, match="found 0 drawings, expected 16 or more"):
        benchmark.ask_all([], 1, 64, 0)


@with_packages
def test_nothing_of_the_real_benchmark_was_trained_on() -> None:
    found = [*drawings.openmoji_drawings(PACKAGES), *drawings.avatar_drawings(20)]
    lines = {drawn for *_, drawn in svg_sources.openmoji(PACKAGES / "openmoji")}
    svgs = {avatar.svg for avatar in svg_sources.avatars(svg_sources.AVATARS)}
    assert not [d.name for d in found if d.lines in lines or d.svg in svgs]
    codes = [d.name.removeprefix("openmoji/") for d in found if d.group is Group.OPENMOJI]
    assert codes and all(int(hashlib.md5(code.encode()).hexdigest(), 16) % 10 == 0 for code in codes)
    styles = {d.name.split("-")[1] for d in found if d.group is Group.UNSEEN}
    assert styles == set(drawings.UNSEEN_STYLES) and {d.group for d in found} == set(Group)


@with_packages
def test_the_real_benchmark_has_every_kind_every_group_and_every_part(tmp_path: Path) -> None:
    made = benchmark.build_benchmark(tmp_path, PACKAGES, 4, 96, 0)
    assert len(made.pairs) == 24 and {pair.kind for pair in made.pairs} == set(PairKind) - {PairKind.SAME}
    assert sum(pair.busy for pair in made.pairs) == 12
    figures = [pair for pair in made.pairs if pair.kind is PairKind.FIGURE_FIGURE]
    assert {pair.group for pair in figures} == set(Group)
    assert {label for pair in figures for label, c in zip(pair.labels, pair.expected) if c} == {
        "hair", "skin", "clothes", "background"}
    assert all(pair.drawings[0] != pair.drawings[1] for pair in made.pairs)
