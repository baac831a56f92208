"""Data that are larger than the memory that a process may have are prepared and trained on, in the order of their draws."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from train_cases import CPU, adamw, cross_entropy, training

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.data.task import LoadedData
from harness.machine.processes import data_bytes
from harness.train.fit import epoch_order, fit

EXAMPLES, SHAPE = 3 * 2**14, (64, 16)  # 192 MiB as float32
MORE = 160 * 2**20  # bytes that may be taken beside what is


class Computed:
    """Noise about the class of each example, computed as it is asked for."""

    shape, dtype = (EXAMPLES, *SHAPE), np.dtype(np.float32)

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets

    def __getitem__(self, index: slice) -> np.ndarray:
        draw = np.random.default_rng(index.start)
        about = self.targets[index, None, None].astype(np.float32)
        return about + draw.standard_normal((len(about), *SHAPE), dtype=np.float32)


@pytest.fixture
def little_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + MORE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.slow
@pytest.mark.usefixtures("little_memory")
def test_more_data_than_memory_are_trained_on(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        np.ones((EXAMPLES, *SHAPE), dtype=np.float32)
    targets = np.arange(EXAMPLES) % 2
    loaded = LoadedData(
        modality="sequence",
        problem="classification",
        inputs=Computed(targets),
        targets=targets,
        low=-20.0,
        high=20.0,
    )
    prepare(Chosen(item=Dataset(name="made", load=lambda: loaded), label="made"), 0, tmp_path)
    data = PreparedData.open(tmp_path)
    train, validation = (data.split(name, CPU) for name in ("train", "validation"))
    assert train.held is None
    net = nn.Sequential(nn.Flatten(), nn.Linear(64 * 16, 2))
    seen: list[torch.Tensor] = []

    def watched(model, inputs, targets, draws):
        seen.append(draws.ids)
        return cross_entropy(model, inputs, targets, draws)

    how = training(objective=watched, make_optimizer=adamw(1e-3), epochs=1, batch_size=256)
    (row,) = fit(net, how, train, validation).curves
    assert row["validation_accuracy"] > 0.7
    order = train.ids[epoch_order(how.seed, 1, train.ids)]
    assert torch.equal(torch.cat(seen), order[: 256 * len(seen)])
