"""What is refused in the contents of a data set, in words."""

from __future__ import annotations

from itertools import islice

import numpy as np

from harness.catalogue.counts import counted
from harness.data.splits import Array
from harness.data.task import LoadedData
from harness.errors import DataError

_SHAPES = {
    "image": ("channels", "height", "width"),
    "sequence": ("time", "features"),
    "table": ("features",),
}


def check_shape(label: str, modality: str, shape: tuple[int, ...]) -> None:
    """Refuse an example whose dimensions are not those of its modality."""
    wanted = _SHAPES.get(modality)
    if wanted is not None and len(shape) != len(wanted):
        raise DataError(f"{label}: an example has the shape {shape}; wanted ({', '.join(wanted)})")


def check_targets(label: str, loaded: LoadedData) -> Array:
    """Return the targets ``(examples,)``: int64 for classes, float64 for a regression.

    Raises:
        DataError: They are of another number, too few, or no targets of the problem.
    """
    targets = np.asarray(loaded.targets)
    known = loaded.keys if loaded.inputs is None else loaded.inputs
    count = 0 if known is None else known.shape[0]
    if targets.shape != (count,):
        raise DataError(f"{label}: {counted(count, 'input')}, but targets of shape {targets.shape}")
    if count < 5:
        raise DataError(
            f"{label}: {counted(count, 'example is', 'examples are')} too few to train and to test on"
        )
    if loaded.problem == "regression":
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused below
            finite = np.isfinite(targets.astype(np.float32))
        if not finite.all():
            first = int(np.flatnonzero(~finite)[0])
            what = "NaN or infinite"
            if np.isfinite(targets[first]):
                what = (
                    f"{targets[first]:.4g}, beyond the range of float32 ({np.finfo(np.float32).max:.2g}); "
                    "give targets on a smaller scale"
                )
            raise DataError(f"{label}: the target of {loaded.name_example(first)} is {what}")
        return targets.astype(np.float64)
    if targets.dtype.kind not in "uif" or not np.isfinite(targets).all():
        raise DataError(
            f"{label}: class labels are whole numbers from 0; got {_odd_one(targets, loaded)}"
        )
    if (targets != np.floor(targets)).any():
        raise DataError(
            f"{label}: class labels are whole numbers from 0; got {targets.dtype} values that are "
            "not whole"
        )
    classes = len(loaded.class_names) or max(int(targets.max()) + 1, 1)
    wrong = np.flatnonzero((targets < 0) | (targets >= classes))
    if len(wrong):
        raise DataError(
            f"{label}: {counted(len(wrong), 'label is', 'labels are')} out of range; the first is {targets[wrong[0]]} at "
            f"{loaded.name_example(int(wrong[0]))}; allowed: 0 to {classes - 1}"
        )
    return targets.astype(np.int64)


def _odd_one(targets: Array, loaded: LoadedData) -> str:
    """Say what stands in the place of labels."""
    if targets.dtype.kind not in "uif":
        return f"{targets.dtype} values"
    first = int(np.flatnonzero(~np.isfinite(targets))[0])
    return f"{targets[first]} at {loaded.name_example(first)}"


def check_range(label: str, loaded: LoadedData, low: float, high: float) -> None:
    """Refuse data outside the range that it declares: attacks and shifts would cut it off."""
    for word, found, declared, sign in (
        ("low", low, loaded.low, 1),
        ("high", high, loaded.high, -1),
    ):
        if declared is not None and sign * (declared - found) > 1e-6 * max(1.0, abs(declared)):
            raise DataError(
                f"{label}: a value is {found:g}, but the range of the data is declared to "
                f"{'begin' if word == 'low' else 'end'} at {declared:g}"
            )


def check_classes(label: str, loaded: LoadedData, targets: Array, split: Array) -> None:
    """Refuse a classification with one class, or with a class that has nothing to learn from."""
    if loaded.problem != "classification":
        return
    classes = len(loaded.class_names) or int(targets.max()) + 1
    if classes < 2:
        raise DataError(f"{label}: there is only one class; a classifier needs two")
    wanted = {"the data": targets}
    if (split == 0).any():
        wanted["the training examples"] = targets[split == 0]
    for where, labels in wanted.items():
        present = np.unique(labels)
        count = classes - len(present)
        if count:  # a label may be huge by mistake: no list of all classes
            seen = set(present.tolist())
            first = islice((c for c in range(classes) if c not in seen), 10)
            names = [repr(loaded.class_names[c]) if loaded.class_names else str(c) for c in first]
            raise DataError(
                f"{label}: {count} of {classes} classes {'has' if count == 1 else 'have'} no example in {where}: "
                + ", ".join(names)
                + (", ..." if count > len(names) else "")
            )
