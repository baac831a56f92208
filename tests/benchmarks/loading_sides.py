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
    """read_csv and a float32 tensor of the whole, read anew in each epoch as the images are; batches by index."""
    import pandas

    while True:
        frame = pandas.read_csv(path)
        labels = torch.tensor(frame.pop(frame.columns[-1]).astype("category").cat.codes.to_numpy())
        values = torch.from_numpy(frame.to_numpy(dtype="float32"))
        del frame
        order = torch.randperm(len(values)).split(ROWS_A_BATCH)
        yield ((values[index], labels[index]) for index in order)


def of_ours(path: Path, folder: Path) -> Iterator[Batches]:
    """Prepare the data, as a job does, and go through all parts of what was prepared."""
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
    while True:
        yield (
            batch[:2] for part in parts for batch in part.in_order(torch.randperm(len(part)), size)
        )


SIDES = {"torchvision": of_torchvision, "pandas": of_pandas, "ours": of_ours}


def main(side: str, path: str, folder: str, epochs: str) -> None:
    """Print how long it took until the end of each epoch."""
    import_peers()
    clock, cpu, seen = [time.perf_counter()], [cpu_seconds()], 0
    every = SIDES[side](Path(path), Path(folder))
    for _ in range(int(epochs)):
        seen = sum(len(targets) for _, targets in next(every))
        clock.append(time.perf_counter())
        cpu.append(cpu_seconds())
    print(json.dumps({"clock": clock, "cpu": cpu, "examples": seen}))


def import_peers() -> None:
    """Import what the sides use, ours and theirs."""
    from harness.catalogue.torchvision_import import import_torchvision

    import_torchvision()
    for name in (
        "pandas",
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
