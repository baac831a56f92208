"""Small files of a person's own, in every format that is read from a path alone."""

from __future__ import annotations

import datetime
import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from huggingface_folders import IMAGES, save_splits
from huggingface_folders import images as images_of_hub
from PIL import Image
from shard_files import examples as shard_examples
from shard_files import write_shard
from shift_files import noise, pictures

NAMES = ("airplane", "automobile", "bird")


def write_pickle(path: Path, value: Any, protocol: int = 2) -> None:
    path.write_bytes(pickle.dumps(value, protocol=protocol))


def write_ten(folder: Path) -> Path:
    """CIFAR-10's files, six images each, with texts as Python 2 wrote them."""
    for number, name in enumerate([*(f"data_batch_{at}" for at in range(1, 6)), "test_batch"]):
        write_pickle(
            folder / name, {b"data": noise(number, 6, 3072), b"labels": [0, 1, 2, 0, 1, 2]}
        )
    names = [name.encode() for name in NAMES]
    write_pickle(folder / "batches.meta", {b"label_names": names, b"num_vis": 3072})
    return folder


def write_hundred(folder: Path) -> Path:
    """CIFAR-100's files, as Python 3 writes them."""
    for number, name in enumerate(("train", "test")):
        labels = {"fine_labels": [0, 1, 2, 0, 1, 2], "coarse_labels": [0, 1, 1, 0, 1, 1]}
        write_pickle(folder / name, {"data": noise(number, 6, 3072), **labels}, 5)
    fine, coarse = ["apple", "bear", "wolf"], ["fruit", "animals"]
    write_pickle(folder / "meta", {"fine_label_names": fine, "coarse_label_names": coarse}, 5)
    return folder


def idx_bytes(array: np.ndarray, kind: int = 8) -> bytes:
    """An array as the page of MNIST describes it."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def idx_name(part: str, what: str) -> str:
    return f"{part}-{what}-idx{3 if what == 'images' else 1}-ubyte"


def write_idx(folder: Path, images: Mapping[str, Any], labels: Mapping[str, Any]) -> Path:
    for part in images:
        (folder / idx_name(part, "images")).write_bytes(idx_bytes(images[part]))
        (folder / idx_name(part, "labels")).write_bytes(idx_bytes(labels[part]))
    return folder


def write_masks(folder: Path, count: int) -> Path:
    """Images of 8 x 6 pixels that are bright where their masks say 7 or 200, and a row of which nothing is asked."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        values = np.array([0, 0, 7, 200], dtype=np.uint8)[noise(number, 6, 8) % 4]
        values[0] = 255
        image = np.where(values == 0, 40, 200).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(values).save(folder / "masks" / f"{number}.png")
    return folder


def a_box(generator: np.random.Generator, side: int) -> list[int]:
    """Left, top, right and bottom of a box of at least 5 x 5 pixels in a square image."""
    width, height = (int(one) for one in generator.integers(5, side - 2, 2))
    left, top = (int(generator.integers(0, side - one)) for one in (width, height))
    return [left, top, left + width, top + height]


