"""A stranger's problem and modality, with a data set, a model, an objective and a measure of them."""

import numpy as np

from harness.api import (
    Architecture,
    Dataset,
    ExampleSort,
    LoadedData,
    Measure,
    Metric,
    Modality,
    Objective,
    Problem,
    ReadAs,
    Shown,
    hookimpl,
)

NODES = 4


def check(targets):
    return targets.astype(np.float64)


def loss(outputs, targets):
    return -(targets.softmax(1) * outputs.float().log_softmax(1)).sum()


def grade(outputs, targets):
    return (outputs.argmax(1) == targets.argmax(1)).float()


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


def build_objective(task):
    def objective(model, inputs, targets, draws):
        outputs = model(inputs)
        return loss(outputs, targets) / len(inputs), outputs

    return objective


def run(context):
    import torch

    grades, ids = [], []
    for inputs, targets, found in context.split("test").batches(64):
        with torch.no_grad():
            outputs = context.model(inputs)
        grades.append(context.task.problem_item.grade(outputs, targets))
        ids.append(found)
    every = torch.cat(grades)
    context.save_examples(ids=torch.cat(ids), grade=every)
    name = context.task.headline
    yield Metric(name=name, value=float(every.mean()), n=len(every), examples=("grade",))


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


@hookimpl
def harness_register_objectives():
    yield Objective(
        name="listnet",
        build=build_objective,
        problems=("ranking",),
        takes=("real-valued",),
        default=True,
    )


@hookimpl
def harness_register_measures():
    yield Measure(
        name="best_first",
        run=run,
        problems=("ranking",),
        takes=("*",),
        shows=(Shown(metric="best_first", key="headline", title="best first", better="higher"),),
    )
