"""What a data folder says of itself: written by the builders, read back, refused in one line when it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from training.dataset.about import About, read_about, write_about
from training.dataset.build_command import main
from training.dataset.shards import Written
from training.small.build_data import ABOUT, write_samples


def test_what_is_written_is_read_and_a_folder_may_say_nothing(tmp_path: Path) -> None:
    assert read_about(tmp_path) is None
    write_about(tmp_path / "data", About("CC0", "drawings by Zoë"))
    assert json.loads((tmp_path / "data/about.json").read_text(encoding="utf-8")) == {
        "licence": "CC0", "trained_on": "drawings by Zoë"}
    assert read_about(tmp_path / "data") == About("CC0", "drawings by Zoë")


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"licence": 4}', b'{"licence": "\xff"}'])
def test_another_form_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "about.json").write_bytes(content)
    with pytest.raises(ColorizeError, match=r"about\.json.*mend it, or delete it") as refused:
        read_about(tmp_path)
    assert "\n" not in str(refused.value)


def test_the_builder_writes_the_words_that_it_is_given(tmp_path: Path) -> None:
    raw = tmp_path / "My pictures"
    raw.mkdir()
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste((200, 40, 90), (10, 10, 40, 40))
    picture.save(raw / "a.png")
    start = ["--source", str(raw), "--extractor", "edges", "--min-side", "8"]
    main([*start, "--out", str(tmp_path / "told"), "--licence", "CC BY 4.0", "--about", "pictures by Ada"])
    assert read_about(tmp_path / "told") == About("CC BY 4.0", "pictures by Ada")
    main([*start, "--out", str(tmp_path / "untold")])
    assert read_about(tmp_path / "untold") == About("", "My pictures")
    main([*start, "--out", str(tmp_path / "untold"), "--licence", "CC0"])  # words alone make no other build
    assert read_about(tmp_path / "untold") == About("CC0", "My pictures")


def test_drawings_of_the_small_model_carry_their_licence(tmp_path: Path) -> None:
    lines = np.full((40, 40), 255, np.uint8)
    lines[10:30, 18:20] = 0
    write_samples(tmp_path, [Written("a", Image.new("RGB", (40, 40)), Image.fromarray(lines))])
    found = read_about(tmp_path)
    assert found == ABOUT and found.licence == "CC BY-SA 4.0" and "OpenMoji" in found.trained_on
