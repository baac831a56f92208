"""COCO's JSON: which images and splits it stands for, and what is refused of it, by file and member."""

import copy
import json

import numpy as np
import pytest
from own_files import coco_json, write_coco

from harness.api import DataError
from harness_datasets.coco import find_files, load
from harness_datasets.options import CocoOptions


@pytest.fixture
def told(tmp_path):
    return coco_json(tmp_path / "images", 6, 0)


def reading(folder, told, **options):
    path = folder / "boxes.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    return load(CocoOptions(path=str(path), **options))


def test_boxes_are_those_of_the_bright_squares(tmp_path, told):
    told["annotations"][1]["iscrowd"] = 1
    told["images"].append({"id": 99, "file_name": "000001.png"})
    told["images"][-1]["file_name"] = "empty.png"
    (tmp_path / "images/empty.png").write_bytes((tmp_path / "images/000001.png").read_bytes())
    data = reading(tmp_path, told, channels=1)
    assert data.class_names == ("cat", "dog") and data.inputs.shape == (7, 1, 16, 16)
    assert data.split is None and data.targets.shape == (7, 100, 6)
    for image, rows, number in zip(data.inputs[:], data.targets, range(1, 7), strict=False):
        left, top, right, bottom, label, weight = rows[0]
        down, across = np.nonzero(image[0] > 100)
        assert [left, top] == [across.min(), down.min()]
        assert [right, bottom] == [across.max() + 1, down.max() + 1]
        assert label == number % 2 and weight == (number != 2) and (rows[1:, 4] == -1).all()
    assert (data.targets[6, :, 4] == -1).all()
    (note,) = data.notes
    assert ("images without a box", "1", "examples") in note.rows
    assert ("crowds and difficult objects", "1", "nothing is asked there") in note.rows


def test_folders_as_coco_and_others_have_them_are_the_splits(tmp_path):
    data = load(CocoOptions(path=str(write_coco(tmp_path / "coco"))))
    assert data.split == ["train"] * 12 + ["test"] * 8  # a val without a test is the test
    for part, count in (("train", 6), ("valid", 5), ("test", 5)):
        folder = tmp_path / "flow" / part
        told = coco_json(folder, count, 1)
        (folder / "_annotations.coco.json").write_text(json.dumps(told))
    data = load(CocoOptions(path=str(tmp_path / "flow")))
    assert sorted(set(data.split)) == ["test", "train", "validation"] and len(data.split) == 16


def test_a_folder_without_the_images_is_said_once(tmp_path, told):
    for options, where in (
        ({}, "boxes or .*images/boxes; images=FOLDER"),
        ({"images": "/no"}, "/no; images"),
    ):
        (tmp_path / "images").rename(tmp_path / "elsewhere")
        with pytest.raises(
            DataError,
            match=rf"of the first 6 images .*, 000001.png, .* 4 more, none is in .*{where}",
        ):
            reading(tmp_path, told, **options)
        (tmp_path / "elsewhere").rename(tmp_path / "images")


def test_files_that_name_no_split_are_refused(tmp_path):
    for name in ("one", "two"):
        told = coco_json(tmp_path / "images", 6, 0)
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"of 2 JSON files .*one\.json names no split"):
        load(CocoOptions(path=str(tmp_path)))


def test_what_is_wrong_is_told_at_once_by_file_and_member(tmp_path, told):
    bad = copy.deepcopy(told)
    bad["images"][0]["file_name"] = "gone.png"
    bad["images"][1]["id"] = 3
    bad["annotations"][2]["category_id"] = 5
    bad["annotations"][3]["bbox"] = [1, 2, 3]
    bad["annotations"][4]["bbox"] = [10, 2, 9, 3]
    bad["annotations"][5]["bbox"] = [1, 2, 0, 3]
    with pytest.raises(DataError) as refused:
        reading(tmp_path, bad)
    said = str(refused.value)
    for words in (
        "two images have the id 3",
        "annotation 20 is of the image 2, which is not among the images",
        "annotation 30 is of the category 5; the ids of categories are 3, 7",
        "annotation 40 has the bbox [1, 2, 3]; wanted are four numbers",
        "images/gone.png is not there, and it has 1 box",
        "annotation 50: its box, 10, 2 to 19, 5, reaches out of",
        "which has 16 x 16 pixels",
        "annotation 60: its box, 1, 2 to 1, 5, has no area",
    ):
        assert words in said, words
    assert "boxes.json" in said and said.count("\n") == 7


