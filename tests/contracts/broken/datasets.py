"""Data sets that break their contracts."""

import time

import numpy as np

from harness.api import Dataset, LoadedData


def table(count=40, seed=0, modality="table"):
    inputs = np.random.default_rng(seed).random((count, 3))
    return LoadedData(
        modality=modality, problem="classification", inputs=inputs, targets=np.arange(count) % 2
    )


def holed():
    loaded = table()
    loaded.inputs[7, 1] = np.nan
    return loaded


CASES = {
    "nan": (Dataset(name="x", load=holed, modality="table"), "It loads", "example 7"),
    "few": (Dataset(name="x", load=lambda: table(3), modality="table"), "It loads", "too few"),
    "modality": (Dataset(name="x", load=table), "Its examples are", "loads 'table'"),
    "shape": (
        Dataset(name="x", load=lambda: table(modality="sequence"), modality="sequence"),
        "It loads",
        "wanted (time, features)",
    ),
    "random data": (
        Dataset(name="x", load=lambda: table(seed=time.time_ns()), modality="table"),
        "Loaded twice",
        "other examples",
    ),
}
