"""How long jobs will take, from what jobs like them took: pure."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.plan.default_length import default_epochs
from harness.plan.extents import Extent
from harness.plan.jobs import ASKED_SECONDS, Job

# Seconds, where nothing like it has run: about the middle of what jobs of the suites that ship take on a CPU core, whose fits take
# from less than a second to half a minute.
_UNKNOWN = {"prepare": 0.5, "fit": 2.0, "measure": 0.5}
# Of a fit whose data say how large they are: seconds for each time that an example passes, and each number that it is made of;
# tests/evidence/README.md has what that comes to.
_EXAMPLE, _NUMBER, _FIT = 2e-5, 2e-6, 0.2
_TRAINING = 0.6  # of the examples, where a data set does not part them itself
_START = 0.15  # seconds to start a job's process
_LEARN_SHARE = 0.05  # so many jobs end, of the sorts that are left, before all are estimated anew


class Likely:
    """How long a job will take, from what jobs like it took, before and in this run."""

    def __init__(
        self,
        durations: Mapping[str, float],
        lengths: Mapping[str, tuple[int, int]] | None = None,
        extents: Callable[[str], Extent | None] = lambda label: None,
    ) -> None:
        """Take {label: seconds} of jobs that were ok before, and {label: (epochs, default epochs)} of fits.

        The first are the epochs for which a fit was planned, the second those that it has where a recipe says none.
        extents: how large a data set is, by its label; None: not known.
        """
        self._extents = extents
        self._labels = durations
        self._lengths = {_kinds(label)[0]: length for label, length in (lengths or {}).items()}
        kinds: dict[str, list[float]] = {}
        for label, seconds in durations.items():
            for kind in _kinds(label):
                kinds.setdefault(kind, []).append(seconds)
        self._before = {kind: median(values) for kind, values in kinds.items()}
        self._now: dict[str, list[float]] = {}

    def __call__(self, job: Job) -> float:
        """Return the likely seconds of a job, its start included.

        The median of what differs in the seed alone in this run, whose options may be others than before; else
        what one with its label took; else see `unlabelled`.
        """
        known = self.known(job)
        return self.unlabelled(job) if known is None else known

    def known(self, job: Job) -> float | None:
        """Return what jobs like it took, in this run or before; None where there were none."""
        now = self.now(job)
        return self.before(job) if now is None else now

    def learn(self, job: Job, seconds: float) -> None:
        """Take what a job took in this run."""
        for kind in _kinds(job.label):
            insort(self._now.setdefault(kind, []), seconds)

    def now(self, job: Job) -> float | None:
        """Return what jobs take in this run that differ in the seed alone."""
        seen = self._now.get(_kinds(job.label)[0])
        return _middle(seen) + _START if seen else None

    def before(self, job: Job) -> float | None:
        """Return what a job with its label took before this run."""
        if job.label not in self._labels:
            return None
        return max(self._labels[job.label] * self._longer(job), _asked(job)) + _START

    def unlabelled(self, job: Job) -> float:
        """Return the likely seconds of a job whose label is new.

        The median of what differs in the seed alone before this run, else of its sort in this run; else of a fit on a CPU what its
        epochs and its data make likely, of others the median of the sort before, else a constant for each of its models; never
        less than its options ask for.
        """
        near, sort = _kinds(job.label)
        if near not in self._before and sort in self._now:
            likely = _middle(self._now[sort])
        elif near in self._before:
            likely = self._before[near] * self._longer(job)
        elif (guess := self._passes(job)) is not None:
            likely = guess
        elif sort in self._before:
            likely = self._before[sort]
        else:
            likely = _UNKNOWN[job.sort] * max(1, len(job.spec.get("fits", ()))) + _asked(job)
        return max(likely, _asked(job)) + _START

    def _passes(self, job: Job) -> float | None:
        """Return what examples that pass so many times may take; None of what is no fit on a CPU, or where that is not known."""
        found = self._extents(str(job.axes.get("dataset"))) if job.sort == "fit" else None
        if found is None or job.device != "cpu":
            return None
        training = job.spec.get("training", {})
        trained = found[0] * _TRAINING * training.get("train_share", 1.0)
        epochs = training.get("epochs")
        if epochs is None:
            epochs = default_epochs(math.ceil(trained), training.get("batch_size", 1))
        return float(_FIT + epochs * trained * max(_EXAMPLE, _NUMBER * found[1]))

    def _longer(self, job: Job) -> float:
        """Return how many times longer a fit is planned than the last one like it; 1 where nothing is known."""
        then, default = self._lengths.get(_kinds(job.label)[0], (0, 0))
        epochs = job.spec.get("training", {}).get("epochs", 0)
        planned = default if epochs is None else epochs
        return planned / then if then and planned else 1.0


def _asked(job: Job) -> float:
    """Return how long a job takes by its options at least."""
    return float(job.spec.get(ASKED_SECONDS, 0.0))


def _kinds(label: str) -> tuple[str, str]:
    """Return a job's label without its seed, and the sort of job alone."""
    words = label.split()
    return " ".join(word.split("#")[0] for word in words), words[0]


