"""`imagefolder` on folders that the tests write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.api import DataError, Preprocessing, UsageError
from harness.catalogue.host import Host
from harness.data import in_parallel as in_parallel_module
from harness.data import prepared as prepared_module
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.plan.names import choose_one
from harness_datasets import imagefolder
from harness_datasets.options import ImageFolderOptions


def write(path: Path, colour: Any = (10, 20, 30), size: tuple[int, int] = (12, 9)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = {int: "L", tuple: "RGB"}[type(colour)] if not isinstance(colour, Image.Image) else ""
    image = colour if isinstance(colour, Image.Image) else Image.new(mode, size, colour)
    image.save(path)


def load(root: Path, **options: Any) -> Any:
    return imagefolder.load(ImageFolderOptions(path=str(root), size=8, **options))


def read(path: Path, channels: int, size: int) -> Any:
    return imagefolder.read_image(path, channels, Preprocessing(size=(size, size)))


def test_classes_without_splits(tmp_path: Path) -> None:
    write(tmp_path / "b" / "2.png", (0, 255, 0))
    write(tmp_path / "b" / "deep" / "1.PNG", (0, 0, 255))
    write(tmp_path / "a" / "x.bmp", (255, 0, 0))
    write(tmp_path / ".thumbnails" / "x.png")
    write(tmp_path / "a" / ".hidden.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / "labels.csv").write_text("")
    data = load(tmp_path)
    assert data.class_names == ("a", "b")
    assert data.targets.tolist() == [0, 1, 1]
    assert data.split is None
    assert (data.modality, data.problem) == ("image", "classification")
    assert (data.scale, data.low, data.high) == (1 / 255, 0.0, 1.0)
    assert data.inputs.shape == (3, 3, 8, 8) and data.inputs.dtype == np.uint8
    found = data.inputs[0:3]
    assert found.shape == (3, 3, 8, 8) and found.dtype == np.uint8
    assert [tuple(image[:, 0, 0].tolist()) for image in found] == [
        (255, 0, 0), (0, 255, 0), (0, 0, 255),
    ]  # fmt: skip
    assert data.inputs[2:3].shape == (1, 3, 8, 8)
    assert data.inputs[3:3].shape == (0, 3, 8, 8)


def test_grey(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name / "1.png", 77)
    found = load(tmp_path, channels=1).inputs[0:2]
    assert found.shape == (2, 1, 8, 8) and set(found.flatten().tolist()) == {77}


@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_splits(tmp_path: Path, validation: str) -> None:
    for split in ("train", validation, "test"):
        for name in ("cat", "dog"):
            write(tmp_path / split / name / "1.jpg")
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog")
    assert list(data.split).count("train") == 2
    assert list(data.split).count("validation") == 2
    assert list(data.split).count("test") == 2
    only = load(tmp_path, test_only=True)
    assert list(only.split) == ["test", "test"]
    assert all("test" in path.parts for path in only.inputs.files)


def test_val_is_the_test_where_there_is_no_test(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            write(tmp_path / split / name / "1.jpg")
    assert sorted(load(tmp_path).split) == ["test", "test", "train", "train"]
    assert list(load(tmp_path, test_only=True).split) == ["test", "test"]
    assert list(load(tmp_path / "val", test_only=True).split) == ["test", "test"]


def test_only_val(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        write(tmp_path / "val" / name / "1.jpg")
    assert list(load(tmp_path).split) == ["test", "test"]


def test_a_class_named_train(tmp_path: Path) -> None:
    for name in ("bus", "train"):
        write(tmp_path / name / "1.jpg")
    assert load(tmp_path).class_names == ("bus", "train")


def test_images_beside_their_masks_are_no_two_classes_unnoticed(tmp_path: Path) -> None:
    for at in range(3):
        write(tmp_path / "pictures" / f"{at}.jpg")
        write(tmp_path / "labels" / f"{at}.png", 1)
    [found] = load(tmp_path).findings
    assert found.code == "masks-as-a-class" and "'labels' and 'pictures'" in found.sentence
    write(tmp_path / "labels" / "other.png", 1)
    assert load(tmp_path).findings == ()


def test_classes_whose_files_are_numbered_alike_are_no_images_and_masks(tmp_path: Path) -> None:
    for at in range(3):
        write(tmp_path / "Cat" / f"{at}.jpg")
        write(tmp_path / "Dog" / f"{at}.jpg", 1)
    assert load(tmp_path).findings == ()


def test_small_images_that_nobody_gave_a_size_are_said_to_be_enlarged(tmp_path: Path) -> None:
    for at in range(30):
        write(tmp_path / "ab"[at % 2] / f"{at}.png", size=(28, 20))
    options = ImageFolderOptions(path=str(tmp_path))
    [found] = imagefolder.load(options).findings
    assert found.code == "enlarged" and found.numbers == {"side": 28}
    assert "size=28 takes about 1/64 of the time" in found.advice
    assert load(tmp_path).findings == ()  # a size was asked for
    assert imagefolder.load(ImageFolderOptions(path=str(tmp_path), size=224)).findings == ()
    assert (
        imagefolder.load(options, Preprocessing(size=(224, 224))).findings == ()
    )  # weights want it
    write(tmp_path / "a" / "0.png", size=(300, 200))
    assert imagefolder.load(options).findings == ()


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/a", "train/b", "val/a", "val/c"], "different classes; only one of them has: b, c"),
        (["train/a", "train/b", "test/a", "test/b", "extra/a"], "beside extra"),
        (["val/a", "val/b", "valid/a", "valid/b"], "would both be the validation split"),
        (["a"], "1 class folder; two or more"),
        ([], "0 class folders; two or more"),
        (["val/a", "val/b", "test/a", "test/b"], "no train/"),
    ],
)
def test_bad_layouts(tmp_path: Path, folders: list[str], message: str) -> None:
    for folder in folders:
        write(tmp_path / folder / "1.png")
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    for name in ("val.TAR.gz", "train.zip", "labels.csv.gz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"0 class folders; .*; unpack train.zip, val.TAR.gz, which"
    ):
        load(tmp_path)


def test_nothing_to_test_on(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / "train" / folder / "1.png")
    with pytest.raises(DataError, match="neither val/ nor test/"):
        load(tmp_path, test_only=True)


def test_empty_class(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "readme.txt").write_text("")
    with pytest.raises(DataError, match=r"b has no images,.* those count that end in .*\.png"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nrest"])
def test_no_image_names_the_file(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "b" / "1.png")
    (tmp_path / "b" / "1.png").write_bytes(content)
    data = load(tmp_path)
    assert data.inputs[0:1].shape == (1, 3, 8, 8)
    with pytest.raises(DataError, match=r"b/1\.png cannot be read as an image"):
        data.inputs[1:2]


def test_cut_off_file(tmp_path: Path) -> None:
    path = tmp_path / "1.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:800])
    with pytest.raises(DataError, match=r"1\.jpg cannot be read"):
        read(path, 3, 8)


@pytest.mark.parametrize("limit", [60, 20])
def test_decompression_bomb(tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "1.png", size=(10, 10))  # above the limit it warns, above twice it refuses
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match=r"1\.png: too many pixels"):
        read(tmp_path / "1.png", 3, 8)


def test_resize_then_centre_crop(tmp_path: Path) -> None:
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 200  # the centre
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found = read(tmp_path / "wide.png", 3, 10)
    assert found.shape == (3, 10, 10) and np.all(found == 200)
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    assert np.all(read(tmp_path / "tall.png", 3, 10) == 200)
    smaller = read(tmp_path / "wide.png", 3, 5)
    assert smaller.shape == (3, 5, 5) and np.all(smaller[:, :, 2] == 200)


@pytest.mark.parametrize("size", [1, 7, 31, 224])
def test_odd_sizes(tmp_path: Path, size: int) -> None:
    write(tmp_path / "1.png", size=(53, 37))
    assert read(tmp_path / "1.png", 3, size).shape == (3, size, size)


def test_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; a folder is needed"):
        load(tmp_path / "missing")


def test_what_is_prepared_is_the_same_with_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    for number in range(30):
        path = tmp_path / "files" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (24, 24 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    written = {"name": "imagefolder", "path": str(tmp_path / "files"), "size": 20}
    dataset = choose_one(Host().catalogue, "dataset", written)
    found = []
    for cores in (1, 2, 4):
        monkeypatch.setattr(in_parallel_module, "cpu_count", lambda cores=cores: cores)
        folder = tmp_path / f"prepared-{cores}"
        folder.mkdir()
        prepare(dataset, 0, folder)
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
        data = PreparedData.open(folder)
        monkeypatch.setattr(prepared_module, "SMALL_BYTES", 0)
        order = torch.randperm(18, generator=torch.Generator().manual_seed(0))
        train = data.split("train", torch.device("cpu"))
        found[-1]["order"] = torch.cat([ids for _, _, ids in train.in_order(order, 4)]).tolist()
    assert found[1] == found[0] and found[2] == found[0]
