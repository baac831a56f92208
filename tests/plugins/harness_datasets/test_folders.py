"""Which files a folder of class folders means, to the reader and to the fingerprint."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.api import DataError, Dataset, Preprocessing
from harness.catalogue.chosen import Chosen
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness_datasets import imagefolder
from harness_datasets.folders import join_sentences, read_layout
from harness_datasets.options import ImageFolderOptions


def write(path: Path, colour: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (9, 9), colour).save(path)


def options(root: Path, **values: bool) -> ImageFolderOptions:
    return ImageFolderOptions(path=str(root), size=8, channels=1, **values)


def names(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in read_layout(root, False).images]


def test_class_folders_that_are_links_and_folders_linked_in_below(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    write(root / "a" / "1.png")
    write(tmp_path / "elsewhere" / "2.png")
    write(tmp_path / "more" / "deep" / "3.png")
    (root / "b").symlink_to(tmp_path / "elsewhere")
    (root / "a" / "more").symlink_to(tmp_path / "more")
    (root / "a" / "4.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    assert names(root) == ["a/1.png", "a/4.png", "a/more/deep/3.png", "b/2.png"]
    assert read_layout(root, False).targets == (0, 0, 0, 1)


def test_loops_of_links_end(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "a" / "deep" / "2.png")
    write(tmp_path / "b" / "3.png")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "deep" / "again").symlink_to(tmp_path / "a" / "deep")
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")  # another class: as asked for
    layout = read_layout(tmp_path, False)
    assert names(tmp_path) == ["a/1.png", "a/b/3.png", "a/deep/2.png", "b/3.png"]
    assert layout.left_out == {"links to folders that are read already": 3}


def test_what_is_read_is_what_is_digested(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in "ab":
            write(tmp_path / split / name / "1.png")
            (tmp_path / split / name / "notes.txt").write_text("x")
    (tmp_path / "labels.csv").write_text("")
    both = imagefolder.find_files(options(tmp_path))
    assert both == list(imagefolder.load(options(tmp_path)).inputs.files)  # type: ignore[attr-defined]
    assert len(both) == 4
    only = imagefolder.find_files(options(tmp_path, test_only=True))
    assert [os.path.relpath(path, tmp_path) for path in only] == ["val/a/1.png", "val/b/1.png"]


def test_files_of_a_folder_that_is_refused(tmp_path: Path) -> None:
    """The job that prepares it says what is wrong; a fingerprint is needed all the same."""
    write(tmp_path / "train" / "a" / "1.png")
    write(tmp_path / "test" / "a" / "1.png")
    write(tmp_path / "extra" / "a" / "1.png")
    assert imagefolder.find_files(options(tmp_path)) == [tmp_path]


def test_hidden_and_system_files_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "b" / "1.JPG")
    write(tmp_path / "a" / ".thumbs" / "1.png")
    write(tmp_path / "a" / "@eaDir" / "1.png")
    write(tmp_path / "__MACOSX" / "a" / "1.png")
    write(tmp_path / "top.png")
    (tmp_path / "b" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "b" / "._1.png").write_bytes(b"")
    (tmp_path / "b" / "raw.NEF").write_bytes(b"")
    layout = read_layout(tmp_path, False)
    assert names(tmp_path) == ["a/1.png", "b/1.JPG"] and layout.problems == ()
    assert layout.left_out == {
        "hidden or system folders (.thumbs)": 1,
        "hidden or system folders (@eaDir)": 1,
        "hidden or system folders (__MACOSX)": 1,
        "hidden or system files": 2,
        "images beside the class folders": 1,
        "files that are no images (.NEF)": 1,
    }


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "2.png").write_bytes(b"no image")
    (tmp_path / "a" / "3.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "a" / "4.png")  # opening it would wait for ever
    (tmp_path / "empty").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError) as caught:
        imagefolder.load(options(tmp_path, skip_broken=True))
    found = str(caught.value).splitlines()
    assert found[0].endswith("5 problems:") and len(found) == 6
    for line, words in zip(
        found[1:],
        (
            "lost is a link to ",
            "empty has no images, and each class needs some",
            "2.png cannot be read as an image: cannot identify image file",
            "3.png cannot be read as an image: it is a link, and nothing is there",
            "4.png cannot be read as an image: it is no file",
        ),
        strict=True,
    ):
        assert words in line


def test_empty_class_folders_share_one_sentence(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"class{number}").mkdir()
    write(tmp_path / "class0" / "1.png")
    with pytest.raises(DataError) as caught:
        imagefolder.load(options(tmp_path))
    assert "class5 and 1 more have no images, and each class needs some" in str(caught.value)
    assert str(caught.value).count(".png") == 1


def test_all_broken_images_are_told_at_once(tmp_path: Path) -> None:
    for number in range(13):
        write(tmp_path / "a" / f"{number:02}.png")
        write(tmp_path / "b" / f"{number:02}.png")
        (tmp_path / "b" / f"{number:02}.png").write_bytes(b"")
    inputs = imagefolder.load(options(tmp_path)).inputs
    inputs[0:13]
    with pytest.raises(
        DataError, match=r"(?s)^13 problems:.*b/00\.png.*\.\.\. and 3 more\nskip_broken=true "
    ):
        inputs[0:14]


def test_a_broken_image_says_how_it_is_left_out(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name / "1.png")
    (tmp_path / "b" / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match="1.png'?; skip_broken=true leaves out images that cannot"):
        imagefolder.load(options(tmp_path)).inputs[0:2]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="\nskip_broken=true leaves out images that cannot"):
        imagefolder.load(options(tmp_path))
    (tmp_path / "b" / "1.png").unlink()
    write(tmp_path / "b" / "1.png")
    with pytest.raises(DataError) as caught:
        imagefolder.load(options(tmp_path))
    assert "skip_broken" not in str(caught.value)


def test_broken_images_are_skipped_and_counted(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name, colour in (("a", 10), ("b", 200)):
            for number in range(3):
                write(tmp_path / split / name / f"{number}.png", colour + number)
    (tmp_path / "train" / "a" / "1.png").write_bytes(b"no image")
    (tmp_path / "test" / "b" / "0.png").unlink()
    (tmp_path / "test" / "b" / "0.png").symlink_to(tmp_path / "gone")
    data = imagefolder.load(options(tmp_path, skip_broken=True))
    assert data.inputs.shape == (10, 1, 8, 8)
    assert [int(pixel) for pixel in data.inputs[0:10][:, 0, 0, 0]] == [
        10, 11, 12, 201, 202, 10, 12, 200, 201, 202,
    ]  # fmt: skip
    assert data.targets.tolist() == [0, 0, 0, 1, 1, 0, 0, 1, 1, 1]
    assert list(data.split or ()) == ["test"] * 5 + ["train"] * 5
    (note,) = data.notes
    assert note.rows == (
        ("images of 2 classes", "10", "examples"),
        ("images that cannot be read", "2", "left out"),
    )


def test_an_image_is_known_by_its_file(tmp_path: Path) -> None:
    """Whatever the size that it is read at, it lies in the same split, and pairs."""
    for number, (name, colour) in enumerate([("a", 1), ("b", 2), ("b", 2)]):
        write(tmp_path / name / f"{number}.png", colour)
    small = imagefolder.load(options(tmp_path)).keys
    large = imagefolder.load(ImageFolderOptions(path=str(tmp_path), size=16)).keys
    assert small is not None and np.array_equal(small, large)
    assert not np.array_equal(small[0], small[1]) and np.array_equal(small[1], small[2])


def test_join_sentences() -> None:
    assert join_sentences(["one"]) == "one"
    assert join_sentences(["x", "y", "z"], 2) == "3 problems:\n  1. x\n  2. y\n  ... and 1 more"


def test_two_ways_of_reading_pair(tmp_path: Path) -> None:
    """Ids and splits are those of the files, so models that are given other crops meet on one test."""
    for name, colour in (("a", 10), ("b", 100)):
        for number in range(8):
            write(tmp_path / "photos" / name / f"{number}.png", colour + number)
    asked = options(tmp_path / "photos")
    item = Dataset(name="x", load="harness_datasets.imagefolder:load", options=type(asked))
    found = []
    for side in (8, 16):
        folder = tmp_path / str(side)
        folder.mkdir()
        way = Preprocessing(size=(side, side), resize=(side + 2, side + 2))
        prepare(Chosen(item, "x", "", asked.model_dump()), 0, folder, way)
        data = PreparedData.open(folder)
        found.append((data.array("ids").tolist(), data.array("split").tolist()))
    assert found[0] == found[1]


def test_folders_below_those_of_classes_are_a_column(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "photos" / name / "1.png")
        write(tmp_path / "photos" / name / "phone" / "night" / "2.png")
    layout = read_layout(tmp_path / "photos", False)
    assert layout.columns() == {"folder": [".", "phone/night"] * 2}
    (tmp_path / "photos").rename(tmp_path / "split")
    (tmp_path / "photos" / "train").parent.mkdir()
    (tmp_path / "split").rename(tmp_path / "photos" / "test")
    assert read_layout(tmp_path / "photos", True).columns() == {"folder": [".", "phone/night"] * 2}
    plain = tmp_path / "plain"
    write(plain / "a" / "1.png")
    write(plain / "b" / "1.png")
    assert read_layout(plain, False).columns() == {}
