"""A small network in data space, whose weights are written and read."""

from pathlib import Path

import torch
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task


class Net(nn.Module):
    def __init__(self, num_classes: int, width: int = 8) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, num_classes)

    def forward(self, inputs):
        return self.head(self.trunk(inputs).mean((2, 3)))


def task(outputs: int = 3, **changes) -> Task:
    fields = {
        "modality": "image",
        "problem": "classification",
        "input_shape": (1, 5, 5),
        "outputs": outputs,
        "low": 0.0,
        "high": 1.0,
    }
    return Task(**{**fields, **changes})


def make(outputs: int = 3, width: int = 8, seed: int = 0, **changes) -> DataSpaceModel:
    item = Architecture(
        name="net", build=lambda num_classes: Net(num_classes, width), takes=("image",)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(Chosen(item=item, label="net"), task(outputs, **changes))


def same(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def write_torch(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path
