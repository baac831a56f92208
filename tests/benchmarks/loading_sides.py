"""What `test_loading.py` times, each in a process of its own: ours and the peers', over the same files.

``python loading_sides.py SIDE PATH FOLDER EPOCHS`` prints JSON: the seconds until the end of each epoch, on the clock and of CPU
time, workers' included, and the examples of one. Imports are not counted. An epoch hands every example over once, in batches of 64 (tables: 4096) of float32 tensors, in an order drawn anew.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

BATCH, ROWS_A_BATCH, WORKERS = 64, 4096, 2
Batches = Iterator[tuple[Any, Any]]


def of_torchvision(path: Path, _: Path) -> Iterator[Batches]:
    """ImageFolder and a DataLoader of two workers: every image is decoded anew in each epoch."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import Compose, PILToTensor, Resize
    from torchvision.transforms.functional import convert_image_dtype

    steps = Compose([Resize(224), PILToTensor(), convert_image_dtype])
    loader = DataLoader(ImageFolder(str(path), steps), BATCH, shuffle=True, num_workers=WORKERS)
    while True:
        yield iter(loader)


def of_pandas(path: Path, _: Path) -> Iterator[Batches]:
    """What a person writes who knows how: read_csv, the classes as numbers, a stratified cut into three parts, words as columns
    of 0 and 1, medians of training where cells are missing, mean and deviation of training, float32 tensors, batches by index.

    Read anew in each epoch as the images are.
    """
    import pandas
    from sklearn.model_selection import train_test_split

    while True:
        frame = pandas.read_csv(path)
        frame = frame[frame.iloc[:, -1].notna()]
        labels = frame.pop(frame.columns[-1]).astype("category").cat.codes.to_numpy(dtype="int64")
        train, rest = train_test_split(
            np.arange(len(frame)), test_size=0.4, stratify=labels, random_state=0
        )
        parts = [
            train,
            *train_test_split(rest, test_size=0.5, stratify=labels[rest], random_state=0),
        ]
        frame = pandas.get_dummies(frame, columns=list(frame.select_dtypes(exclude="number")))
        absent = list(frame.columns[frame.isna().any()])
        if absent:
            frame[absent] = frame[absent].fillna(frame[absent].iloc[train].median())
        values = torch.from_numpy(frame.to_numpy(dtype="float32", copy=True))
        del frame
        learnt = values[train]
        values -= learnt.mean(dim=0)
        values /= learnt.std(dim=0)
        del learnt
        wanted = torch.from_numpy(labels)
        orders = [torch.from_numpy(part)[torch.randperm(len(part))] for part in parts]
        yield (
            (values[index], wanted[index])
            for order in orders
            for index in order.split(ROWS_A_BATCH)
        )


def of_ours(path: Path, folder: Path) -> Iterator[Batches]:
    """Prepare the data, as a job does, and go through all parts of what was prepared; numbers less their mean, as a model takes them."""
    from harness.catalogue.host import Host
    from harness.data.prepare import prepare
    from harness.data.prepared import PreparedData
    from harness.plan.names import choose_one

    images = path.is_dir()
    written = {"name": "imagefolder" if images else "table", "path": str(path)}
    prepare(choose_one(Host().require_usable(), "dataset", written), 0, folder)
    prepared = PreparedData.open(folder)
    parts = [prepared.split(name, torch.device("cpu")) for name in ("train", "validation", "test")]
    size = BATCH if images else ROWS_A_BATCH
    mean, std = (torch.tensor(one) for one in (prepared.task.mean, prepared.task.std))
    while True:
        yield (
            (inputs if images else (inputs - mean) / std, targets)
            for part in parts
            for inputs, targets, _ in part.in_order(torch.randperm(len(part)), size)
        )


SIDES = {"torchvision": of_torchvision, "pandas": of_pandas, "ours": of_ours}


def main(side: str, path: str, folder: str, epochs: str) -> None:
    """Print how long it took until the end of each epoch."""
    torch.set_num_threads(1)  # whose waiting would count as work
    import_peers()
    clock, cpu, seen = [time.perf_counter()], [cpu_seconds()], 0
    every = SIDES[side](Path(path), Path(folder))
    for _ in range(int(epochs)):
        seen = sum(len(targets) for _, targets in next(every))
        clock.append(time.perf_counter())
        cpu.append(cpu_seconds())
    print(json.dumps({"clock": clock, "cpu": cpu, "examples": seen}))


def import_peers() -> None:
    """Import what the sides use, ours and theirs; ours imports all plugins."""
    from harness.catalogue.host import Host
    from harness.catalogue.torchvision_import import import_torchvision

    import_torchvision()
    Host().require_usable()
    for name in (
        "pandas",
        "sklearn.model_selection",
        "torchvision.datasets",
        "harness.data.prepare",
        "harness_datasets.imagefolder",
        "harness_datasets.table",
    ):
        importlib.import_module(name)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the workers that have ended."""
    own, workers = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
