"""Some classes of a data set alone: to train on a part of them, and to tell the rest as near to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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

    loaded: arrays with class labels, which are known by their numbers where they have no names. All that it says of single
    examples is kept with them; they are named by where they came from.

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
    rows = np.flatnonzero(np.isin(labels, numbers[list(own)]))
    anew = np.searchsorted(numbers[list(own)], labels[rows])
    each = ("inputs", "split", "keys", "groups", "order", "part")
    cut: dict[str, Any] = {
        name: np.asarray(values)[rows]
        for name in each
        if (values := getattr(loaded, name)) is not None
    }
    return replace(
        loaded,
        **cut,
        targets=anew.astype("int64"),
        class_names=tuple(names[place] for place in own),
        means=tuple(loaded.means[place] for place in own) if loaded.means else (),
        columns={
            name: [words[row] for row in rows.tolist()] for name, words in loaded.columns.items()
        },
        names=[loaded.names[row] for row in rows.tolist()] if len(loaded.names) else (),
        sources=np.asarray(loaded.sources)[rows] if len(loaded.sources) else (),
        name_example=lambda at: loaded.name_example(int(rows[at])),
    )
