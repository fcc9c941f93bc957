"""The models panel without its widgets: the table, the followed transfer, and what is refused."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from lib_colorize.errors import ColorizeError
from lib_colorize.models.catalogue import CATALOGUE, Folders, Purpose, known
from lib_colorize.panel import transfers
from lib_colorize.panel.language import Language
from lib_colorize.panel.models_table import downloads, licence_note, models_table
from lib_colorize.panel.texts import Texts
from lib_colorize.panel.transfers import Transfers, purpose_of

ENGLISH = Texts(Language.ENGLISH)
SHIPPED = Path(__file__).parent.parent / "models" / "colorize-small.safetensors"


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "own", (tmp_path / "checkpoints",))


@pytest.fixture
def slow(monkeypatch):
    """A download that reports half, then waits until it is told to end or to stop."""
    gate = SimpleNamespace(started=threading.Event(), go_on=threading.Event())

    def fetch(entry, folders, accepted, base_url, progress, cancel):
        progress(1_950_000_000, 3_900_000_000, 1.0)
        gate.started.set()
        while not gate.go_on.wait(0.01):
            if cancel.is_set():
                raise ColorizeError(f"{entry.name}: stopped at 1.95 GB, which is kept")
        return SimpleNamespace(path=Path("/models") / entry.name)

    monkeypatch.setattr(transfers, "fetch", fetch)
    monkeypatch.setattr(transfers, "INTERVAL", 0.02)
    return gate


def test_what_can_be_downloaded_runs_and_the_needed_come_first():
    ids = [id for _, id in downloads(ENGLISH)]
    assert set(ids) == {entry.id for entry in CATALOGUE}
    assert {known(id).purpose for id in ids[:2]} == set(Purpose)


def test_the_licence_is_shown_with_size_and_a_link():
    note = licence_note("mult-eps-ft", ENGLISH)
    for text in ("3.89 GB", "CC BY-NC-SA 4.0", "https://creativecommons.org", "No commercial use"):
        assert text in note
    assert "No commercial use" not in licence_note("vit-h", ENGLISH)


def test_the_table_tells_missing_from_found_and_names_what_is_unusable(folders):
    before = models_table(folders, ENGLISH)
    assert before.count("missing, needed") == 2 and "colorize-small" not in before
    folders.checkpoints[0].mkdir()
    (folders.checkpoints[0] / SHIPPED.name).symlink_to(SHIPPED)
    folders.own.mkdir()
    (folders.own / "half <b>.safetensors").write_bytes(SHIPPED.read_bytes()[:1000])
    after = models_table(folders, ENGLISH)
    assert "colorize-small" in after and f"found in {folders.checkpoints[0]}" in after
    assert "Found, but not usable" in after and "half &lt;b&gt;" in after and "half <b>" not in after


def test_a_transfer_tells_how_far_it_is_and_where_the_file_lies(slow, folders):
    lines = Transfers().download("vit-h", folders, False, "", ENGLISH)
    assert next(lines).endswith("0 bytes of ?")
    assert slow.started.wait(5)
    assert next(lines) == "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors: 1.95 GB of 3.90 GB"
    slow.go_on.set()
    assert list(lines)[-1] == f"Done: {Path('/models') / known('vit-h').name}"


def test_a_transfer_can_be_stopped_from_elsewhere(slow, folders):
    transfers = Transfers()
    lines = transfers.download("vit-h", folders, False, "", ENGLISH)
    next(lines)
    assert slow.started.wait(5)
    transfers.stop()
    with pytest.raises(ColorizeError, match="which is kept"):
        list(lines)


def test_a_second_transfer_waits_for_the_first(slow, folders):
    transfers = Transfers()
    first = transfers.download("vit-h", folders, False, "", ENGLISH)
    with pytest.raises(ColorizeError, match="still on its way"):
        transfers.download("mult-eps-ft", folders, True, "", ENGLISH)
    slow.go_on.set()
    list(first)
    assert list(transfers.download("mult-eps-ft", folders, True, "", ENGLISH))[-1].startswith("Done")


def test_stop_without_a_transfer_does_nothing():
    Transfers().stop()


def test_a_non_commercial_file_needs_the_users_word(slow, folders):
    with pytest.raises(ColorizeError, match=r"CC BY-NC-SA 4\.0.*Accept the licence"):
        Transfers().download("mult-eps-ft", folders, False, "", ENGLISH)
    assert not slow.started.is_set()


def test_a_file_is_taken_in_by_what_it_is(folders, tmp_path):
    path = f'"{tmp_path}/elsewhere/{SHIPPED.name}"'  # as a file manager copies it
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / SHIPPED.name).symlink_to(SHIPPED)
    last = list(Transfers().take_in(path, folders, ENGLISH))[-1]
    assert last == f"Done: {folders.checkpoints[0] / SHIPPED.name}"
    assert (folders.checkpoints[0] / SHIPPED.name).read_bytes() == SHIPPED.read_bytes()


def test_what_is_no_model_is_refused(folders, tmp_path):
    foreign = tmp_path / "foreign.safetensors"
    save_file({"some.weight": torch.zeros(4, 4)}, foreign)
    for path in (foreign, tmp_path / "nothing.safetensors"):
        with pytest.raises(ColorizeError, match=path.name):
            Transfers().take_in(str(path), folders, ENGLISH)
    with pytest.raises(ColorizeError, match="Give the path"):
        Transfers().take_in("  ", folders, ENGLISH)
    assert purpose_of(SHIPPED) is Purpose.CHECKPOINT
