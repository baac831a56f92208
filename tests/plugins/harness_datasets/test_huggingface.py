"""Data sets of Hugging Face in a folder give the images, texts and classes that their rows hold."""

import numpy as np
import pyarrow
import pytest
from huggingface_folders import IMAGES, TEXTS, images, save, save_parquet, save_splits, texts

from harness.api import DataError
from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.plan.files import open_path, settle_by_files
from harness.plan.names import choose_one
from harness_datasets.huggingface import load
from harness_datasets.options import HuggingFaceOptions


def read(folder, **options):
    return load(HuggingFaceOptions(path=str(folder), size=12, **options))


def pixels(number):
    drawn = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return drawn.transpose(2, 0, 1)


@pytest.mark.parametrize("layout", ["saved", "parquet"])
def test_images_of_two_splits(tmp_path, layout):
    parts = {"train": images(0, 10), "test": images(100, 4)}
    if layout == "saved":
        save_splits(tmp_path, parts, IMAGES)
        last = tmp_path / "test/data-00001-of-00002.arrow, row 2"
    else:
        for name, table in parts.items():
            save_parquet(tmp_path / f"data/{name}-00000-of-00001.parquet", table, IMAGES)
        last = tmp_path / "data/test-00000-of-00001.parquet, row 4"
    loaded = read(tmp_path)
    assert loaded.class_names == ("cat", "dog")
    found = {(split, target, loaded.inputs[row : row + 1].tobytes()) for row, (split, target) in enumerate(zip(loaded.split, loaded.targets.tolist(), strict=True))}  # fmt: skip
    expected = {("train", row % 2, pixels(row).tobytes()) for row in range(10)}
    assert found == expected | {("test", row % 2, pixels(100 + row).tobytes()) for row in range(4)}
    assert str(last) in {loaded.name_example(row) for row in range(14)}
    assert ("column id", "int64", "left out") in loaded.notes[0].rows


def test_small_images_that_nobody_gave_a_size_are_said_to_be_enlarged(tmp_path):
    save(tmp_path, images(0, 30), IMAGES)
    (found,) = load(HuggingFaceOptions(path=str(tmp_path))).findings
    assert found.code == "enlarged" and found.numbers == {"side": 12}
    assert read(tmp_path).findings == ()  # a size was asked for


@pytest.mark.parametrize("features", ["images", "texts"])
def test_a_path_is_enough(tmp_path, features):
    table, said = (images(0, 30), IMAGES) if features == "images" else (texts(30), TEXTS)
    folder = save(tmp_path / "set", table, said)
    catalogue = Host().catalogue
    dataset = settle_by_files(choose_one(catalogue, "dataset", open_path(catalogue, str(folder))))
    assert dataset.item.name == "huggingface"
    task = prepare(dataset, 0, tmp_path)
    assert task.modality == ("image" if features == "images" else "tokens")
    assert task.counts == {"train": 18, "validation": 6, "test": 6}


def test_rows_without_a_label_and_broken_images_are_counted(tmp_path):
    table = images(0, 8)
    labels = pyarrow.array([0, 1, 0, 1, 0, 1, -1, None], pyarrow.int64())
    cells = table["image"].to_pylist()
    cells[2] = {"bytes": b"none", "path": None}
    cells[3] = {"bytes": None, "path": "elsewhere.png"}
    table = table.set_column(0, "image", pyarrow.array(cells, table.schema.field("image").type))
    save(tmp_path, table.set_column(1, "label", labels), IMAGES)
    with pytest.raises(
        DataError, match="(?s)arrow, row 3 cannot be read as an im.*row 4 cannot be"
    ):
        read(tmp_path).inputs[0:6]
    loaded = read(tmp_path, skip_broken=True)
    assert loaded.targets.tolist() == [0, 1, 0, 1]
    assert loaded.notes[0].rows[-2:] == (
        ("images that cannot be read", "2", "left out"),
        ("rows without a label", "2", "left out"),
    )


def test_columns_are_chosen_by_name(tmp_path):
    table = texts(6).append_column("title", pyarrow.array(["a"] * 6))
    save(tmp_path, table, TEXTS | {"title": TEXTS["text"]})
    with pytest.raises(DataError, match="several columns are text, text, title; input=... names"):
        read(tmp_path)
    assert read(tmp_path, input="title").modality == "tokens"
    with pytest.raises(
        DataError, match="there is no column 'name', which input names; there are text"
    ):
        read(tmp_path, input="name")


def test_other_features_are_refused_in_words(tmp_path):
    save(
        tmp_path,
        pyarrow.table({"x": [1.0] * 5, "label": [0] * 5}),
        {"x": IMAGES["id"], "label": IMAGES["label"]},
    )
    with pytest.raises(
        DataError,
        match=r"an image or a text is needed in a column, and the features are x \(int64\), label",
    ):
        read(tmp_path)
    save(
        tmp_path,
        images(0, 5).select(["image", "id"]),
        {"image": IMAGES["image"], "id": IMAGES["id"]},
    )
    with pytest.raises(DataError, match="a class label is needed in a column"):
        read(tmp_path)


def test_a_label_beyond_the_names_is_refused_by_its_row(tmp_path):
    table = texts(6)
    save(tmp_path, table.set_column(1, "label", pyarrow.array([0, 1, 2, 0, 1, 0])), TEXTS)
    with pytest.raises(DataError, match="arrow, row 3: 'label' is 2, and classes are 0 to 1"):
        read(tmp_path)


def test_validation_is_the_test_where_that_is_kept_secret(tmp_path):
    secret = texts(4).set_column(1, "label", pyarrow.array([-1] * 4))
    save_splits(tmp_path, {"train": texts(10), "validation": texts(6), "test": secret}, TEXTS)
    loaded = read(tmp_path)
    assert loaded.split == ["train"] * 10 + ["test"] * 6
    assert ("rows without a label", "4", "left out") in loaded.notes[0].rows


def test_classes_in_another_order_in_another_part_are_refused(tmp_path):
    other = TEXTS | {"label": IMAGES["label"] | {"names": ["dog", "cat"]}}
    save_parquet(tmp_path / "train.parquet", texts(10), TEXTS)
    save_parquet(tmp_path / "test.parquet", texts(6), other)
    with pytest.raises(
        DataError, match=r"train.parquet: the classes of 'label' are \['cat', 'dog'\], and"
    ):
        read(tmp_path)
