"""What is refused in the contents of a data set, in words."""

from __future__ import annotations

import numpy as np

from harness.catalogue.counts import counted
from harness.catalogue.in_use import modality_named, problem_named
from harness.catalogue.references import call
from harness.data.splits import Array
from harness.data.task import LoadedData
from harness.errors import DataError

_MOST_THINGS = 2**24  # of a vocabulary


def check_shape(label: str, modality: str, shape: tuple[int, ...]) -> None:
    """Refuse an example whose dimensions are not those of its modality."""
    wanted = modality_named(modality).axes
    if len(shape) != len(wanted):
        raise DataError(f"{label}: an example has the shape {shape}; wanted ({', '.join(wanted)})")


def check_type(label: str, loaded: LoadedData) -> None:
    """Refuse numbers of things that are none: fractions, or what a scale would make of them."""
    if modality_named(loaded.modality).input_type == "float32" or loaded.inputs is None:
        return
    if loaded.inputs.dtype.kind not in "ui" or loaded.scale != 1.0:
        raise DataError(
            f"{label}: {loaded.modality} are whole numbers from 0, which of the vocabulary each is; got "
            f"{loaded.inputs.dtype} values with the scale {loaded.scale:g}"
        )


def check_targets(label: str, loaded: LoadedData) -> Array:
    """Return the targets ``(examples, *target)``, int64 or float64, as the problem wants them.

    Raises:
        DataError: They are of another number, too few, or no targets of the problem.
    """
    problem = problem_named(loaded.problem)
    targets = np.asarray(loaded.targets)
    known = loaded.keys if loaded.inputs is None else loaded.inputs
    count = 0 if known is None else known.shape[0]
    if targets.shape[:1] != (count,) or targets.ndim != 1 + len(problem.target_axes):
        each = (
            f"; wanted (examples, {', '.join(problem.target_axes)})" if problem.target_axes else ""
        )
        raise DataError(
            f"{label}: {counted(count, 'input')}, but targets of shape {targets.shape}{each}"
        )
    if count < 5:
        raise DataError(
            f"{label}: {counted(count, 'example is', 'examples are')} too few to train and to test on"
        )
    try:
        checked: Array = call(problem.check, targets=targets, loaded=loaded)
    except DataError as error:
        raise DataError(f"{label}: {error}") from None
    return checked


def check_range(label: str, loaded: LoadedData, low: float, high: float) -> None:
    """Refuse data outside the range that it declares: attacks and shifts would cut it off.

    Numbers of things begin at 0, and end where float32, which stores them, has all whole numbers.
    """
    whole = modality_named(loaded.modality).input_type != "float32"
    if whole and not 0 <= low <= high < _MOST_THINGS:
        raise DataError(
            f"{label}: {loaded.modality} are numbers from 0 to {_MOST_THINGS - 1}; got {low:g} to {high:g}"
        )
    for word, found, declared, sign in (
        ("low", low, loaded.low, 1),
        ("high", high, loaded.high, -1),
    ):
        if declared is not None and sign * (declared - found) > 1e-6 * max(1.0, abs(declared)):
            raise DataError(
                f"{label}: a value is {found:g}, but the range of the data is declared to "
                f"{'begin' if word == 'low' else 'end'} at {declared:g}"
            )


def check_split(label: str, loaded: LoadedData, targets: Array, split: Array) -> None:
    """Refuse targets of which nothing can be learnt as they are cut, such as a class without an example."""
    check = problem_named(loaded.problem).check_split
    if check is None:
        return
    try:
        call(check, targets=targets, loaded=loaded, split=split)
    except DataError as error:
        raise DataError(f"{label}: {error}") from None
