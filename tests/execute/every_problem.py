"""A plugin of invented data of every problem in every modality that it can be asked of, and a network that answers anything."""

from __future__ import annotations

import math

import torch
from torch import nn

from harness.api import Architecture, Dataset, LoadedData, Task, hookimpl
from harness.catalogue.host import Host
from harness.contracts.cases import examples, smaller, tasks

COUNT = 40


def known() -> dict[str, Task]:
    """Return the smallest task of each problem and modality, by a name."""
    catalogue = Host().catalogue
    kinds = (list(catalogue.entries(kind)) for kind in ("modality", "problem"))
    found = smaller(tasks(*kinds))
    return {f"{task.problem}_of_{task.modality}": task for task in found}


def loader(task: Task):
    def load() -> LoadedData:
        data = examples(task, COUNT)
        return LoadedData(
            modality=task.modality,
            problem=task.problem,
            inputs=data.inputs.numpy(),
            targets=data.targets.numpy(),
            split=["train"] * 20 + ["validation"] * 10 + ["test"] * 10,  # each class once in ten
            low=task.low,
            high=task.high,
            text=task.text,
            details=task.details,
        )

    return load


class Anything(nn.Module):
    """All of an example, as numbers about 0, through two layers to all that is asked."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.shift, self.scale = (task.low + task.high) / 2, (task.high - task.low) / 2
        self.shape = task.output_shape
        size = math.prod(task.input_shape)
        self.net = nn.Sequential(
            nn.Linear(size, 16), nn.Tanh(), nn.Linear(16, math.prod(self.shape))
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.net((inputs.flatten(1).float() - self.shift) / self.scale).unflatten(
            1, self.shape
        )


@hookimpl
def harness_register_datasets():
    for name, task in known().items():
        yield Dataset(name=name, load=loader(task), modality=task.modality, problem=task.problem)


@hookimpl
def harness_register_architectures():
    yield Architecture(
        name="anything",
        build=lambda task: Anything(task),
        takes=("image", "sequence", "tokens", "table"),
        answers_each=("example", "prefix", "step", "pixel", "box"),
    )
