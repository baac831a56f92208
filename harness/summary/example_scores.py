"""The per-example scores behind the figures of a run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from harness.statistics.model_groups import Scores
from harness.store.run_data import ExampleArrays, RunData
from harness.summary.metric_rows import MetricRow


class ExampleScores:
    """Reads what the measures of a run kept for each example, each file once."""

    def __init__(self, run: RunData) -> None:
        """Take the run; nothing is read yet."""
        self._jobs = {job.fingerprint: job for job in run.jobs}
        self._read = lru_cache(maxsize=1024)(ExampleArrays.read)

    def scores(self, found: Iterable[MetricRow], pattern: str) -> Scores | None:
        """Return the scores behind a figure, at its seeds; None where none were kept.

        pattern: the array, or glob of arrays, that holds them; "" for a figure that has none.
        """
        if not pattern:
            return None
        read = {}
        for one in found:
            job = self._jobs[one.fingerprint]
            examples = self._read(job.folder)
            scored = None if examples is None else examples.scores(pattern)
            if scored is not None and "seed" in job.axes:
                read[int(job.axes["seed"])] = scored
        scores = Scores.align(read) if read else None
        return scores if scores is not None and len(scores.ids) else None
