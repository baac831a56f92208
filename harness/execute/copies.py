"""How much of the disk corrupted copies of data may take, and which of them therefore are not written."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.catalogue.counts import counted, size_words
from harness.plan.jobs import Job

_log = logging.getLogger("harness.engine")
_FREE_SHARE = 0.5  # of what is free, where a suite says no number


@dataclass(frozen=True)
class CopiesAhead:
    """The corrupted copies of a data set that a run would make.

    each: the bytes of one, and fit: how many have room; None where the data are not prepared yet. of: the room, in words.
    """

    dataset: str
    copies: int
    each: int | None
    fit: int | None
    of: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        what = f"{counted(self.copies, 'corrupted copy', 'corrupted copies')} of {self.dataset}"
        if self.each is None or self.fit is None:
            return f"{what}: how much of the disk they take is known once the data are prepared; they may take {self.of}"
        size = f"{what}: {size_words(self.each)} each, {size_words(self.copies * self.each)} of {self.of}"
        if self.fit == self.copies:
            return size
        return f"{size}; {self.copies - self.fit:,} do not fit, and are made anew for each model that is measured on them"


class CopyRoom:
    """What is left for the copies of a run.

    Asked before each copy is made. One that does not fit is made where it is read, for each model anew: the same
    figures, after more time.
    """

    def __init__(self, limit: int | None, store: Path) -> None:
        """Take `[hardware] copies` in bytes, if it is said, and the store's folder, which may not be there yet."""
        there = next(one for one in (store, *store.absolute().parents) if os.path.exists(one))
        free = shutil.disk_usage(there).free
        self._left = min(free, limit) if limit is not None else int(_FREE_SHARE * free)
        self._of = (
            f"{size_words(limit)} ([hardware] copies)"
            if limit is not None
            else ("half of what was free on the disk ([hardware] copies says another number)")
        )
        self._told: set[str] = set()
        # Copies that have their room: one is asked for again where it was not finished.
        self._taken: set[str] = set()

    def foretell(self, jobs: Iterable[Job], prepared: Mapping[str, Path]) -> list[CopiesAhead]:
        """Return, by data set, what the copies that are still to be made take, and how many of them have room.

        prepared: the folders of data that are ready, by fingerprint; of others the size is not known yet.
        """
        waiting: dict[str, list[Job]] = {}
        for job in jobs:
            if _makes_a_copy(job) and not job.skip:
                waiting.setdefault(job.spec["data"], []).append(job)
        ahead = []
        for data, copies in waiting.items():
            dataset = str(copies[0].axes["dataset"])
            if data not in prepared:
                ahead.append(CopiesAhead(dataset, len(copies), None, None, self._of))
                continue
            size = copy_bytes(prepared[data])
            fit = min(len(copies), self._left // max(size, 1))
            self._left -= fit * size
            ahead.append(CopiesAhead(dataset, len(copies), size, fit, self._of))
        return ahead

    def has_none_for(self, job: Job, needs: Mapping[str, str]) -> bool:
        """Whether a job makes a copy that does not fit any more; else its bytes are taken."""
        if not _makes_a_copy(job):
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


def _makes_a_copy(job: Job) -> bool:
    return job.sort == "prepare" and "shift" in job.spec


def copy_bytes(clean: Path) -> int:
    """Return how much of the disk a corrupted copy of a prepared data set takes."""
    import numpy as np

    task = json.loads((clean / "task.json").read_text(encoding="utf-8"))
    inputs = np.load(clean / "inputs.npy", mmap_mode="r", allow_pickle=False)
    of_images = inputs.dtype == np.uint8 and task["scale"] == 1.0 / 255.0  # which stay of 8 bits
    numbers = int(task["counts"]["test"]) * int(math.prod(inputs.shape[1:]))
    return numbers * (1 if of_images else 4)
