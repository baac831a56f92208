"""Small files of a person's own, in every format that is read from a path alone."""

from __future__ import annotations

import datetime
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
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


def write_all(folder: Path) -> None:
    """Write what the commands of README.md read."""
    write_masks(folder / "my_masks", 20)
    for part in ("train", "validation", "test"):
        pictures(folder / "photos" / part, ("cat", "dog"), 3)
    for name in ("fashion-mnist", "cifar-10-batches-py", "cifar-100-python", "arrays"):
        (folder / name).mkdir()
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
    (folder / "visits.csv").write_text("\n".join(["shop,day,visits", *visits()]), "utf-8")


def visits(days: int = 120) -> list[str]:
    """Rows of two shops, a day each, with a week in them."""
    first = datetime.date(2024, 1, 1)
    return [
        f"{shop},{first + datetime.timedelta(days=day)},{size * (10 + day % 7) + day % 3}"
        for day in range(days)
        for shop, size in (("north", 10), ("south", 3))
    ]
