"""A stranger's problem and modality, with a data set and a model of them."""

import numpy as np

from harness.api import (
    Architecture,
    Dataset,
    ExampleSort,
    LoadedData,
    Modality,
    Problem,
    ReadAs,
    hookimpl,
)

NODES = 4


def check(targets):
    return targets.astype(np.float64)


def loss(outputs, targets):
    return -(targets.softmax(1) * outputs.float().log_softmax(1)).sum()


def grade(outputs, targets):
    return (outputs.argmax(1) == targets.argmax(1)).float()


def baseline(targets):
    return np.log(np.exp(targets).mean(0))


def load():
    draws = np.random.default_rng(0)
    edges = np.triu(draws.integers(0, 2, (90, NODES, NODES)), 1)
    adjacency = (edges + edges.transpose(0, 2, 1)).astype(np.float32)
    features = draws.normal(size=(90, NODES, 2)).astype(np.float32)
    return LoadedData(
        modality="graph",
        problem="ranking",
        inputs=np.concatenate([adjacency, features], 2),
        targets=adjacency.sum(2),
    )


def build(input_shape, num_classes):
    import torch

    size = torch.Size(input_shape).numel()
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, num_classes))


@hookimpl
def harness_register_problems():
    yield Problem(
        name="ranking",
        headline="best_first",
        target_type="float32",
        target_axes=("items",),
        check=check,
        width=lambda targets: targets.shape[1],
        loss=loss,
        grade=grade,
        baseline=baseline,
        unit="fraction",
        meaning="Share of the test examples whose best thing is put first.",
        invent=lambda labels: (labels[:, None] + np.arange(4)) % 4.0,
        invented=(("outputs", 4),),
        describe=lambda outputs: f"{outputs} things to put in order",
    )


@hookimpl
def harness_register_modalities():
    import math

    def flat():
        import torch

        return torch.nn.Flatten()

    yield Modality(
        name="graph",
        axes=("nodes", "columns"),
        groups=("real-valued",),
        reads_as=(ReadAs(modality="table", shape=lambda shape: (math.prod(shape),), layer=flat),),
        describe=lambda shape: f"{shape[0]} nodes",
        checked_on=(ExampleSort((4, 6)),),
    )


@hookimpl
def harness_register_datasets():
    yield Dataset(name="degrees", load=load, modality="graph", problem="ranking")


@hookimpl
def harness_register_architectures():
    yield Architecture(name="mine", build=build, takes=("graph",))
