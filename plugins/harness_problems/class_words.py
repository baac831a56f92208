"""Classes that images hold several of, in words: their names, and those of a test that training has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.api import DataError, LoadedData, Task
from harness.api.reporting import counted, list_some


def class_name(task: Task, label: int) -> str:
    """Return the name of a class, or its number."""
    return task.class_names[label] if task.class_names else f"class {label}"


def require_seen(
    train: np.ndarray[Any, Any], test: np.ndarray[Any, Any], loaded: LoadedData, what: str
) -> None:
    """Require that training has each class that is tested; train, test: whether they have it ``(classes,)``, what: "image".

    Raises:
        DataError: It lacks some.
    """
    unseen = np.flatnonzero(test & ~train)
    if len(unseen):
        words = [repr(loaded.class_names[c]) if loaded.class_names else str(c) for c in unseen]
        raise DataError(
            f"{counted(len(words), 'class', 'classes')} of test {what}s {'is' if len(words) == 1 else 'are'} in no training {what}: "
            f"{list_some(words)}"
        )
