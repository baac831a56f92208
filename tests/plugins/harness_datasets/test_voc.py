"""Pascal VOC's XML: pixels count from 1, lists are splits, difficult objects are not asked for, and what is refused."""

import pytest
from own_files import PAGE, boxed_image, write_voc

from harness.api import DataError
from harness_datasets.options import VocOptions
from harness_datasets.voc import load


def test_boxes_are_those_of_the_bright_squares(tmp_path):
    root = write_voc(tmp_path / "voc")
    page = root / "Annotations/000003.xml"
    page.write_text(page.read_text().replace("<difficult>0", "<difficult>1"))
    data = load(VocOptions(path=str(root), channels=1))
    assert data.class_names == ("cat", "dog") and data.split == ["train"] * 12 + ["test"] * 8
    for place, (image, rows) in enumerate(zip(data.inputs[:], data.targets, strict=True)):
        left, top, right, bottom = rows[0, :4].astype(int)
        inside = image[0, top:bottom, left:right] > 100
        assert inside.all() and inside.sum() == (image[0] > 100).sum()
        assert rows[0, 4] == place % 2 and rows[0, 5] == (place != 3)


def test_folders_of_splits_have_images_and_pages_side_by_side(tmp_path):
    for part in ("train", "valid"):
        for number in range(5):
            boxed_image(tmp_path / part / f"{number}.png", [2, 3, 9, 8])
            page = PAGE.format(name=number, label="cat", box=[3, 4, 9, 8])
            (tmp_path / part / f"{number}.xml").write_text(page)
    data = load(VocOptions(path=str(tmp_path)))
    assert data.split == ["train"] * 5 + ["test"] * 5
    assert data.targets[7, 0].tolist() == [2, 3, 9, 8, 0, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-30], r"000001.xml is no XML: .*; is it whole\?"),
        (lambda text: "<!DOCTYPE a>" + text, "000001.xml defines entities"),
        (lambda text: text.replace("dog", " "), "000001.xml: object 1 has no name"),
        (lambda text: text.replace("ymin", "y"), "object 1, dog, has the ymin None; a number"),
        (lambda text: text.replace("<ymin>", "<ymin>1_"), "object 1, dog, has the ymin '1_"),
        (lambda text: text.replace("<ymin>", "<ymin>nan"), "object 1, dog, has the ymin 'nan"),
        (
            lambda text: text.replace("<difficult>0", "<difficult>1_0"),
            "object 1, dog, has the difficulty '1_0'; allowed are 0 and 1",
        ),
        (lambda text: text.replace("<xmax>", "<xmax>9"), "object 1: its box, .* reaches out of"),
        (lambda text: text.replace("<height>16", "<height>9"), "its annotation says 16 x 9"),
    ],
)
def test_a_wrong_page_is_named(tmp_path, change, words):
    root = write_voc(tmp_path / "voc")
    page = root / "Annotations/000001.xml"
    page.write_text(change(page.read_text()))
    with pytest.raises(DataError, match=words) as refused:
        load(VocOptions(path=str(root)))
    assert "is not there" not in str(refused.value)


def test_what_has_no_partner_is_named(tmp_path):
    root = write_voc(tmp_path / "voc")
    (root / "JPEGImages/000001.png").unlink()
    (root / "Annotations/000002.xml").unlink()
    with pytest.raises(DataError) as refused:
        load(VocOptions(path=str(root)))
    assert "000001.xml has no image of its name" in str(refused.value)
    assert "lists 000002, and" in str(refused.value) and "is not there" in str(refused.value)
    with pytest.raises(DataError, match="has no XML files; wanted are Annotations/NAME.xml"):
        (tmp_path / "none").mkdir()
        load(VocOptions(path=str(tmp_path / "none")))
