"""What is measured: the numbers of "Pictures as people bring them", each by a file of its own."""

from __future__ import annotations

from tools.measured_parts import parts_in

PARTS = parts_in("tools.reading_check", {
    "polarity": "which way round sprites, portraits, colouring pages and line layers are read",
    "ink": "how much ink lines have at the size that a model is shown",
    "scales": "whether a drawing scanned at any size gives the same lines",
    "pairs": "lines of pictures whose lines are known, by each extractor",
    "speed": "how long a scan of twelve megapixels takes",
    "sheets": "photos of paper: the sheet's lines against those of the flat scan",
    "figure": "a small figure in a reference: its colours against those of the same without margins",
    "small": "a small drawing on its page: part colours against those of the same alone",
    "sprites": "how well a figure is taken out of its picture",
})
