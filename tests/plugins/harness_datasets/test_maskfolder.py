"""`maskfolder` on folders that the tests write: what masks are taken for, and what is refused of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import write_masks
from PIL import Image

from harness.api import DataError
from harness_datasets.maskfolder import load, read_mask, resize_mask
from harness_datasets.options import MaskFolderOptions


def read(root: Path, **options: Any) -> Any:
    return load(MaskFolderOptions(path=str(root), **options))


def save(path: Path, values: Any, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, dtype=np.uint16 if mode == "I;16" else np.uint8))
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0] + [9, 9, 9] * 253)
    image.convert("RGB").save(path) if mode == "RGB" else image.save(path)
    return path


def test_values_are_classes_by_their_numbers(tmp_path: Path) -> None:
    write_masks(tmp_path, 6)
    data = read(tmp_path)
    assert data.inputs.shape == (6, 3, 6, 8) and data.targets.shape == (6, 6, 8)
    assert data.class_names == ("0", "7", "200") and data.split is None
    assert np.unique(data.targets).tolist() == [0, 1, 2, 255]
    mask = read_mask(tmp_path / "masks" / "0.png")
    assert (data.targets[0] == 2).tolist() == (mask == 200).tolist()
    assert data.notes[0].rows[-1][0] == "nothing asked"


def test_classes_are_named_by_a_file_and_splits_by_folders(tmp_path: Path) -> None:
    for place, part in enumerate(("train", "val", "test")):
        for name in ("a", "b"):
            save(tmp_path / "images" / part / f"{name}.bmp", [[place, 1, 2]])
            save(tmp_path / "masks" / part / f"{name}.png", [[0, 1, 2]], "P")
    (tmp_path / "classes.txt").write_text("road\n car \nsky\n")
    data = read(tmp_path)
    assert data.class_names == ("road", "car", "sky")
    assert data.targets.tolist() == [[[0, 1, 2]]] * 6
    assert sorted(data.split) == ["test"] * 2 + ["train"] * 2 + ["validation"] * 2
    assert data.name_example(0).endswith("test/a.bmp") and data.split[0] == "test"


def test_black_and_white_masks_have_two_classes(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / "images" / f"{name}.png", [[1, 2]])
        save(tmp_path / "masks" / f"{name}.png", [[0, 255]])
    data = read(tmp_path)
    assert data.class_names == ("0", "255") and data.targets.tolist() == [[[0, 1]]] * 2
    assert read(tmp_path, ignore=0).targets.tolist() == [[[255, 0]]] * 2
    (tmp_path / "classes.txt").write_text("ground\ncell\n")
    named = read(tmp_path)
    assert named.class_names == ("ground", "cell") and named.targets.tolist() == [[[0, 1]]] * 2
    assert [row[1] for row in named.notes[0].rows] == ["50.00% of the pixels"] * 2
    (tmp_path / "classes.txt").write_text("ground\ncell\nwall\n")
    assert read(tmp_path).targets.tolist() == [[[0, 255]]] * 2


def test_what_is_to_be_ignored_is_not_asked_for_though_it_has_a_name(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / "images" / f"{name}.png", [[1, 2, 3]])
        save(tmp_path / "masks" / f"{name}.png", [[0, 1, 2]])
    (tmp_path / "classes.txt").write_text("nothing\nroad\nsky\n")
    data = read(tmp_path, ignore=0)
    assert data.targets.tolist() == [[[255, 1, 2]]] * 2 and len(data.class_names) == 3


def test_validation_without_a_test_is_the_test(tmp_path: Path) -> None:
    for part in ("train", "val"):
        save(tmp_path / "images" / part / "a.png", [[1, 2]])
        save(tmp_path / "masks" / part / "a.png", [[0, 1]])
    assert read(tmp_path).split == ["train", "test"]


def test_images_of_several_sizes_are_brought_to_one_that_is_asked_for(tmp_path: Path) -> None:
    for name, side in (("a", 4), ("b", 6)):
        rows = np.arange(side)[:, None] < side // 2
        save(tmp_path / "images" / f"{name}.png", np.broadcast_to(255 * rows, (side, side)))
        save(tmp_path / "masks" / f"{name}.png", np.broadcast_to(1 * rows, (side, side)))
    with pytest.raises(DataError, match=r"images are of 2 sizes, 4 x 4 \(1\), 6 x 6 \(1\); say"):
        read(tmp_path)
    data = read(tmp_path, size=2, channels=1)
    assert data.targets.tolist() == [[[1, 1], [0, 0]]] * 2
    assert data.inputs[0:2].shape == (2, 1, 2, 2)
    assert resize_mask(np.array([[5, 6]]), 4)[0].tolist() == [5, 5, 6, 6]


def test_an_image_on_its_side_is_as_large_as_its_mask_once_it_is_upright(tmp_path: Path) -> None:
    for name in "ab":
        image = Image.new("RGB", (5, 3))
        exif = image.getexif()
        exif[274] = 6
        path = tmp_path / "images" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        image.save(path, exif=exif)
        save(tmp_path / "masks" / f"{name}.png", np.zeros((5, 3)) + [0, 1, 1])
    data = read(tmp_path)
    assert data.inputs[0:1].shape == (1, 3, 5, 3) and data.targets.shape == (2, 5, 3)


def test_all_that_is_wrong_with_files_is_told_at_once(tmp_path: Path) -> None:
    write_masks(tmp_path, 4)
    save(tmp_path / "masks" / "0.png", np.zeros((6, 9)))
    save(tmp_path / "masks" / "1.png", np.zeros((6, 8)), "RGB")
    (tmp_path / "masks" / "2.png").write_bytes(b"no image")
    (tmp_path / "masks" / "3.png").rename(tmp_path / "masks" / "3.jpg")
    with pytest.raises(DataError) as raised:
        read(tmp_path)
    told = str(raised.value)
    assert "4 problems" in told
    assert "0.png has 9 x 6 pixels, and" in told and "0.png has 8 x 6; they must be" in told
    assert "1.png is of the mode RGB, colours and no classes" in told
    assert "2.png cannot be read as an image" in told
    assert "3.jpg is of a format that changes values of pixels" in told


def test_what_is_wrong_with_all_masks_is_told_once(tmp_path: Path) -> None:
    write_masks(tmp_path, 4)
    for at in range(3):
        (tmp_path / "masks" / f"{at}.png").rename(tmp_path / "masks" / f"{at}.jpg")
    with pytest.raises(
        DataError, match=r"each of 3 masks, .*0\.jpg, .*1\.jpg and 1 more, is of a format that"
    ) as raised:
        read(tmp_path)
    assert "problems" not in str(raised.value)


def test_each_file_has_one_partner(tmp_path: Path) -> None:
    write_masks(tmp_path, 4)
    (tmp_path / "masks" / "0.png").unlink()
    save(tmp_path / "masks" / "more" / "x.png", [[0]])
    save(tmp_path / "images" / "1.bmp", [[0]])
    with pytest.raises(DataError) as raised:
        read(tmp_path)
    told = str(raised.value)
    assert "images/0.png has no mask: there is no" in told
    assert "masks/more/x.png has no image: there is no" in told
    assert "1.bmp and" in told and "have one name" in told


@pytest.mark.parametrize(
    ("classes", "options", "words"),
    [
        ("a\nb\n", {}, "has the value 7, and .*classes.txt has 2 classes, 0 to 1; ignore=7 says"),
        ("\n".join("abcdefgh"), {}, "has the value 200, and"),
    ],
)
def test_a_value_that_no_class_has_is_refused(tmp_path: Path, classes, options, words) -> None:
    write_masks(tmp_path, 4)
    (tmp_path / "classes.txt").write_text(classes)
    with pytest.raises(DataError, match=words):
        read(tmp_path, **options)


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "images" / "0.png", [[1]])
    with pytest.raises(DataError, match="has no folder masks/; wanted are images/ and masks/"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (b"road\n\nsky\n", "line 2 is empty"),
        (b"road\ncar\nroad\n", "line 3 names 'road', as line 1 does"),
        ("road\ncaf\xe9\nsky".encode("latin-1"), "it is not UTF-8: line 2 has the byte 0xe9"),
    ],
)
def test_names_of_classes_are_refused_by_their_line(tmp_path: Path, names: bytes, said: str):
    for name in ("a", "b"):
        save(tmp_path / "images" / f"{name}.png", [[0, 1, 2]])
        save(tmp_path / "masks" / f"{name}.png", [[0, 1, 2]])
    (tmp_path / "classes.txt").write_bytes(names)
    with pytest.raises(DataError, match=said):
        read(tmp_path)
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfroad\r\ncar\r\nsky\r\n\r\n")
    assert read(tmp_path).class_names == ("road", "car", "sky")
