"""Shards give the images and classes that their members hold; what is wrong is told by shard and member."""

import json
import pickle
import re
import struct
import zlib

import numpy as np
import pytest
from shard_files import examples, picture, write_shard

from harness.api import DataError, Preprocessing
from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.plan.names import choose_one
from harness_datasets.options import WebDatasetOptions
from harness_datasets.webdataset import load


def read(path, **options):
    return load(WebDatasetOptions(path=str(path), size=12, **options))


def test_images_and_classes_are_those_of_the_members(tmp_path):
    write_shard(tmp_path / "000.tar", examples(0, 5))
    write_shard(tmp_path / "001.tar", examples(5, 4))
    (tmp_path / "classnames.txt").write_text("cat\ndog\nfish\nnone\n")
    loaded = read(tmp_path)
    assert loaded.class_names == ("cat", "dog", "fish")
    assert loaded.targets.tolist() == [n % 3 for n in range(9)] and loaded.split is None
    for number, pixels in enumerate(loaded.inputs[0:9]):
        expected = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        assert np.array_equal(pixels, expected.transpose(2, 0, 1))
    assert loaded.name_example(7) == f"{tmp_path / '001.tar'}, member a/0007.png"


def test_small_images_that_nobody_gave_a_size_are_said_to_be_enlarged(tmp_path):
    path = write_shard(tmp_path / "a.tar", examples(0, 30))
    options = WebDatasetOptions(path=str(path))
    (found,) = load(options).findings
    assert found.code == "enlarged" and found.numbers == {"side": 12}
    assert read(path).findings == ()  # a size was asked for
    assert load(options, Preprocessing(size=(224, 224))).findings == ()  # weights want it


def test_one_shard_is_a_data_set(tmp_path):
    path = write_shard(tmp_path / "a.tar", examples(0, 30))
    dataset = choose_one(
        Host().catalogue, "dataset", {"name": "webdataset", "path": str(path), "size": 12}
    )
    out = tmp_path / "out"
    out.mkdir()
    assert prepare(dataset, 0, out).counts == {"train": 18, "validation": 6, "test": 6}


@pytest.mark.parametrize("named", ["folders", "shards"])
def test_splits_are_told_by_folders_or_names(tmp_path, named):
    for number, split in enumerate(("train", "val")):
        name = f"{split}/000.tar" if named == "folders" else f"pets-{split}-000.tar"
        write_shard(tmp_path / name, examples(10 * number, 3))
    assert list(read(tmp_path).split) == ["train"] * 3 + ["test"] * 3


@pytest.mark.parametrize(
    ("label", "ending", "write"),
    [
        ("txt", "txt", str.encode),
        ("json:animal", "json", lambda word: json.dumps({"animal": word, "more": [1]}).encode()),
    ],
)
def test_labels_may_be_words_and_of_json(tmp_path, label, ending, write):
    members = {}
    for number, word in enumerate(("dog", "cat", "dog")):
        members |= {f"{number}.png": picture(number), f"{number}.{ending}": write(word)}
    loaded = read(write_shard(tmp_path / "a.tar", members), label=label)
    assert loaded.class_names == ("cat", "dog") and loaded.targets.tolist() == [1, 0, 1]


def test_pickles_are_left_alone(tmp_path):
    class Planted:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    members = examples(0, 3) | {
        "a/0000.pyd": pickle.dumps(Planted()),
        "a/0001.pth": pickle.dumps(Planted()),
    }
    loaded = read(write_shard(tmp_path / "a.tar", members))
    loaded.inputs[0:3]
    assert not (tmp_path / "executed").exists()
    assert ("members that end in .pyd", "1", "left out") in loaded.notes[0].rows


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"b.png": b"x"}, "a.tar, member b.png has no label, b.cls, in its shard"),
        ({"b.cls": b"1"}, "a.tar, member b.cls has no image in its shard"),
        (
            {"b.png": b"x", "b.jpg": b"x", "b.cls": b"1"},
            "member b.jpg: b.png is an image of the same example",
        ),
        ({"b.png": b"x", "b.cls": b" "}, "member b.cls holds no class"),
        (
            {"b.png": b"x", "b.cls": b"\xff"},
            "member b.cls is no text in UTF-8: invalid start byte at byte 0",
        ),
        ({"b.png": b"x", "b.cls": b"1" * 5000}, "member b.cls has 5,000 bytes"),
    ],
)
def test_what_is_wrong_is_told_by_shard_and_member(tmp_path, members, said):
    path = write_shard(tmp_path / "a.tar", examples(0, 3) | members)
    with pytest.raises(DataError, match=re.escape(said)):
        read(path)


def test_a_broken_image_is_named_or_left_out(tmp_path):
    members = examples(0, 4) | {"a/0002.png": picture(2)[:60], "a/0003.png": b""}
    path = write_shard(tmp_path / "a.tar", members)
    with pytest.raises(
        DataError, match=r"(?s)member a/0002.png cannot be read.*member a/0003.png cannot be read"
    ):
        read(path).inputs[0:4]
    loaded = read(path, skip_broken=True)
    assert loaded.targets.tolist() == [0, 1] and loaded.inputs[0:2].shape == (2, 3, 12, 12)


def test_classes_of_one_name_are_told_apart(tmp_path):
    path = write_shard(tmp_path / "a.tar", examples(0, 3))
    (tmp_path / "classnames.txt").write_text("crane\nmaillot\ncrane\n")
    assert read(path).class_names == ("crane (0)", "maillot", "crane (2)")


def test_labels_beyond_the_names_and_folders_without_shards(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no shards; those are files that end in .tar"):
        read(tmp_path / "empty")
    path = write_shard(tmp_path / "a.tar", examples(0, 3))
    (tmp_path / "classnames.txt").write_text("cat\ndog\n")
    with pytest.raises(DataError, match="names 2 classes, from 0 on, and a label is 2"):
        read(path)
    (tmp_path / "classnames.txt").write_bytes(b"cat\nd\xff")
    with pytest.raises(DataError, match=r"classnames.txt: it is not UTF-8: line 2 has"):
        read(path)


def test_a_picture_that_claims_to_be_huge_is_refused_by_its_header(tmp_path):
    huge = bytearray(picture(0))
    huge[16:24] = struct.pack(">II", 50_000, 50_000)
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    path = write_shard(tmp_path / "a.tar", {"b.png": bytes(huge), "b.cls": b"1"})
    with pytest.raises(DataError, match="member b.png: too many pixels to be an honest image"):
        read(path).inputs[0:1]
