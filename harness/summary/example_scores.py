"""The per-example scores behind the figures of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.data.draws import derive
from harness.measure.time_blocks import InTime
from harness.statistics.crossed import SEED_SD
from harness.statistics.model_groups import Scores
from harness.store.run_data import Array, ExampleArrays, JobRow, RunData
from harness.summary.metric_rows import MetricRow

_ROWS = (
    2**32
)  # no data set has so many, and no digest of 63 bits is below it but by a chance of 5e-10


class ExampleScores:
    """Reads what the measures of a run kept for each example, each file once."""

    def __init__(self, run: RunData) -> None:
        """Take the run; nothing is read yet."""
        self._jobs = {job.fingerprint: job for job in run.jobs}
        self._read = lru_cache(maxsize=1024)(ExampleArrays.read)

    def scores(self, found: Iterable[MetricRow]) -> Scores | None:
        """Return the scores behind a figure, at its seeds; None where none were kept."""
        read, fits = {}, dict[int, str]()
        times = dict[int, InTime | None]()
        for one in found:
            if not one.examples:
                continue
            job = self._jobs[one.fingerprint]
            examples = self._read(job.folder)
            scored = None if examples is None else examples.scores(one.examples)
            if examples is None or scored is None:
                continue
            ids, values = _known_by_content(scored[0], job), scored[1]
            if is_floor(job):
                floor = Scores((), ids, values[None], seed_sd=0.0, time=examples.time)
                return floor if len(ids) else None
            if "seed" in job.axes:
                read[int(job.axes["seed"])] = ids, values
                times[int(job.axes["seed"])] = examples.time
                fits[int(job.axes["seed"])] = str(job.spec.get("fit", ""))
        scores = Scores.align(read, times) if read else None
        if scores is not None:
            mine = tuple(fits[seed] for seed in scores.seeds)
            loaded = all(self._loaded(fit) for fit in mine)
            scores = replace(scores, fits=mine, seed_sd=0.0 if loaded else SEED_SD)
        return scores if scores is not None and len(scores.ids) else None

    def ids(self, found: Iterable[MetricRow]) -> Array | None:
        """Return the ids of the examples that figures are of, sorted; None where a measure kept none."""
        known = []
        for one in found:
            job = self._jobs[one.fingerprint]
            examples = self._read(job.folder)
            if examples is None:
                return None
            known.append(_known_by_content(examples.ids, job))
        return np.unique(np.concatenate(known)) if known else None

    def _loaded(self, fit: str) -> bool:
        """Whether a fit took its weights as they were published or saved, so that no seed changes it."""
        job = self._jobs.get(fit)
        return job is not None and job.notes.get("epochs") == 0


def is_floor(job: JobRow) -> bool:
    """Whether a job measured its data set alone, so that its metrics are of no model of the suite."""
    return job.sort == "measure" and "architecture" not in job.spec and not job.spec.get("fits")


def _known_by_content(ids: Array, job: JobRow) -> Array:
    """Return ids that mean the same in every run.

    Ids were row numbers once, of which no other preparation of a data set knows anything: such ones are
    moved to a place of their own for each.
    """
    if not len(ids) or int(ids.max()) >= _ROWS:
        return ids
    return np.asarray(ids + (derive(job.spec.get("data", "")) >> 1))
