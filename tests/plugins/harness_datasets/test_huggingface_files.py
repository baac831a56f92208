"""What is wrong with the files of a data set of Hugging Face is told by file."""

import json

import pytest
from huggingface_folders import IMAGES, TEXTS, images, save, save_parquet, save_splits, texts

from harness.api import DataError
from harness_datasets.huggingface_files import find_parts, read_features, read_rows


def test_rows_are_mapped_in_the_order_of_the_files(tmp_path):
    save(tmp_path, texts(10), TEXTS, files=3)
    parts = find_parts(tmp_path)
    rows = read_rows(parts, ["label", "text"])
    assert rows.columns.equals(texts(10).select(["label", "text"])) and list(rows.counts) == [
        4,
        4,
        2,
    ]
    assert [number for _, number in rows.each()] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("suffix", ["arrow", "parquet"])
def test_a_file_that_is_cut_short_is_named(tmp_path, suffix):
    if suffix == "arrow":
        path = save(tmp_path, images(0, 20), IMAGES) / "data-00000-of-00001.arrow"
    else:
        path = save_parquet(tmp_path / "train.parquet", images(0, 20), IMAGES)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(
            DataError, match=rf"{path.name} cannot be read, it is damaged or cut short"
        ):
            read_features(find_parts(tmp_path))
            read_rows(find_parts(tmp_path), ["image", "label"])


@pytest.mark.parametrize("name", ["../elsewhere.arrow", "/etc/passwd", "a/b.arrow", "", None])
def test_files_elsewhere_are_not_read(tmp_path, name):
    save(tmp_path, texts(3), TEXTS)
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(DataError, match="state.json names .* which is not beside it"):
        find_parts(tmp_path)


def test_splits_are_known_or_refused(tmp_path):
    save_splits(tmp_path / "a", {"train": texts(3), "validation": texts(3)}, TEXTS)
    assert [part.split for part in find_parts(tmp_path / "a")] == ["train"] * 2 + ["test"] * 2
    save_splits(tmp_path / "b", {"train": texts(3), "unsupervised": texts(3)}, TEXTS)
    with pytest.raises(DataError, match="'unsupervised' is no split that is known"):
        find_parts(tmp_path / "b")
    save_splits(tmp_path / "c", {"train": texts(3)}, TEXTS)
    assert {part.split for part in find_parts(tmp_path / "c")} == {""}


def test_what_describes_no_data_set_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="holds no data set of Hugging Face: neither dataset_dict.json"
    ):
        find_parts(tmp_path)
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(DataError, match="state.json is no JSON"):
        find_parts(tmp_path)
    (tmp_path / "state.json").unlink()
    save_parquet(tmp_path / "a.parquet", texts(3), TEXTS)
    assert read_features(find_parts(tmp_path)).keys() == {"text", "label"}
    import pyarrow.parquet

    pyarrow.parquet.write_table(texts(3), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="a.parquet says nothing of features"):
        read_features(find_parts(tmp_path))