def boxed_image(path: Path, box: list[int], side: int = 16) -> None:
    pixels = np.full((side, side), 40, dtype=np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 220
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def coco_json(folder: Path, count: int, seed: int, side: int = 16) -> dict[str, Any]:
    """Write images with a box in each to a folder, and return what COCO says of them."""
    generator = np.random.default_rng(seed)
    images, marks = [], []
    for number in range(1, count + 1):
        left, top, right, bottom = a_box(generator, side)
        boxed_image(folder / f"{number:06}.png", [left, top, right, bottom], side)
        name = f"{number:06}.png"
        images.append({"id": number, "file_name": name, "width": side, "height": side})
        box = [left, top, right - left, bottom - top]
        which = 3 + 4 * (number % 2)
        marks.append(
            {"id": 10 * number, "image_id": number, "category_id": which, "bbox": box, "iscrowd": 0}
        )
    names = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    return {"images": images, "annotations": marks, "categories": names}


def write_coco(folder: Path) -> Path:
    """A folder as COCO has them."""
    (folder / "annotations").mkdir(parents=True)
    for seed, (part, count) in enumerate((("train2017", 12), ("val2017", 8))):
        told = coco_json(folder / part, count, seed)
        (folder / "annotations" / f"instances_{part}.json").write_text(json.dumps(told))
    return folder


PAGE = """<annotation><filename>{name}.png</filename><size><width>16</width><height>16</height></size>
<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>
<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object></annotation>"""


def write_voc(folder: Path, count: int = 20) -> Path:
    """A folder as Pascal VOC has them, whose lists are the splits."""
    generator = np.random.default_rng(0)
    (folder / "Annotations").mkdir(parents=True)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    names = [f"{number:06}" for number in range(count)]
    for number, name in enumerate(names):
        box = a_box(generator, 16)
        boxed_image(folder / "JPEGImages" / f"{name}.png", box)
        told = [box[0] + 1, box[1] + 1, *box[2:]]
        page = PAGE.format(name=name, label=("cat", "dog")[number % 2], box=told)
        (folder / "Annotations" / f"{name}.xml").write_text(page)
    for part, some in (("train", names[:12]), ("val", names[12:])):
        (folder / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(some))
    return folder


def write_all(folder: Path) -> None:
    """Write what the commands of README.md read."""
    write_masks(folder / "my_masks", 20)
    write_coco(folder / "coco")
    write_voc(folder / "VOC2012")
    told = coco_json(folder / "my_boxes" / "images", 20, 5)
    (folder / "my_boxes" / "boxes.json").write_text(json.dumps(told))
    for part in ("train", "validation", "test"):
        pictures(folder / "photos" / part, ("cat", "dog"), 3)
    for name in ("fashion-mnist", "cifar-10-batches-py", "cifar-100-python", "arrays"):
        (folder / name).mkdir()
    save_splits(
        folder / "my_dataset", {"train": images_of_hub(0, 30), "test": images_of_hub(50, 9)}, IMAGES
    )
    for number in range(2):
        write_shard(folder / "shards" / f"{number:03}.tar", shard_examples(15 * number, 15))
    labels = {"train": np.arange(30) % 3, "t10k": np.arange(9) % 3}
    images = {part: noise(len(own), len(own), 6, 6) for part, own in labels.items()}
    write_idx(folder / "fashion-mnist", images, labels)
    write_ten(folder / "cifar-10-batches-py")
    write_hundred(folder / "cifar-100-python")
    arrays = {
        f"{axis}_{part.replace('t10k', 'test')}": of[part]
        for axis, of in (("x", images), ("y", labels))
        for part in of
    }
    np.savez(folder / "arrays.npz", **arrays)
    for name, array in arrays.items():
        np.save(folder / "arrays" / f"{name}.npy", array)
    rooms, towns = np.arange(40) % 7 + 1, ["Bonn", "Kiel"] * 20
    prices = [float(1000 * room + at) for at, room in enumerate(rooms)]
    rows = list(zip(rooms.tolist(), towns, prices, strict=True))
    for name, mark in (("sales.csv", ","), ("sales.tsv", "\t")):
        lines = [mark.join(map(str, row)) for row in [("rooms", "town", "price"), *rows]]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = pyarrow.table({"rooms": rooms, "town": towns, "price": prices})
    pyarrow.parquet.write_table(table, folder / "sales.parquet")
    said = [
        f'{{"rooms": {room}, "town": "{town}", "price": {price}}}\n' for room, town, price in rows
    ]
    (folder / "sales.jsonl").write_text("".join(said), encoding="utf-8")
    moods = [("fine", "dull")[at % 2] for at in range(40)]
    texts = [
        f"Letter {at} says that the evening was {mood} again." for at, mood in enumerate(moods)
    ]
    lines = [f"{text},{mood}" for text, mood in zip(texts, moods, strict=True)]
    (folder / "reviews.csv").write_text("\n".join(["review,mood", *lines]), encoding="utf-8")
    for at, (text, mood) in enumerate(zip(texts, moods, strict=True)):
        (folder / "letters" / mood).mkdir(parents=True, exist_ok=True)
        (folder / "letters" / mood / f"{at}.txt").write_text(text, encoding="utf-8")
    (folder / "books").mkdir()
    for name in ("one", "two"):
        (folder / "books" / f"{name}.txt").write_text(f"{name} " + " ".join(texts), "utf-8")
    pairs = [{"english": f"{at} {town}", "french": f"{town} {at}"} for at, town in enumerate(towns)]
    phrases = "".join(json.dumps(pair) + "\n" for pair in pairs)
    (folder / "phrases.jsonl").write_text(phrases, encoding="utf-8")
    (folder / "visits.csv").write_text("\n".join(["shop,day,visits", *visits()]), "utf-8")


def visits(days: int = 120) -> list[str]:
    """Rows of two shops, a day each, with a week in them."""
    first = datetime.date(2024, 1, 1)
    return [
        f"{shop},{first + datetime.timedelta(days=day)},{size * (10 + day % 7) + day % 3}"
        for day in range(days)
        for shop, size in (("north", 10), ("south", 3))
    ]
