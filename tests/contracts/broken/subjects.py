"""Problems and modalities that break their contracts."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from harness.api import ExampleSort, Modality, Problem, ReadAs
from harness.catalogue.host import Host

_CATALOGUE = Host().catalogue
_CLASSES = _CATALOGUE.entries("problem")["classification"].item
_MASKS = _CATALOGUE.entries("problem")["segmentation"].item
_STEPS = _CATALOGUE.entries("modality")["sequence"].item


def problem(**changes: Any) -> Problem:
    """Classification, but for what is changed."""
    return replace(_CLASSES, name="x", default=False, **changes)


def masks(**changes: Any) -> Problem:
    """Segmentation, but for what is changed."""
    return replace(_MASKS, name="x", **changes)


def modality(**changes: Any) -> Modality:
    """Sequences, but for what is changed."""
    return replace(_STEPS, name="x", **changes)


def mean_loss(outputs, targets):
    return torch.nn.functional.cross_entropy(outputs, targets)


def backwards(outputs, targets):  # the value of a loss, with the gradient of its opposite
    loss = torch.nn.functional.cross_entropy(outputs, targets, reduction="sum")
    return 2 * loss.detach() - loss


def of_the_batch(outputs, targets):
    return outputs.max(1).values - outputs.mean()


def always(outputs, targets):
    return targets >= 0


def one_class(targets, width):
    return np.eye(width)[0] * 20


def one_stratum(targets):
    return np.zeros(3)


def all_alike(tallies, counts):
    return np.full(len(counts), tallies[:, 0, 0].mean())


def upside_down(targets, maps):
    return targets.flip(1)


def one_number(outputs):
    return outputs.argmax(1).flatten(1)[:, 0]


def five(shape):
    return (5,)


def cut_off(task):
    return [torch.nn.Hardtanh(task.high + 1, task.high + 2)]


def wider(shape):
    yield (shape[0], shape[1] + 1)


def identity(task):
    return [torch.nn.Identity()]


CASES = {
    "better": (problem(better="more"), "It says in known words", "better is 'more'"),
    "targets of another type": (
        problem(target_type="float32"),
        "Targets that it invents",
        "int64 targets for float32",
    ),
    "another width": (problem(width=lambda: 3), "Targets that it invents", "width says 3 outputs"),
    "strata": (problem(strata=one_stratum), "Its strata", "strata returns the shape (3,)"),
    "mean loss": (problem(loss=mean_loss), "Its loss is the sum", "sum up to"),
    "by the batch": (problem(grade=of_the_batch), "What it says of each", "depends on the batch"),
    "fooled when right": (problem(fooled=always), "What it says of each", "adversary has"),
    "every example once": (masks(sum_up=all_alike), "What it says of examples", "count twice"),
    "moved unasked": (masks(move=upside_down), "Targets of an image", "where nothing moves"),
    "answers of another form": (masks(answer=one_number), "Its answers", "targets are of"),
    "no best constant": (
        problem(baseline=one_class),
        "No constant outputs",
        "its baseline has the loss",
    ),
    "backwards": (problem(loss=backwards, baseline=None), "A small network", "it was"),
    "axes of examples": (
        modality(checked_on=(ExampleSort((3,)),)),
        "Its examples have its axes",
        "does not have the axes",
    ),
    "size by another name": (
        modality(sizes=lambda shape: {"long": 1}),
        "It describes a shape",
        "sizes has ['long']",
    ),
    "no gradient": (modality(layers=cut_off), "Its first layers", "no gradient reaches"),
    "read as less": (
        modality(reads_as=(ReadAs(modality="table", shape=five, layer=torch.nn.Flatten),)),
        "What its examples can be read as",
        "its layers give (4, 24); wanted (4, 5)",
    ),
    "not reached": (
        modality(shapes=wider, layers=identity),
        "Other shapes",
        "its layers give (4, 8, 3); wanted (4, 8, 4)",
    ),
}
