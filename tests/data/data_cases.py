"""Small data sets in memory, as a plugin's `load` would return them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset, Shift
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.task import LoadedData, Task

CPU = torch.device("cpu")


def images(n: int = 60, classes: int = 3, side: int = 4, channels: int = 1) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        "modality": "image",
        "problem": "classification",
        "inputs": generator.integers(0, 256, (n, channels, side, side), dtype=np.uint8),
        "targets": np.arange(n) % classes,
        "scale": 1 / 255,
        "low": 0.0,
        "high": 1.0,
    }


def table(n: int = 60, features: int = 5, problem: str = "classification") -> dict[str, Any]:
    generator = np.random.default_rng(1)
    inputs = generator.normal(3.0, 2.0, (n, features))
    targets = np.arange(n) % 2 if problem == "classification" else inputs @ np.arange(features)
    return {"modality": "table", "problem": problem, "inputs": inputs, "targets": targets}


def made(values: dict[str, Any], **changes: Any) -> Chosen:
    item = Dataset(name="made", load=lambda: LoadedData(**{**values, **changes}))
    return Chosen(item=item, label="made")


def prepared(folder: Path, values: dict[str, Any], seed: int = 0, **changes: Any) -> PreparedData:
    prepare(made(values, **changes), seed, folder)
    return PreparedData.open(folder)


def shift(apply: Any, label: str = "changed", **said: Any) -> Chosen:
    return Chosen(item=Shift(name=label, apply=apply, takes=("image",), **said), label=label)


def examples(
    n: int = 40, device: torch.device = CPU, scale: float = 1 / 255, **task: Any
) -> SplitExamples:
    """A split in memory, whose ids are not its positions."""
    generator = np.random.default_rng(2)
    inputs = generator.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
    fields = {
        "modality": "image",
        "problem": "classification",
        "input_shape": (1, 4, 4),
        "outputs": 3,
        "low": 0.0,
        "high": 1.0,
        "scale": scale,
        "counts": {"train": n},
        **task,
    }
    rows = np.arange(n)
    return SplitExamples(inputs, rows, np.arange(n) % 3, 1000 + rows, Task(**fields), device)