def test_the_file_of_a_single_problem_is_named_once(tmp_path, told):
    bad = copy.deepcopy(told)
    bad["annotations"][2]["category_id"] = 5
    with pytest.raises(DataError, match="annotation 30") as refused:
        reading(tmp_path, bad)
    assert str(refused.value).count("boxes.json") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told["categories"].append({"id": 3, "name": "cow"}), "have the id 3"),
        (lambda told: told["categories"].append({"id": 4, "name": "cat"}), "the name 'cat'"),
        (lambda told: told["categories"].append({"id": 4}), "category 3 has no id and name"),
        (
            lambda told: told["annotations"].append(dict(told["annotations"][0])),
            "two annotations have the id 10",
        ),
        (lambda told: told["annotations"][0].pop("id"), "annotation 1 in the list has no id"),
        (
            lambda told: told["images"][1].update(file_name="000001.png"),
            "images 1 and 2 are both 000001.png",
        ),
        (lambda told: told["images"][1].update(width=20), "its annotation says 20 x 16"),
        (lambda told: told["annotations"][0].update(bbox=[1, float("nan"), 2, 3]), "not of finite"),
        (
            lambda told: told["annotations"][0].update(iscrowd="0"),
            "annotation 10 has the iscrowd '0'; allowed are 0 and 1, as numbers",
        ),
        (lambda told: told.pop("categories"), "has no list of categories"),
        (lambda told: told["images"].append(7), "has no list of images"),
        (
            lambda told: told["categories"].append({"id": [4], "name": "cow"}),
            "category 3 has no id",
        ),
        (lambda told: told["annotations"][0].update(bbox=[1, 10**400, 2, 3]), "has the bbox"),
        (lambda told: told["images"][1].update(width=10**400), "its annotation says 10000"),
        (lambda told: told["images"][1].update(file_name="a" * 300), "aaa is not there, and it"),
        (
            lambda told: told["images"][1].update(file_name="../images/000001.png"),
            "image 2 has the file_name '../images/000001.png', which leads out of the folder",
        ),
        (lambda told: told["images"][1].update(file_name="/a.png"), "'/a.png', which leads out"),
    ],
)
def test_a_wrong_member_is_named(tmp_path, told, change, words):
    change(told)
    with pytest.raises(DataError, match=words):
        reading(tmp_path, told)


def test_a_torn_file_is_refused_by_its_line(tmp_path, told):
    with pytest.raises(DataError, match=r"boxes.json is no JSON: .* in line 1, column \d+"):
        reading(tmp_path, json.dumps(told)[:-40])


def test_an_integer_that_python_does_not_read_is_refused(tmp_path, told):
    text = json.dumps(told).replace('"width": 16', '"width": 1' + "0" * 5000, 1)
    with pytest.raises(DataError, match="boxes.json has an integer of more than 4300 digits"):
        reading(tmp_path, text)


def test_broken_boxes_are_left_out_where_that_is_asked_for(tmp_path, told):
    told["annotations"][4]["bbox"] = [10, 2, 9, 3]
    told["annotations"][5]["bbox"] = [1, 2, 0, 3]
    told["annotations"][3]["bbox"] = [12, 2, 4.5, 3]  # half a pixel is cut
    data = reading(tmp_path, told, skip_broken=True)
    assert (data.targets[4:, :, 4] == -1).all() and data.targets[3, 0, 2] == 16
    left_out = ("boxes that are empty or reach out of their image", "2", "left out")
    assert left_out in data.notes[0].rows


def test_images_elsewhere_are_files_that_are_read(tmp_path, told):
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(told))
    for root in (tmp_path, path):
        options = CocoOptions(path=str(root), images=str(tmp_path / "images"))
        assert find_files(options) == [root, tmp_path / "images"]
