"""How much of the disk corrupted copies of data may take, and which of them therefore are not written."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.catalogue.counts import size_words
from harness.plan.jobs import Job

_log = logging.getLogger("harness.engine")
_FREE_SHARE = 0.5  # of what is free, where a suite says no number


class CopyRoom:
    """What is left for the copies of a run.

    Asked before each copy is made. One that does not fit is made where it is read, for each model anew: the same
    figures, after more time.
    """

    def __init__(self, limit: int | None, store: Path) -> None:
        """Take `[hardware] copies` in bytes, if it is said, and the store's folder."""
        free = shutil.disk_usage(store).free
        self._left = min(free, limit) if limit is not None else int(_FREE_SHARE * free)
        self._of = (
            f"{size_words(limit)} ([hardware] copies)"
            if limit is not None
            else ("half of what was free on the disk ([hardware] copies says another number)")
        )
        self._told: set[str] = set()
        # Copies that have their room: one is asked for again where it was not finished.
        self._taken: set[str] = set()

    def has_none_for(self, job: Job, needs: Mapping[str, str]) -> bool:
        """Whether a job makes a copy that does not fit any more; else its bytes are taken."""
        if job.sort != "prepare" or "shift" not in job.spec:
            return False
        if job.fingerprint in self._taken:
            return False
        data = job.spec["data"]
        size = copy_bytes(Path(needs[data]))
        if size <= self._left:
            self._left -= size
            self._taken.add(job.fingerprint)
            return False
        if data not in self._told:
            self._told.add(data)
            _log.warning(
                "a corrupted copy of %s takes %s, and %s is left of %s: copies that do not fit are not written, "
                "but made anew for each model that is measured on them",
                job.axes["dataset"],
                size_words(size),
                size_words(self._left),
                self._of,
            )
        return True


def copy_bytes(clean: Path) -> int:
    """Return how much of the disk a corrupted copy of a prepared data set takes."""
    task = json.loads((clean / "task.json").read_text(encoding="utf-8"))
    inputs = np.load(clean / "inputs.npy", mmap_mode="r", allow_pickle=False)
    of_images = inputs.dtype == np.uint8 and task["scale"] == 1.0 / 255.0  # which stay of 8 bits
    numbers = int(task["counts"]["test"]) * int(math.prod(inputs.shape[1:]))
    return numbers * (1 if of_images else 4)
