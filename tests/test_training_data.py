"""Reading pairs: what a folder holds, what a batch holds, and what is passed over."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import stat
import struct
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.errors import ColorizeError
from tests.training_data_folders import color_of, encoded, sketch_of, write_pairs, write_zip
from training.dataset.batch import Batch
from training.dataset.buckets import bucket_sizes, nearest_bucket
from training.dataset.pairs import DataOptions, Pairs, open_pairs

PLAIN = DataOptions(resolution=32, flip=False, crop="centre", max_margin=0)


def equal(a: Batch, b: Batch) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("sketch", "color", "reference"))


def pair(number: int = 0, size: tuple[int, int] = (48, 40)) -> tuple[bytes, bytes]:
    return encoded(color_of(number, size)), encoded(sketch_of(number, size))


# What a batch holds

@pytest.mark.parametrize("layout", ["zip", "folder", "loose"])
def test_every_layout_gives_the_pixels_of_its_pairs(tmp_path: Path, layout: str) -> None:
    pairs = open_pairs(write_pairs(tmp_path, 4, ((32, 32),), layout), PLAIN)
    assert len(pairs) == 4 and pairs.report.skipped == {}
    for index, key in enumerate(pairs.catalog.keys):
        number = int(key.rpartition("/")[2])
        batch = pairs.batch([index], 0, 0)
        color = torch.from_numpy(np.array(color_of(number, (32, 32)))).permute(2, 0, 1) / 127.5 - 1
        sketch = 1 - torch.from_numpy(np.array(sketch_of(number, (32, 32)))).permute(2, 0, 1) / 127.5
        assert torch.allclose(batch.color[0], color, atol=1e-6) and torch.equal(batch.color, batch.reference)
        assert torch.allclose(batch.sketch[0], sketch, atol=1e-6)


def test_a_batch_is_a_pure_function_of_seed_epoch_and_index(tmp_path: Path) -> None:
    options = DataOptions(resolution=32, zoom=1.5, rotate=20, jitter=0.2, max_margin=10)
    folder = write_pairs(tmp_path)
    first, again = open_pairs(folder, options), open_pairs(folder, options)
    first.batch([0, 1], 9, 9)  # what was read before does not matter
    whole = first.batch([0, 3, 4], 1, 2)
    assert equal(whole, again.batch([0, 3, 4], 1, 2))
    alone = [again.batch([i], 1, 2) for i in (0, 3, 4)]
    assert torch.equal(whole.color, torch.cat([b.color for b in alone]))  # nor who else is in the batch
    assert torch.equal(whole.sketch, torch.cat([b.sketch for b in alone]))
    for other in (again.batch([0, 3, 4], 2, 2), again.batch([0, 3, 4], 1, 3)):
        assert not torch.equal(whole.color, other.color)


def test_sketch_and_picture_move_together(tmp_path: Path) -> None:
    write_zip(tmp_path / "color/a.zip", [("x.png", encoded(sketch_of(3, (60, 44))))])
    write_zip(tmp_path / "sketch/a.zip", [("x.png", encoded(sketch_of(3, (60, 44))))])
    pairs = open_pairs(tmp_path, DataOptions(resolution=32, zoom=1.6, rotate=30, rotate_rate=0.5, max_margin=0))
    seen = set()
    for epoch in range(12):
        for window in (0, 16):
            batch = pairs.batch([0], 0, epoch, window)
            assert torch.equal(batch.sketch, -batch.color)
            seen.add(batch.color.numpy().tobytes())
    assert len(seen) > 16


def test_only_the_sketch_loses_margins(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, 1)
    with_margins = open_pairs(folder, DataOptions(resolution=32, max_margin=12, margin_rate=1.0))
    without = open_pairs(folder, DataOptions(resolution=32, max_margin=0))
    changed = 0
    for epoch in range(10):
        a, b = with_margins.batch([0], 0, epoch), without.batch([0], 0, epoch)
        assert torch.equal(a.color, b.color)
        different = (a.sketch != b.sketch)[0]
        assert bool((a.sketch[0][different] == -1).all()) and not bool(different[:, 12:20, 12:20].any())
        changed += int(different.any())
    assert changed > 5


def test_a_window_is_a_part_of_the_whole_sample(tmp_path: Path) -> None:
    pairs = open_pairs(write_pairs(tmp_path, 1), DataOptions(resolution=64, max_margin=0))
    corners = set()
    for epoch in range(20):
        whole, part = pairs.batch([0], 0, epoch), pairs.batch([0], 0, epoch, window=24)
        assert torch.equal(part.reference, whole.color)
        found = [(x, y) for x in range(0, 41, 8) for y in range(0, 41, 8)
                 if torch.equal(part.color, whole.color[..., y:y + 24, x:x + 24])
                 and torch.equal(part.sketch, whole.sketch[..., y:y + 24, x:x + 24])]
        corners.update(found)
        assert found
    assert len(corners) > 8


@pytest.mark.parametrize("window", [0, 16])
def test_a_reference_of_its_own_is_shown_whole_and_others_show_the_picture(tmp_path: Path, window: int) -> None:
    folder = write_pairs(tmp_path, 4, ((32, 32),), shards=2)
    before = open_pairs(folder, PLAIN)
    write_zip(folder / "reference/0001.zip", [("0003.png", encoded(color_of(99, (64, 64))))])
    pairs = open_pairs(folder, PLAIN)
    assert pairs.digest != before.digest and pairs.report.skipped == {}
    batch, plain = pairs.batch([0, 3], 0, 0, window), before.batch([0, 3], 0, 0, window)
    assert pairs.catalog.keys[3] == "0001/0003"
    assert torch.equal(batch.color, plain.color) and torch.equal(batch.sketch, plain.sketch)
    assert torch.equal(batch.reference[0], plain.reference[0])
    wanted = np.array(color_of(99, (64, 64)).resize((32, 32), Image.Resampling.BICUBIC)) / 127.5 - 1
    assert np.allclose(batch.reference[1].permute(1, 2, 0).numpy(), wanted, atol=1e-6)


def test_a_sample_with_a_damaged_reference_is_passed_over(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, 2, ((32, 32),), shards=1)
    write_zip(folder / "reference/0000.zip", [("0000.png", encoded(color_of(9, (32, 32)))[:60])])
    pairs = open_pairs(folder, PLAIN)
    assert equal(pairs.batch([0], 0, 0), pairs.batch([1], 0, 0)) and pairs.report.skipped["damaged picture"] == 1


def test_a_mask_makes_the_background_paper_in_both(tmp_path: Path) -> None:
    figure = Image.new("L", (48, 48), 0)
    figure.paste(255, (16, 16, 32, 32))
    for part, image in (("color", Image.new("RGB", (48, 48), "red")), ("sketch", Image.new("RGB", (48, 48), "black")),
                        ("mask", figure)):
        write_zip(tmp_path / part / "a.zip", [("x.png", encoded(image))])
    write_zip(tmp_path / "color/b.zip", [("x.png", encoded(Image.new("RGB", (48, 48), "red")))])
    write_zip(tmp_path / "sketch/b.zip", [("x.png", encoded(Image.new("RGB", (48, 48), "black")))])
    pairs = open_pairs(tmp_path, DataOptions(resolution=48, max_margin=0, white_background=1.0))
    batch = pairs.batch([0, 1], 0, 0)
    red = torch.tensor([1.0, -1.0, -1.0])
    assert torch.equal(batch.color[0, :, 24, 24], red) and torch.equal(batch.color[0, :, 4, 4], torch.ones(3))
    assert torch.equal(batch.sketch[0, :, 24, 24], torch.ones(3))
    assert torch.equal(batch.sketch[0, :, 4, 4], -torch.ones(3))
    assert torch.equal(batch.color[1, :, 4, 4], red) and pairs.report.notes["without a mask"] == 1


# Plans and buckets

def test_a_plan_shows_every_sample_once_in_full_batches_of_one_bucket(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, 13, ((60, 40), (40, 60), (40, 40)))
    pairs = open_pairs(folder, DataOptions(resolution=32, buckets=True, bucket_step=8))
    plan = pairs.plan(0, 0, 4)
    assert all(len(batch) == 4 and len({int(pairs.bucket_of[i]) for i in batch}) == 1 for batch in plan)
    seen = [i for batch in plan for i in batch]
    assert set(seen) == set(range(13)) and len(seen) == 4 * (2 + 1 + 1)  # 5, 4 and 4 samples
    assert plan == pairs.plan(0, 0, 4)
    assert plan != pairs.plan(0, 1, 4) and plan != pairs.plan(1, 0, 4)


def test_the_ranks_of_a_planned_batch_are_the_batch(tmp_path: Path) -> None:
    pairs = open_pairs(write_pairs(tmp_path), DataOptions(resolution=32))
    indices = pairs.plan(3, 0, 4)[0]
    whole = pairs.batch(indices, 3, 0)
    for rank in range(2):
        assert torch.equal(pairs.batch(indices[rank::2], 3, 0).sketch, whole.sketch[rank::2])


def test_buckets_are_multiples_within_the_area_and_cover_the_aspects() -> None:
    sizes = bucket_sizes(DataOptions(resolution=512, buckets=True, bucket_step=64, max_aspect=2.0))
    assert all(w % 64 == 0 and h % 64 == 0 and w * h <= 512 * 512 and 0.5 <= w / h <= 2 for w, h in sizes)
    assert (512, 512) in sizes and (384, 640) in sizes and (640, 384) in sizes
    assert sizes[nearest_bucket((1000, 1000), sizes)] == (512, 512)
    assert sizes[nearest_bucket((100, 1000), sizes)] == min(sizes, key=lambda s: s[0] / s[1])
    assert bucket_sizes(DataOptions(resolution=96)) == [(96, 96)]


def test_a_batch_of_two_buckets_is_refused(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, 4, ((64, 32), (32, 64)))
    pairs = open_pairs(folder, DataOptions(resolution=32, buckets=True, bucket_step=8))
    with pytest.raises(ColorizeError, match="2 buckets"):
        pairs.batch([0, 1, 2, 3], 0, 0)


# Workers

def _hash(pairs: Pairs, index: int) -> int:
    batch = pairs.batch([index], 0, 0)
    return zlib.crc32(batch.color.numpy().tobytes() + batch.sketch.numpy().tobytes())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_forked_and_spawned_workers_read_the_same(tmp_path: Path, method: str) -> None:
    pairs = open_pairs(write_pairs(tmp_path, 8), DataOptions(resolution=32))
    expected = [_hash(pairs, i) for i in range(8)]  # before the fork, so that an open handle would be shared
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_hash, [(pairs, i) for i in range(8)] * 4, chunksize=1) == expected * 4


def test_threads_and_a_pickle_read_the_same(tmp_path: Path) -> None:
    pairs = open_pairs(write_pairs(tmp_path, 8), DataOptions(resolution=32))
    expected, found = [_hash(pairs, i) for i in range(8)], {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: [_hash(pairs, i) for _ in range(5)]}))
               for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(8)] == [[e] * 5 for e in expected]
    assert [_hash(pickle.loads(pickle.dumps(pairs)), i) for i in range(8)] == expected


# The index

def test_an_index_filters_and_gives_the_sizes(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path, 6)
    lines = [{"member": f"{i % 2:04d}/{i:04d}.png", "width": 48, "height": 40, "score": i, "tags": ["a", f"t{i}"]}
             for i in range(5)]
    (folder / "index.jsonl").write_text("\n".join(json.dumps(line) for line in lines))

    def numbers(*where: str) -> list[int]:
        pairs = open_pairs(folder, DataOptions(resolution=32, where=where))
        assert pairs.report.skipped["not in the index or filtered out"] == 6 - len(pairs)
        return sorted(int(key[-4:]) for key in pairs.catalog.keys)

    assert numbers() == [0, 1, 2, 3, 4]
    assert numbers("score >= 2", "tags != t3") == [2, 4]
    assert numbers("tags=t1") == [1] and numbers("score<1") == [0] and numbers("nothing!=1") == [0, 1, 2, 3, 4]
    (folder / "index.jsonl").unlink()
    (folder / "index.json").write_text(json.dumps(lines[:2]))
    assert numbers() == [0, 1]


@pytest.mark.parametrize("text, message", [("{", "not JSON"), ('{"a": 1}', "member"), ("[1]", "member")])
def test_a_wrong_index_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder = write_pairs(tmp_path, 1)
    (folder / "index.jsonl").write_text(text)
    with pytest.raises(ColorizeError, match=f"index.jsonl.*{message}"):
        open_pairs(folder, PLAIN)


@pytest.mark.parametrize("where", ["score", "score ~ 1", "tags>=a", "score>=high"])
def test_a_wrong_filter_is_named(tmp_path: Path, where: str) -> None:
    folder = write_pairs(tmp_path, 1)
    (folder / "index.jsonl").write_text('{"member": "0000/0000", "score": 1, "tags": []}')
    with pytest.raises(ColorizeError, match="filter"):
        open_pairs(folder, DataOptions(where=(where,)))


# What is passed over

def with_one_good_pair(folder: Path) -> None:
    color, sketch = pair(99)
    write_zip(folder / "color/good.zip", [("good.png", color)])
    write_zip(folder / "sketch/good.zip", [("good.png", sketch)])


def skipped(folder: Path) -> dict[str, int]:
    pairs = open_pairs(folder, PLAIN)
    assert pairs.catalog.keys == ["good/good"] and pairs.report.usable == 1
    return dict(pairs.report.skipped)


@pytest.mark.parametrize("name", ["/etc/x.png", "../x.png", "a/../../x.png", "C:x.png", "C:/x.png", "a\\..\\x.png",
                                  "./x.png", "a//x.png", "a\n.png"])
def test_path_tricks_in_a_zip_are_skipped_and_counted(tmp_path: Path, name: str) -> None:
    with_one_good_pair(tmp_path)
    color, sketch = pair()
    write_zip(tmp_path / "color/a.zip", [(name, color)])
    write_zip(tmp_path / "sketch/a.zip", [(name, sketch)])
    assert skipped(tmp_path) == {"path trick": 2}


def test_a_name_with_a_null_byte_is_a_trick(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    for part in ("color", "sketch"):
        write_zip(tmp_path / part / "a.zip", [("aXx.png", pair()[0])])
        file = tmp_path / part / "a.zip"
        file.write_bytes(file.read_bytes().replace(b"aXx.png", b"a\0x.png"))
    assert skipped(tmp_path) == {"path trick": 2}


def test_links_encryption_and_other_compressions_are_skipped_and_counted(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    (tmp_path / "color").mkdir(exist_ok=True)
    with zipfile.ZipFile(tmp_path / "color/a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("packed.png", pair()[0], zipfile.ZIP_BZIP2)
        archive.writestr("secret.png", pair()[0])
        archive.writestr("notes.txt", "hello")
    file = tmp_path / "color/a.zip"
    content = bytearray(file.read_bytes())
    place = content.rfind(b"PK\x01\x02", 0, content.rfind(b"secret.png"))
    content[place + 8] |= 1  # the directory's flag
    file.write_bytes(content)
    assert skipped(tmp_path) == {"a link or device": 1, "unknown compression": 1, "encrypted": 1,
                                 "not a picture by its name": 1}


def test_doubled_names_are_skipped_whole(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    color, sketch = pair()
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(tmp_path / "color/a.zip", [("x.png", color), ("x.png", color)])
    write_zip(tmp_path / "sketch/a.zip", [("x.png", sketch)])
    assert skipped(tmp_path) == {"two members of one name": 2, "sketch without a picture": 1}


def test_members_that_share_their_bytes_are_skipped(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    write_zip(tmp_path / "color/a.zip", [("x.png", pair()[0]), ("y.png", pair(1)[0])])
    file = tmp_path / "color/a.zip"
    content = bytearray(file.read_bytes())
    second = content.rfind(b"PK\x01\x02")
    content[second + 42:second + 46] = struct.pack("<I", 0)  # the second one's header is the first one's
    file.write_bytes(content)
    counted = skipped(tmp_path)
    assert counted["overlapping members"] >= 1 and sum(counted.values()) == 2


def test_members_without_a_partner_and_other_shapes_are_counted(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    write_zip(tmp_path / "color/a.zip", [("x.png", pair()[0]), ("z.png", pair()[0])])
    write_zip(tmp_path / "sketch/a.zip", [("y.png", pair()[1]), ("z.png", pair(0, (30, 60))[1])])
    assert skipped(tmp_path) == {"picture without a sketch": 1, "sketch without a picture": 1,
                                 "sketch of another shape than its picture": 1}


def test_a_sketch_of_another_size_but_shape_is_fitted(tmp_path: Path) -> None:
    write_zip(tmp_path / "color/a.zip", [("x.png", pair(0, (64, 48))[0])])
    write_zip(tmp_path / "sketch/a.zip", [("x.png", pair(0, (128, 96))[1])])
    batch = open_pairs(tmp_path, PLAIN).batch([0], 0, 0)
    assert batch.sketch.shape == batch.color.shape == (1, 3, 32, 32)


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("content, reason", [
    (bomb(60000, 60000), "picture too large"), (bomb(17000, 10), "picture too large"),
    (bomb(4, 400), "picture too small"), (b"", "not a picture"), (b"hello", "not a picture"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
], ids=range(6))
def test_bombs_and_what_is_no_picture_are_told_from_the_header(tmp_path: Path, content: bytes, reason: str) -> None:
    with_one_good_pair(tmp_path)
    write_zip(tmp_path / "color/a.zip", [("x.png", content)], compressed=True)
    write_zip(tmp_path / "sketch/a.zip", [("x.png", pair()[1])])
    assert skipped(tmp_path) == {reason: 1}


def test_a_member_that_inflates_beyond_its_promise_is_not_inflated(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    write_zip(tmp_path / "color/a.zip", [("x.png", bytes(50_000_000))], compressed=True)
    write_zip(tmp_path / "sketch/a.zip", [("x.png", pair()[1])])
    file = tmp_path / "color/a.zip"
    content = bytearray(file.read_bytes())
    place = content.rfind(b"PK\x01\x02")
    content[place + 24:place + 28] = struct.pack("<I", 1000)
    file.write_bytes(content)
    assert skipped(tmp_path) == {"damaged member": 1}


def test_a_damaged_archive_is_one_count(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    (tmp_path / "color/a.zip").write_bytes((tmp_path / "color/good.zip").read_bytes()[:-30])
    assert skipped(tmp_path) == {"damaged archive": 1}


def test_links_out_of_a_folder_are_skipped(tmp_path: Path) -> None:
    with_one_good_pair(tmp_path)
    (tmp_path / "outside.png").write_bytes(pair()[0])
    (tmp_path / "color/f").mkdir()
    os.symlink(tmp_path / "outside.png", tmp_path / "color/f/x.png")
    os.mkfifo(tmp_path / "color/f/pipe.png")
    assert skipped(tmp_path) == {"a link out of the folder": 1, "not an ordinary file": 1}


def test_a_damaged_picture_found_while_training_is_counted_once_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:
    folder = write_pairs(tmp_path, 4, layout="folder", shards=1)
    file = folder / "color/0000/0001.png"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF  # the header stays good
    file.write_bytes(content)
    pairs = open_pairs(folder, PLAIN)
    assert len(pairs) == 4 and not pairs.report.skipped
    for _ in range(3):
        batch = pairs.batch([0, 1, 3], 0, 0)
        assert torch.equal(batch.color[1:2], pairs.batch([2], 0, 0).color)  # the next one stands in
    assert pairs.report.skipped == {"damaged picture": 1} and pairs.report.examples["damaged picture"] == ["0000/0001"]
    assert "1 damaged picture (0000/0001)" in str(pairs.report)
    assert caplog.messages == ["0000/0001: damaged picture; another sample stands in"]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_a_picture_turned_by_exif_is_in_the_bucket_of_what_is_seen(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for part, make in (("color", color_of), ("sketch", sketch_of)):
        write_zip(tmp_path / part / "a.zip", [(f"x.{kind.lower()}", encoded(make(0, (64, 32)), kind, exif=exif))])
    pairs = open_pairs(tmp_path, DataOptions(resolution=32, buckets=True, bucket_step=8))
    assert pairs.size_of(0)[1] > pairs.size_of(0)[0]
    assert pairs.batch([0], 0, 0).color.shape[2] > pairs.batch([0], 0, 0).color.shape[3]


def test_nothing_usable_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ColorizeError, match="no folder color/"):
        open_pairs(tmp_path, PLAIN)
    for part in ("color", "sketch"):
        write_zip(tmp_path / part / "a.zip", [("x.png", b"broken")])
    with pytest.raises(ColorizeError, match="no usable pair.*1 not a picture") as error:
        open_pairs(tmp_path, PLAIN)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"crop": "middle"}, {"resolution": 4}, {"zoom": 0.5}, {"margin_rate": 2.0},
                                    {"rotate": -1}, {"max_aspect": 0.5}, {"jitter": 3}, {"max_margin": -1},
                                    {"buckets": True, "resolution": 500}])
def test_wrong_options_are_named(change: dict) -> None:
    with pytest.raises(ColorizeError, match=f"data.{next(iter(change)) if len(change) == 1 else 'resolution'}"):
        DataOptions(**change)
