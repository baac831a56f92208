"""Folders of ImageNet's shifts: which pictures are taken, and what their classes stand for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shift_files import WNIDS, imagenet, imagenet_c, pictures

from harness.api import DataError, Preprocessing
from harness.data.class_match import match_classes
from harness_datasets.published.image_tree import (
    corrupted_files,
    folder_files,
    load_corrupted,
    load_folder,
    outline_corrupted,
    outline_folder,
    read_class_map,
)
from harness_datasets.published.imagenet_words import all_called, also_called
from harness_datasets.published.options import ImageNetCOptions, ShiftedFolderOptions


def test_ids_of_wordnet_and_words_of_imagenet_name_each_other():
    assert also_called("n02708093") == ("n02708093", "analog clock")
    assert also_called("Analog_clock")[:2] == ("Analog_clock", "n02708093")
    assert "tench, Tinca tinca" in also_called("n01440764") and "tench" in also_called("n01440764")
    assert also_called("crane") == ("crane",)  # a bird and a machine
    assert also_called("my class") == ("my class",)


def test_numbers_are_places_in_imagenets_order_whatever_the_order_of_the_data():
    places = all_called(("0", "1", "409", "530"))
    assert [one[:2] for one in places] == list(zip(("0", "1", "409", "530"), WNIDS, strict=True))
    words = ("analog clock", "digital clock", "goldfish", "tench")  # as folders are sorted
    found = match_classes(("0", "1", "409", "530"), places, words, 4)
    assert found == ((3,), (2,), (0,), (1,))
    with pytest.raises(DataError, match="1 of its 2 classes is none of the data's.*'2'"):
        match_classes(("1", "2"), all_called(("1", "2")), WNIDS, 4)
    assert match_classes(("1", "0"), all_called(("1", "0")), ("a", "b"), 2) == ((1,), (0,))
    assert all_called(("0", "goldfish"))[0] == ("0",) and all_called(("1000", "1"))[1] == ("1",)


def test_a_class_map_like_objectnets_chooses_classes_and_says_what_they_stand_for(tmp_path):
    root = pictures(tmp_path / "objectnet", ("alarm_clock", "banana", "spoon"))
    path = tmp_path / "map.json"
    path.write_text(
        json.dumps(
            {"Alarm clock": "analog clock; digital clock", "Banana": ["banana"], "Sppon": "spoon"}
        )
    )
    options = ShiftedFolderOptions(path=str(root), class_map=str(path), border=2)
    loaded = load_folder(options, Preprocessing(size=(8, 8)))
    assert loaded.class_names == ("alarm_clock", "banana")
    assert set(loaded.means[0]) == {"analog clock", "n02708093", "digital clock", "n03196217"}
    assert np.array_equal(loaded.targets, [0, 0, 0, 1, 1, 1]) and loaded.inputs.shape == (
        6,
        3,
        8,
        8,
    )
    assert loaded.inputs[0:1].shape == (1, 3, 8, 8)
    (note,) = loaded.notes
    assert ("images of 1 class that the class map has not", "3", "left out") in note.rows
    absent = "classes of the class map that are no folder ('sppon')"
    assert (absent, "1", "left out") in note.rows
    assert folder_files(options)[-1] == path and len(folder_files(options)) == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "is no class map, a JSON object"),
        ('{"a": 3}', "the class 'a' has 3; a name or a list of names is needed"),
        ("{", "cannot be read as a class map in JSON"),
        ('{"x": "y"}', "has none of the classes of .*, which are 'a', 'b'"),
        (
            '{"a": "y", "c": "z"}',
            "one of the classes of .* alone, 'a'; two or more are needed, .* are 'a', 'b', in the map 'a', 'c'",
        ),
    ],
)
def test_a_class_map_that_is_none_is_refused(tmp_path, text, words):
    root = pictures(tmp_path / "f", ("a", "b"))
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(DataError, match=words):
        outline_folder(ShiftedFolderOptions(path=str(root), class_map=str(tmp_path / "map.json")))


def test_names_in_one_text_stand_apart_by_semicolons(tmp_path):
    (tmp_path / "map.json").write_text('{"a": "b; c, d", "e": []}')
    assert read_class_map(tmp_path / "map.json") == {"a": ("b", "c, d"), "e": ()}


def test_corrupted_pictures_know_the_ones_that_they_were_made_of(tmp_path):
    root = imagenet_c(tmp_path, imagenet(tmp_path) / "val")
    options = ImageNetCOptions(path=str(root), severities=(1, 4), examples=2)
    loaded = load_corrupted(options, Preprocessing(size=(8, 8), resize=(10, 10)))
    assert loaded.parts == ({"shift": "fog", "severity": 1}, {"shift": "fog", "severity": 4})
    assert loaded.inputs.shape == (16, 3, 8, 8) and loaded.class_names == WNIDS
    assert loaded.sources[:3] == ["n01440764/val_0000", "n01440764/val_0001", "n01443537/val_0006"]
    assert loaded.preprocessing.startswith("shorter side to 8")  # they were cropped already
    assert [path.name for path in corrupted_files(options)] == ["1", "4"]
    assert outline_corrupted(options).class_names == WNIDS


def test_a_missing_severity_class_or_picture_is_refused(tmp_path):
    root = imagenet_c(tmp_path, imagenet(tmp_path) / "val", archive="noise")
    fog = root / "noise" / "fog"
    for path in (fog / "3" / WNIDS[0]).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=rf"3/{WNIDS[0]} has no images"):
        load_corrupted(ImageNetCOptions(path=str(root)))
    (fog / "3" / WNIDS[0]).rmdir()
    with pytest.raises(DataError, match=f"different classes: only one of them has {WNIDS[0]}"):
        outline_corrupted(ImageNetCOptions(path=str(root)))
    (fog / "5").rename(fog / "five")
    with pytest.raises(DataError, match="fog has no severity 5"):
        outline_corrupted(ImageNetCOptions(path=str(root)))
    with pytest.raises(DataError, match="no corruption 'frog'; there are fog"):
        outline_corrupted(ImageNetCOptions(path=str(root), corruptions=("frog",)))
    with pytest.raises(DataError, match="has no folder of a corruption"):
        outline_corrupted(ImageNetCOptions(path=str(fog / "1")))


def test_a_picture_that_cannot_be_read_is_named_without_an_option_that_is_not_there(tmp_path):
    root = pictures(tmp_path / "f", ("a", "b"))
    broken = root / "b" / "val_0004.png"
    broken.write_bytes(broken.read_bytes()[:60])
    loaded = load_folder(ShiftedFolderOptions(path=str(root)))
    with pytest.raises(DataError, match=r"b/val_0004.png cannot be read as an image") as caught:
        loaded.inputs[0:6]
    assert "skip_broken" not in str(caught.value)


def test_a_border_that_is_all_of_a_picture_is_refused(tmp_path):
    root = pictures(tmp_path / "f", ("a", "b"))
    loaded = load_folder(ShiftedFolderOptions(path=str(root), border=6))
    with pytest.raises(DataError, match="12 x 12 pixels, all of them border"):
        loaded.inputs[0:1]
