"""Some classes of a data set alone: to train on a part of them, and to tell the rest as near to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.api import DataError, LoadedData
from harness.api.reporting import list_some


def places(where: str, names: Sequence[str], asked: Sequence[str]) -> dict[int, int]:
    """Return {place among all classes: place among those asked for}, both in their own order.

    Raises:
        DataError: A class that is asked for is not there.
    """
    if missing := [name for name in asked if name not in names]:
        raise DataError(
            f"{where}: classes= names {list_some([*map(repr, missing)])}, and its classes are {list_some([*map(repr, names)], 20)}"
        )
    kept = [place for place, name in enumerate(names) if name in asked]
    return {place: number for number, place in enumerate(kept)}


def keep_classes(where: str, loaded: LoadedData, asked: Sequence[str]) -> LoadedData:
    """Return the examples of some classes, numbered anew in their order; all of them where none is asked for.

    loaded: arrays with class labels, which are known by their numbers where they have no names.

    Raises:
        DataError: A class is not there, or the data have none.
    """
    if not asked:
        return loaded
    if loaded.problem != "classification":
        raise DataError(f"{where}: classes= is for classes, and its targets are real numbers")
    labels = np.asarray(loaded.targets)
    names = loaded.class_names or tuple(map(str, np.unique(labels).tolist()))
    own = places(where, names, asked)
    numbers = np.arange(len(names)) if loaded.class_names else np.unique(labels)
    kept = np.isin(labels, numbers[list(own)])
    anew = np.searchsorted(numbers[list(own)], labels[kept])
    return replace(
        loaded,
        inputs=np.asarray(loaded.inputs)[kept],
        targets=anew.astype("int64"),
        split=None if loaded.split is None else np.asarray(loaded.split)[kept],
        class_names=tuple(names[place] for place in own),
    )
