"""Drawings with a geometry that can be written down, for the tests of the evidence benchmark."""

from __future__ import annotations

from pathlib import Path

from training.evidence.ask import ask
from training.evidence.benchmark import write_benchmark
from training.evidence.questions import Benchmark, PairKind
from training.small.drawings import Drawing, Group

BOX = '<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" stroke="#000" stroke-width="2"/>'


def svg(*shapes: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">{"".join(shapes)}</svg>'


def box(x: int, y: int, w: int, h: int, fill: str) -> str:
    return BOX.format(x=x, y=y, w=w, h=h, fill=fill)


def figure(name: str = "figure") -> Drawing:
    """Hair over skin over clothes, with a semi-transparent shade on the right half of the clothes."""
    shapes = [(10, 6, 52, 20), (14, 26, 44, 18), (10, 44, 52, 22)]
    colours = ("#0a0010", "#0a0011", "#0a0012")
    shade = '<rect x="36" y="44" width="26" height="22" fill="black" fill-opacity=".2"/>'
    return Drawing(name, Group.OPENMOJI, True, svg(*(box(*s, c) for s, c in zip(shapes, colours)), shade),
                   svg(*(box(*s, "#ffffff") for s in shapes)),
                   {"hair": (colours[0],), "skin": (colours[1],), "clothes": (colours[2],)})


def thing(name: str = "thing") -> Drawing:
    """Two boxes."""
    shapes = [(8, 12, 24, 48), (40, 12, 24, 48)]
    colours = ("#0b0000", "#0b0001")
    return Drawing(name, Group.OPENMOJI, False, svg(*(box(*s, c) for s, c in zip(shapes, colours))),
                   svg(*(box(*s, "#ffffff") for s in shapes)), {"color 1": (colours[0],), "color 2": (colours[1],)})


def small_benchmark(folder: Path, size: int = 64) -> Benchmark:
    """Eight pairs, of each kind one with a busy and one with a plain reference."""
    pairs = [(PairKind.FIGURE_FIGURE, figure(), figure("other")), (PairKind.FIGURE_OTHER, figure(), thing()),
             (PairKind.OTHER_FIGURE, thing(), figure()), (PairKind.OTHER_OTHER, thing(), thing("other"))]
    asked = [ask(f"{i}-000", kind, sketch, reference, (i + i // 4) % 2 == 0, size, "0")
             for i, (kind, sketch, reference) in enumerate(2 * pairs)]
    return write_benchmark(folder, asked, size, 0)
