"""Which of several classes an example is of: targets are numbers from 0, outputs a logit for each class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from harness.api import DataError, Finding, LoadedData, Task
from harness.api.reporting import counted, list_some

Array = np.ndarray[Any, Any]

FEW = 5  # examples of a class, below which nothing can be said of it
_TRAIN, _TEST = 0, 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the labels ``(examples,)`` as int64.

    Raises:
        DataError: They are no whole numbers from 0, or of classes that have no name.
    """
    if targets.dtype.kind not in "uif" or not np.isfinite(targets).all():
        raise DataError(f"class labels are whole numbers from 0; got {_odd_one(targets, loaded)}")
    if (targets != np.floor(targets)).any():
        raise DataError(
            f"class labels are whole numbers from 0; got {targets.dtype} values that are not whole"
        )
    classes = len(loaded.class_names) or max(int(targets.max()) + 1, 1)
    wrong = np.flatnonzero((targets < 0) | (targets >= classes))
    if len(wrong):
        raise DataError(
            f"{counted(len(wrong), 'label is', 'labels are')} out of range; the first is {targets[wrong[0]]} at "
            f"{loaded.name_example(int(wrong[0]))}; allowed: 0 to {classes - 1}"
        )
    return targets.astype(np.int64)


def _odd_one(targets: Array, loaded: LoadedData) -> str:
    """Say what stands in the place of labels."""
    if targets.dtype.kind not in "uif":
        return f"{targets.dtype} values"
    first = int(np.flatnonzero(~np.isfinite(targets))[0])
    return f"{targets[first]} at {loaded.name_example(first)}"


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the number of classes."""
    return len(loaded.class_names) or int(targets.max()) + 1


def check_split(targets: Array, loaded: LoadedData, split: Array) -> None:
    """Refuse one class alone, and a class that has nothing to learn from.

    Raises:
        DataError: So it is.
    """
    classes = width(targets, loaded)
    if classes < 2:
        raise DataError("there is only one class; a classifier needs two")
    wanted = {"the data": targets}
    if (split == _TRAIN).any():
        wanted["the training examples"] = targets[split == _TRAIN]
    for where, labels in wanted.items():
        present = np.unique(labels)
        count = classes - len(present)
        if count:  # a label may be huge by mistake: no list of all classes
            seen = set(present.tolist())
            first = islice((c for c in range(classes) if c not in seen), 10)
            names = [repr(loaded.class_names[c]) if loaded.class_names else str(c) for c in first]
            raise DataError(
                f"{count} of {classes} classes {'has' if count == 1 else 'have'} no example in {where}: "
                + ", ".join(names)
                + (", ..." if count > len(names) else "")
            )


def strata(targets: Array) -> Array:
    """Return the classes: each is spread over all splits."""
    return targets


def look(targets: Array, split: Array, task: Task) -> Iterator[Finding]:
    """Yield a finding where classes are too small to say anything of them."""
    every = np.bincount(targets, minlength=task.outputs)
    tested = np.bincount(targets[split == _TEST], minlength=task.outputs)
    tiny = [c for c in range(task.outputs) if every[c] < FEW or not tested[c]]
    if not tiny or not (split == _TEST).any():
        return
    words = [f"{_class_name(task, c)} ({every[c]}, {tested[c]} in test)" for c in tiny]
    yield Finding(
        code="tiny-classes",
        sentence=f"{len(tiny)} of {task.outputs} classes {'has' if len(tiny) == 1 else 'have'} fewer than {FEW} examples or none to test on: "
        f"{list_some(words)}.",
        advice="Collect more examples, join it to another class or leave it out; the accuracy says nothing of it."
        if len(tiny) == 1
        else "Collect more examples, join them to other classes or leave them out; the accuracy says nothing of them.",
        numbers={"classes": len(tiny)},
    )


def _class_name(task: Task, label: int) -> str:
    return repr(task.class_names[label]) if task.class_names else f"class {label}"


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy in nats, summed over a batch."""
    return functional.cross_entropy(outputs.float(), targets, reduction="sum")


def correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether the largest logit ``(batch, classes)`` is that of the target ``(batch,)``."""
    return outputs.argmax(dim=1) == targets


def grade(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return 1 for what is right and 0 for what is not ``(batch,)``; their mean is the accuracy."""
    return correct(outputs, targets).float()


def fooled(outputs: Tensor, targets: Tensor) -> Tensor:
    """Whether an untargeted adversary has what it wants ``(batch,)``: another answer than the target."""
    return outputs.argmax(dim=1) != targets


def baseline(targets: Array, width: int) -> Array:
    """Return the logarithms of the classes' shares ``(classes,)``: the largest class, and the least cross-entropy."""
    counts = np.bincount(targets, minlength=width)
    return np.log(np.maximum(counts, 0.5) / max(1, len(targets)))


def invent(labels: Tensor) -> Tensor:
    """Return the numbers of the prototypes that invented examples lie around."""
    return labels


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"{outputs} classes"
