"""Files of text: class folders, splits, and what comes next; what cannot be is told at once."""

from pathlib import Path

import numpy as np
import pytest

from harness.api import DataError, UsageError
from harness.catalogue.host import Host
from harness.plan.files import open_path
from harness_datasets.options import TextFolderOptions
from harness_datasets.textfolder import load, outline, settle


def write(folder: Path, files: dict[str, str]) -> TextFolderOptions:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return TextFolderOptions(path=str(folder))


def test_class_folders_are_classes(tmp_path: Path) -> None:
    options = write(
        tmp_path, {f"{c}/{k}.txt": f"{c} {k}" for c in ("ham", "spam") for k in range(3)}
    )
    assert settle(options) == {"problem": "classification"}
    data = load(options)
    assert data.class_names == ("ham", "spam") and data.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.split is None and data.name_example(4).endswith("spam/1.txt")
    assert outline(options).class_names == ("ham", "spam")


def test_splits_are_those_of_the_folders(tmp_path: Path) -> None:
    names = [f"{s}/{c}/{k}.txt" for s in ("train", "test") for c in "ab" for k in range(2)]
    data = load(write(tmp_path, {name: name for name in names}))
    assert data.split == ("test",) * 4 + ("train",) * 4
    nexts = load(write(tmp_path / "flat", {"train/a.txt": "x" * 300, "test/b.txt": "y" * 300}))
    assert nexts.problem == "next_token" and list(nexts.split) == ["test", "test", "train", "train"]  # type: ignore[arg-type]


def test_the_next_byte_of_a_file_and_the_end_is_for_testing(tmp_path: Path) -> None:
    text = "".join(chr(97 + k % 26) for k in range(1000))
    data = load(write(tmp_path, {"a.txt": text}).model_copy(update={"length": 10}))
    assert data.inputs is not None
    whole = np.asarray(data.inputs[slice(None)])
    assert whole.shape == (99, 10) and (whole[:, 1:] == data.targets[:, :-1]).all()
    assert bytes(whole[3]).decode() == text[30:40] and data.targets[3, -1] == ord(text[40])
    assert data.order is not None and (np.diff(data.order) > 0).all()
    many = load(write(tmp_path / "many", {f"{k}.txt": text for k in range(10)}))
    assert many.order is None and many.groups is not None and len(np.unique(many.groups)) == 10


SENTENCES = "the cat sat on the mat, and the dog sat on the cat; é was there, too. " * 60


@pytest.mark.parametrize("count", [1, 12])
def test_pairs_of_bytes_are_learnt_of_training_and_nothing_is_lost(
    tmp_path: Path, count: int
) -> None:
    pytest.importorskip("tokenizers", reason="the extra text is not installed")
    texts = {f"{k}.txt": f"{k} {SENTENCES}" for k in range(count)}
    texts["0.txt"] = SENTENCES + "zebra quagga " * 100 if count == 1 else texts["0.txt"]
    options = write(tmp_path, texts).model_copy(
        update={"by": "bpe", "length": 8, "vocabulary": 320}
    )
    data = load(options)
    assert data.problem == "next_token" and data.text is not None and data.inputs is not None
    whole, split = np.asarray(data.inputs[slice(None)]), np.asarray(data.split)
    assert (whole[:, 1:] == data.targets[:, :-1]).all() and data.high == data.text.size - 1.0
    assert set(split.tolist()) == {"train", "validation", "test"}
    said = "each file is in one split alone" if count > 1 else "the end of each file is for testing"
    assert data.notes[0].rows[-1] == ("splits", said)
    sizes = [
        [len(data.text.text([number]).encode()) for number in row]
        for row in data.targets[split == "test"].tolist()
        if "\N{REPLACEMENT CHARACTER}" not in data.text.text(row)
    ]
    assert data.details["bytes_per_token"] == pytest.approx(np.mean(sizes), rel=0.02)
    assert data.details["bytes_per_token"] > 3 or count == 1
    if count == 1:  # what is tested on alone has no pairs
        assert data.details["bytes_per_token"] == 1.0
        assert not [thing for thing in data.text.things if "quag" in thing]
    assert data.text.text(data.text.numbers(SENTENCES)) == SENTENCES


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    options = write(tmp_path, {"a/1.txt": "x", "a/2.txt": "x", "b/1.txt": "x", "c/readme.md": "x"})
    (tmp_path / "a/1.txt").write_bytes(b"\xff")
    with pytest.raises(DataError) as told:
        load(options)
    assert "c has no texts, and each class needs some" in str(told.value)
    assert "a/1.txt: it is not UTF-8: line 1 has the byte 0xff" in str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"by": "words"}, "by=words: rare words are one unknown sign and blanks are lost"),
        ({"length": 500}, "no file has 501 bytes"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, change: dict, words: str) -> None:
    options = write(tmp_path, {"a.txt": "x" * 300})
    with pytest.raises(DataError, match=words):
        load(options.model_copy(update=change))
    with pytest.raises(DataError, match="needs a folder for each class"):
        load(TextFolderOptions(path=str(tmp_path / "a.txt"), problem="classification"))


def test_a_folder_is_of_texts_where_all_its_files_are(tmp_path: Path) -> None:
    catalogue = Host().catalogue
    write(tmp_path, {"a/1.txt": "x", "b/1.txt": "x", ".hidden": "x", ".git/config": "x"})
    assert open_path(catalogue, f"{tmp_path}:by=bytes") == {
        "name": "textfolder",
        "path": str(tmp_path),
        "by": "bytes",
    }
    (tmp_path / "b/2.png").touch()  # a picture with its words beside it
    assert open_path(catalogue, str(tmp_path))["name"] == "imagefolder"
    with pytest.raises(UsageError, match=r"a path may be .*\.txt, folder$"):
        write(tmp_path, {"a.odd": ""})
        open_path(catalogue, str(tmp_path / "a.odd"))
