"""Images and labels in the format of MNIST, and what is refused of files that are not."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from own_files import idx_bytes, idx_name, write_idx
from shift_files import noise

from harness.api import DataError
from harness_datasets.published.idx import find_files, load, outline
from harness_datasets.published.options import IdxOptions

IMAGES = {"train": noise(0, 30, 5, 4), "t10k": noise(1, 10, 5, 4)}
LABELS = {"train": np.arange(30) % 5, "t10k": np.arange(10) % 5}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_idx(tmp_path, IMAGES, LABELS)


def options(folder: Path, **more: object) -> IdxOptions:
    return IdxOptions(path=str(folder), **more)


def test_images_and_labels_of_both_parts(folder: Path) -> None:
    loaded = load(options(folder))
    whole = np.concatenate([IMAGES["train"], IMAGES["t10k"]])
    assert np.array_equal(np.asarray(loaded.inputs), whole[:, None])
    assert np.array_equal(loaded.targets, np.concatenate([LABELS["train"], LABELS["t10k"]]))
    assert list(loaded.split) == ["train"] * 30 + ["test"] * 10
    assert (loaded.scale, loaded.low, loaded.high) == (1 / 255, 0.0, 1.0)
    assert loaded.class_names == ("0", "1", "2", "3", "4")
    assert loaded.name_example(31) == "t10k-images-idx3-ubyte, image 2"
    told = outline(options(folder, classes=("1", "3")))
    assert (told.shape, told.class_names) == ((1, 5, 4), ("1", "3"))
    some = load(options(folder, classes=("1", "3")))
    assert len(some.targets) == 16
    assert some.name_example(1) == "train-images-idx3-ubyte, image 4"  # of 0 1 2 3
    assert some.name_example(12) == "t10k-images-idx3-ubyte, image 2"
    assert len(find_files(options(folder))) == 4


def test_packed_files_of_other_names_and_labels_that_begin_at_one(folder: Path) -> None:
    for part, images in IMAGES.items():
        for what, array in (("images", images), ("labels", LABELS[part] + 1)):
            name = idx_name(part, what)
            (folder / name).unlink()
            new = f"emnist-letters-{name.replace('t10k', 'test')}.gz"
            (folder / new).write_bytes(gzip.compress(idx_bytes(array)))
    loaded = load(options(folder))
    assert np.array_equal(loaded.inputs[30:, 0], IMAGES["t10k"])
    assert loaded.class_names == ("1", "2", "3", "4", "5") and loaded.targets.max() == 4


LAST, FIRST = idx_name("t10k", "images"), idx_name("train", "images")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (FIRST, idx_bytes(IMAGES["train"])[:-7], r"is cut off: .* 30 x 5 x 4, which are 600 bytes, and there are 593"),
        (FIRST, idx_bytes(IMAGES["train"]) + b"x", "is too long"),
        (FIRST, idx_bytes(IMAGES["train"])[:9], "is cut off within its header"),
        (FIRST, b"\x00\x00\x08\x03" + b"\xff" * 12 + b"ab", "is cut off"),
        (FIRST, b"\x89PNG", "is no IDX file: it begins with 89 50 4e 47"),
        (FIRST, idx_bytes(IMAGES["train"], 13), "has 3 dimensions of the type f4; 3 of u1"),
        (FIRST, idx_bytes(LABELS["train"]), "has 1 dimensions of the type u1; 3 of u1"),
        (FIRST, gzip.compress(idx_bytes(IMAGES["train"]))[:-20], "is cut off or damaged"),
        (FIRST, idx_bytes(IMAGES["train"][:0]), "is empty"),
        (FIRST, idx_bytes(IMAGES["train"][:29]), "29 images, and .*train-labels-idx1-ubyte 30 labels"),
        (LAST, idx_bytes(IMAGES["t10k"][:, :4]), "images of 4 x 4 pixels, and those for training 5 x 4"),
        ("train-images.idx3-ubyte", b"", "and train-images.idx3-ubyte, of which one is needed"),
        ("fashion-test-labels-idx1-ubyte", b"", "files of several sets: '', 'fashion-'"),
        ("test-labels-idx1-ubyte", b"", "files named t10k and files named test"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_by_name(folder, name, content, words):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        load(options(folder))
    assert str(folder) in str(caught.value)


def test_of_a_file_packed_and_unpacked_the_unpacked_one_is_read(folder: Path) -> None:
    for path in list(folder.iterdir()):  # torchvision leaves both
        (folder / f"{path.name}.gz").write_bytes(b"not read")
    assert np.array_equal(load(options(folder)).inputs[:30, 0], IMAGES["train"])
    assert not any(path.suffix for path in find_files(options(folder)))


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / idx_name("t10k", "labels")).unlink()
    with pytest.raises(DataError, match="has t10k-images-idx3-ubyte, and no t10k-labels"):
        outline(options(folder))
    assert find_files(options(folder)) == [folder]
    (folder / LAST).unlink()
    assert load(options(folder)).split is None
    (folder / FIRST).unlink()
    (folder / idx_name("train", "labels")).unlink()
    with pytest.raises(DataError, match="has no train-images-idx3-ubyte"):
        load(options(folder))