def _middle(values: Sequence[float]) -> float:
    """Return the median of sorted values."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


@dataclass
class _Alike:
    """Jobs that are left and differ in the seed alone, so that they are estimated at once.

    labelled: the sum of what those of them took before that ran before. new: how many others there are.
    """

    sample: Job
    slots: int
    labelled: float = 0.0
    jobs: int = 0
    new: int = 0


class Remaining:
    """The jobs that are still to do, and their likely wall time, kept up as jobs end."""

    def __init__(self, jobs: Iterable[Job], likely: Likely, cpu_slots: int, gpus: int) -> None:
        """Take the jobs, what they are likely to take, and the slots that shared ones are packed on."""
        self._totals = cpu_slots, gpus
        self._likely = likely
        self._jobs = {job.fingerprint: job for job in jobs if not job.skip}
        self._alike: dict[tuple[object, ...], _Alike] = {}
        self._total, self._learnt = 0.0, 0
        for job in self._jobs.values():
            self._count(job, 1)

    def __len__(self) -> int:
        """Return how many jobs are left."""
        return len(self._jobs)

    def __contains__(self, fingerprint: str) -> bool:
        """Whether a job is left."""
        return fingerprint in self._jobs

    def jobs(self) -> list[Job]:
        """Return the jobs that are left, in order."""
        return list(self._jobs.values())

    def discard(self, fingerprint: str) -> None:
        """Take a job off, if it is there."""
        job = self._jobs.pop(fingerprint, None)
        if job is not None:
            self._count(job, -1)

    def learn(self, job: Job, seconds: float) -> None:
        """Take what a job took: others like it will take as long."""
        self._likely.learn(job, seconds)
        self._learnt += 1

    def seconds(self) -> float:
        """Return the likely wall time: shared jobs packed on slots, exclusive CPU jobs one by one.

        What was learnt counts at once in a small run, and from time to time in a large one.
        """
        if self._learnt > _LEARN_SHARE * len(self._alike):
            self._total = sum(map(self._wall_time, self._alike.values()))
            self._learnt = 0
        return max(self._total, 0.0) if self._jobs else 0.0

    def _wall_time(self, alike: _Alike) -> float:
        now = self._likely.now(alike.sample)
        if now is not None:
            return alike.jobs * now / alike.slots
        new = alike.new * self._likely.unlabelled(alike.sample) if alike.new else 0.0
        return (alike.labelled + new) / alike.slots

    def _count(self, job: Job, change: int) -> None:
        slots = _slots(job, *self._totals)
        kind = (_kinds(job.label)[0], slots, len(job.spec.get("fits", ())))
        alike = self._alike.setdefault(kind, _Alike(job, slots))
        before = self._likely.before(job)
        self._total += change * self._likely(job) / slots
        alike.jobs += change
        if before is None:
            alike.new += change
        else:
            alike.labelled += change * before


def _slots(job: Job, cpu_slots: int, gpus: int) -> int:
    """Return how many such jobs run at once."""
    if job.device == "cuda":
        return max(gpus // job.devices, 1)
    return 1 if job.exclusive else max(cpu_slots // job.devices, 1)


def fitting(
    jobs: Sequence[Job],
    finished: Iterable[str],
    estimate: Callable[[Job], float],
    cpu_slots: int,
    gpus: int,
    budget_seconds: float,
) -> list[Job]:
    """Return the jobs that fit into a time budget, trial by trial in the order of the plan.

    A job is taken with all that it needs, while the estimate of what is taken stays in the budget.
    """
    by_fingerprint = {job.fingerprint: job for job in jobs}
    taken: dict[str, Job] = {}
    done = set(finished)
    spent = 0.0

    def cost(job: Job) -> float:
        return estimate(job) / _slots(job, cpu_slots, gpus)

    for job in jobs:
        if job.skip or job.fingerprint in done or job.fingerprint in taken:
            continue
        wanted: dict[str, Job] = {}
        waiting = [job]
        while waiting:
            one = waiting.pop()
            if one.fingerprint in done or one.fingerprint in taken or one.fingerprint in wanted:
                continue
            wanted[one.fingerprint] = one
            waiting += [by_fingerprint[need] for need in one.needs]
        seconds = sum(cost(one) for one in wanted.values())
        if spent + seconds <= budget_seconds:
            spent += seconds
            taken |= wanted
    return [job for job in jobs if job.fingerprint in taken]
