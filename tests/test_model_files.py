"""Models are found by what they hold, in every layout and folder; the right one is chosen; imports are checked."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.read import read_reference_encoder
from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import VisionConfig
from lib_colorize.models import candidates
from lib_colorize.models import disk as placing
from lib_colorize.models.catalogue import CATALOGUE, HUBS, Folders, Purpose, known, mirrors, usual_folders
from lib_colorize.models.disk import recorded_sha256
from lib_colorize.models.encoders import FoundEncoder, choose_reference_encoder
from lib_colorize.models.import_file import import_file
from lib_colorize.models.scan import find_reference_encoders, scan
from lib_colorize.models.status import Need, describe_status, models_status
from tests.standalone_models import write_variant
from tests.test_checkpoint_reference import hugging_face_state, layouts

SHIPPED = Path(__file__).parent.parent / "models" / "colorize-small.safetensors"
TINY = VisionConfig(14, 7, 768, 1, 64, 0.125, 24)  # 768: the narrowest tower whose heads are known
State = dict[str, Tensor]


def half(state: State) -> State:
    return {k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in state.items()}


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, State]:
    """The same tiny vision tower in each layout, fp16."""
    weights = half(hugging_face_state(torch.Generator().manual_seed(7), TINY))
    path = tmp_path_factory.mktemp("tower") / "x.safetensors"
    save_file(weights, path)
    open_clip, _ = read_reference_encoder(path)
    return {name: half(state) for name, (state, _) in layouts(weights, open_clip).items()}


@pytest.fixture()
def folders(tmp_path: Path) -> Folders:
    found = usual_folders(tmp_path, tmp_path / "models")
    for folder in (found.own, *found.checkpoints, *found.controlnet, *found.clip_vision):
        folder.mkdir(parents=True)
    return found


def test_every_layout_is_found_in_every_usual_folder(towers: dict[str, State], folders: Folders) -> None:
    save_file(towers["visual"], folders.own / "a.safetensors")
    save_file(towers["vision_model"], folders.clip_vision[0] / "model.safetensors")
    torch.save(towers["full open_clip"], folders.controlnet[3] / "clip_h.pth")
    deeper = folders.controlnet[1] / "clip_vision"
    deeper.mkdir()
    save_file(towers["full CLIPModel"], deeper / "b.safetensors")
    save_file(towers["bare"], folders.checkpoints[0] / "c.safetensors")
    found = find_reference_encoders(folders)
    assert {(e.path.name, e.layout) for e in found} == {
        ("a.safetensors", Kind.REFERENCE_OPEN_CLIP), ("model.safetensors", Kind.REFERENCE_HUGGING_FACE),
        ("clip_h.pth", Kind.FULL_CLIP_OPEN_CLIP), ("b.safetensors", Kind.FULL_CLIP_HUGGING_FACE),
        ("c.safetensors", Kind.REFERENCE_OPEN_CLIP)}
    assert {(e.width, e.layers, e.output_dim, e.dtype) for e in found} == {(768, 1, 24, "fp16")}
    assert all(e.size == e.path.stat().st_size and e.own == (e.path.parent == folders.own) for e in found)
    assert scan(folders).skipped == ()


def test_a_file_that_cannot_be_read_is_skipped_with_its_reason(towers: dict[str, State], folders: Folders) -> None:
    save_file(towers["visual"], folders.own / "good.safetensors")
    whole = (folders.own / "good.safetensors").read_bytes()
    (folders.own / "cut.safetensors").write_bytes(whole[:-100])
    (folders.own / "page.safetensors").write_bytes(b"<html>Access denied</html>")
    (folders.own / "dangling.safetensors").symlink_to("nowhere")
    save_file({k: v for k, v in towers["visual"].items() if k != "visual.proj"}, folders.own / "no-proj.safetensors")
    save_file({"x": torch.zeros(2)}, folders.controlnet[0] / "control_v11.safetensors")  # another program's: no word
    os.mkfifo(folders.own / "pipe.safetensors")  # opening it would wait for ever
    found = scan(folders)
    assert [e.path.name for e in found.encoders] == ["good.safetensors"]
    reasons = {path.name: reason for path, reason in found.skipped}
    assert set(reasons) == {"cut.safetensors", "page.safetensors", "dangling.safetensors", "no-proj.safetensors"}
    assert "cut off, it should have" in reasons["cut.safetensors"] and "proj" in reasons["no-proj.safetensors"]


def test_a_pickle_is_opened_only_at_the_size_of_an_encoder(
    towers: dict[str, State], folders: Folders, monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.save(towers["visual"], folders.controlnet[0] / "x.pth")
    torch.save(towers["visual"], folders.checkpoints[0] / "model.ckpt")  # no pickle is opened among checkpoints
    assert [e.path.name for e in scan(folders).encoders] == ["x.pth"]
    monkeypatch.setattr(candidates, "SMALL_PICKLE", 1000)
    assert scan(folders).encoders == ()
    monkeypatch.setattr(candidates, "BIG_PICKLE", (1000, 10**8))
    assert [e.path.name for e in scan(folders).encoders] == ["x.pth"]


def test_a_pickle_with_code_is_not_run(folders: Folders, tmp_path: Path) -> None:
    class RunsCode:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "it-ran"),)

    torch.save({"x": RunsCode()}, folders.own / "clip_h.pth")
    found = scan(folders)
    assert "holds code" in found.skipped[0].reason and not (tmp_path / "it-ran").exists()


def test_looking_twice_reads_each_file_once(
    towers: dict[str, State], folders: Folders, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lib_colorize.checkpoint import files

    opened: list[str] = []
    real = files.open_tensors
    monkeypatch.setattr(files, "open_tensors", lambda path: opened.append(Path(path).name) or real(path))
    torch.save(towers["visual"], folders.controlnet[0] / "x.pth")
    (folders.own / "cut.safetensors").write_bytes(b"nothing")
    first = scan(folders)
    assert scan(folders) == first and sorted(opened) == ["cut.safetensors", "x.pth"]
    save_file(towers["visual"], folders.own / "cut.safetensors")
    assert [e.path.name for e in scan(folders).encoders] == ["cut.safetensors", "x.pth"]
    assert opened.count("cut.safetensors") == 2


def test_links_and_circles_show_each_file_once(towers: dict[str, State], folders: Folders) -> None:
    save_file(towers["visual"], folders.clip_vision[0] / "a.safetensors")
    (folders.own / "link.safetensors").symlink_to(folders.clip_vision[0] / "a.safetensors")
    (folders.controlnet[0] / "all").symlink_to(folders.clip_vision[0].parent, target_is_directory=True)
    assert [e.path.name for e in find_reference_encoders(folders)] == ["link.safetensors"]


def test_folders_that_are_missing_are_passed_over(tmp_path: Path) -> None:
    assert find_reference_encoders(usual_folders(tmp_path / "no", tmp_path / "where")) == []


def encoder(
    name: str, own: bool = False, layout: Kind = Kind.REFERENCE_HUGGING_FACE, **changes: object,
) -> FoundEncoder:
    return replace(FoundEncoder(Path("/m") / name, layout, 1280, 32, 1024, "fp32", 2_530_000_000, own), **changes)


def test_the_cheapest_to_read_is_chosen_and_the_own_folder_goes_first() -> None:
    best_first = [
        encoder("own.pth", own=True), encoder("half.safetensors", dtype="fp16", size=1_260_000_000),
        encoder("vision.safetensors"), encoder("full.safetensors", layout=Kind.FULL_CLIP_OPEN_CLIP, size=3_940_000_000),
        encoder("clip_h.pth", dtype="fp16")]
    for begin in range(len(best_first)):
        assert choose_reference_encoder(best_first[begin:][::-1], 1024) is best_first[begin]


def test_a_tower_of_another_size_is_never_chosen_even_if_its_tokens_are_as_wide() -> None:
    giant = encoder("vit-g.safetensors", width=1408, layers=40)  # ViT-g-14: tokens of 1024 as well
    large = encoder("vit-l.safetensors", width=1024, layers=24, output_dim=768)
    with pytest.raises(ColorizeError) as caught:
        choose_reference_encoder([giant, large], 1024, own=Path("/webui/models/ColorizeDiffusion"))
    for part in ("vit-g.safetensors is of width 1408", "tokens of 768", "OpenCLIP ViT-H-14", "about 2.53 GB", "MIT",
                 "/webui/models/ColorizeDiffusion", "download it"):
        assert part in str(caught.value)
    assert choose_reference_encoder([giant, large], 768) is large
    with pytest.raises(ColorizeError, match="no published file does"):
        choose_reference_encoder([giant], 128)


def test_the_users_choice_wins_and_a_wrong_one_is_an_error() -> None:
    found = [encoder("a.safetensors", own=True), encoder("b.safetensors"), encoder("c.safetensors", output_dim=768)]
    assert choose_reference_encoder(found, 1024, "b.safetensors") is found[1]
    assert choose_reference_encoder(found, 1024, "/m/b.safetensors") is found[1]
    with pytest.raises(ColorizeError, match="'d.safetensors': not found; found are a.safetensors, b.safe"):
        choose_reference_encoder(found, 1024, "d.safetensors")
    with pytest.raises(ColorizeError, match="c.safetensors is of width 1280 and gives tokens of 768"):
        choose_reference_encoder(found, 1024, "c.safetensors")


def test_the_panel_says_what_to_get_and_no_longer_when_it_is_there(folders: Folders) -> None:
    rows = models_status(folders)
    assert [row.name for row in rows if row.need is Need.NEEDED] == [
        "mult-eps-ft.safetensors", "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors"]
    assert [row.folder.name for row in rows[:2]] == ["Stable-diffusion", "ColorizeDiffusion"]
    assert {row.entry for row in rows} == set(CATALOGUE)
    (folders.checkpoints[0] / "my copy.safetensors").symlink_to(SHIPPED)
    rows = models_status(folders, context_dim=128, encoder_inside=True)
    assert not [row for row in rows if row.need is Need.NEEDED]
    assert (rows[0].name, rows[0].entry, rows[0].path) == (
        "my copy.safetensors", None, folders.checkpoints[0] / "my copy.safetensors")
    assert "written by this project, reference encoder inside" in rows[0].about


@pytest.mark.parametrize("variant", ("v1.5", "v2"))
def test_a_checkpoint_of_a_later_version_is_as_good_as_any(folders: Folders, variant: str) -> None:
    write_variant(folders.checkpoints[0] / "x.safetensors", variant)
    rows = [row for row in models_status(folders) if row.purpose is Purpose.CHECKPOINT]
    assert [row.name for row in rows if row.path] == ["x.safetensors"] and "cannot" not in describe_status(rows)
    assert not any(row.need is Need.NEEDED for row in rows)


def test_the_panels_table_shows_size_licence_folder_and_what_is_broken(folders: Folders) -> None:
    (folders.own / "cut|off.safetensors").write_bytes(b"<html>")
    text = describe_status(models_status(folders), scan(folders).skipped)
    line = next(line for line in text.splitlines() if line.startswith("| mult-eps-ft"))
    assert line.count("|") == 6
    for part in ("about 3.89 GB", "CC BY-NC-SA 4.0: **no commercial use**", "**missing, needed**", "Stable-diffusion"):
        assert part in line
    assert "Found, but not usable" in text and "not a checkpoint" in text


def test_the_catalogue_is_sound() -> None:
    assert len({entry.id for entry in CATALOGUE}) == len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    assert known("v2-full").size == 6_820_000_000
    for entry in CATALOGUE:
        assert mirrors(entry) == tuple(f"{hub}/{entry.hub}" for hub in HUBS)
        assert entry.licence.non_commercial == (entry.purpose is Purpose.CHECKPOINT)
        assert entry.licence.non_commercial == ("on-commercial" in entry.licence.text)
        assert entry.sha256 is None or len(entry.sha256) == 64
    with pytest.raises(ColorizeError, match="known are mult-eps-ft"):
        known("mult")


def test_a_mirror_of_the_users_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = known("vit-h")
    assert mirrors(entry, "https://mirror.example/hf/")[0] == f"https://mirror.example/hf/{entry.hub}"
    monkeypatch.setenv("HF_ENDPOINT", HUBS[1])
    assert mirrors(entry) == (f"{HUBS[1]}/{entry.hub}", f"{HUBS[0]}/{entry.hub}")
    for bad in ("ftp://x", "mirror.example", "file:///etc"):
        with pytest.raises(ColorizeError, match="expected an address such as https://huggingface.co"):
            mirrors(entry, bad)


def test_an_import_is_checked_copied_whole_and_its_hash_recorded(
    towers: dict[str, State], folders: Folders, tmp_path: Path,
) -> None:
    source = tmp_path / "model.safetensors"
    save_file(towers["vision_model"], source)
    seen: list[tuple[int, int]] = []
    target = import_file(source, folders, Purpose.REFERENCE_ENCODER, lambda *counts: seen.append(counts))
    assert target == folders.own / "model.safetensors" and target.read_bytes() == source.read_bytes()
    assert seen[-1] == (source.stat().st_size,) * 2
    want = hashlib.sha256(source.read_bytes()).hexdigest()
    assert (folders.own / "model.safetensors.sha256").read_text() == f"{want}  model.safetensors\n"
    assert models_status(folders)[2].sha256 == want == recorded_sha256(target)
    assert sorted(p.name for p in folders.own.iterdir()) == ["model.safetensors", "model.safetensors.sha256"]
    assert import_file(source, folders, Purpose.REFERENCE_ENCODER) == target  # once more: nothing to do
    assert import_file(SHIPPED, folders, Purpose.CHECKPOINT) == folders.checkpoints[0] / SHIPPED.name


def test_an_import_of_the_wrong_kind_or_a_broken_file_is_refused(
    towers: dict[str, State], folders: Folders, tmp_path: Path,
) -> None:
    source = tmp_path / "x.safetensors"
    save_file(towers["visual"], source)
    with pytest.raises(ColorizeError, match="expected a colorize checkpoint such as mult-eps-ft.safetensors"):
        import_file(source, folders, Purpose.CHECKPOINT)
    with pytest.raises(ColorizeError, match="expected a reference encoder"):
        import_file(SHIPPED, folders, Purpose.REFERENCE_ENCODER)
    save_file({k: v for k, v in towers["visual"].items() if "ln_post" not in k}, source)
    with pytest.raises(ColorizeError, match="2 missing: ln_post"):
        import_file(source, folders, Purpose.REFERENCE_ENCODER)
    shipped = SHIPPED.read_bytes()
    source.write_bytes(shipped[:-1])
    with pytest.raises(ColorizeError, match="cut off"):
        import_file(source, folders, Purpose.CHECKPOINT)
    assert list(folders.own.iterdir()) == list(folders.checkpoints[0].iterdir()) == []


def test_an_import_never_overwrites_another_file(towers: dict[str, State], folders: Folders, tmp_path: Path) -> None:
    source = tmp_path / "x.safetensors"
    save_file(towers["visual"], source)
    (folders.own / "x.safetensors").write_bytes(b"another")
    with pytest.raises(ColorizeError, match="another file of this name is there already"):
        import_file(source, folders, Purpose.REFERENCE_ENCODER)
    assert (folders.own / "x.safetensors").read_bytes() == b"another"


def test_a_stopped_failed_or_too_big_import_leaves_nothing(
    towers: dict[str, State], folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "x.safetensors"
    save_file(towers["visual"], source)
    stop = threading.Event()
    stop.set()
    with pytest.raises(ColorizeError, match="import stopped; nothing was changed"):
        import_file(source, folders, Purpose.REFERENCE_ENCODER, cancel=stop)

    def fail(done: int, total: int) -> None:
        raise RuntimeError("the page was closed")

    with pytest.raises(RuntimeError, match="the page was closed"):
        import_file(source, folders, Purpose.REFERENCE_ENCODER, fail)
    monkeypatch.setattr(placing, "RESERVE", 1 << 60)
    with pytest.raises(ColorizeError, match="free, .* more needed; make room"):
        import_file(source, folders, Purpose.REFERENCE_ENCODER)
    assert list(folders.own.iterdir()) == []


def test_a_hash_older_than_its_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"1")
    placing.record_sha256(path, "a" * 64)
    assert recorded_sha256(path) == "a" * 64
    newer = (tmp_path / "x.safetensors.sha256").stat().st_mtime + 5
    os.utime(path, (newer, newer))
    assert recorded_sha256(path) is None


def test_released_checkpoints_are_told_by_name_and_content(folders: Folders) -> None:
    (folders.checkpoints[0] / "v2-full.safetensors").symlink_to(SHIPPED)  # the name lies
    rows = {row.name: row for row in models_status(folders) if row.path}
    assert rows["v2-full.safetensors"].entry is None
    assert not any(part in rows["v2-full.safetensors"].about for part in ("v2", "cannot run"))
