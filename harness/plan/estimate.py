"""How long jobs will take, from what jobs like them took: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from harness.plan.jobs import Job

_UNKNOWN = {"prepare": 0.5, "fit": 5.0, "measure": 1.0}  # seconds, where nothing like it has run
_START = 0.15  # seconds to start a job's process


def make_estimator(durations: Mapping[str, float]) -> Callable[[Job], float]:
    """Return a function from a job to its likely seconds.

    durations: {label: seconds} of jobs that were ok. A job takes what one with its label took, else
    the median of its architecture and sort, else of its sort, else a constant for each of its models.
    """
    by_kind: dict[str, list[float]] = {}
    for label, seconds in durations.items():
        words = label.split()
        by_kind.setdefault(words[0], []).append(seconds)
        if len(words) > 1:
            by_kind.setdefault(f"{words[0]} {words[1].split('#')[0]}", []).append(seconds)
    medians = {kind: median(values) for kind, values in by_kind.items()}

    def estimate(job: Job) -> float:
        words = job.label.split()
        near = f"{words[0]} {words[1].split('#')[0]}" if len(words) > 1 else words[0]
        for known, key in ((durations, job.label), (medians, near), (medians, words[0])):
            if key in known:
                return known[key] + _START
        return _UNKNOWN[job.sort] * max(1, len(job.spec.get("fits", ()))) + _START

    return estimate


class Remaining:
    """The jobs that are still to do, and their likely wall time, kept up as jobs end."""

    def __init__(
        self, jobs: Iterable[Job], estimate: Callable[[Job], float], cpu_slots: int, gpus: int
    ) -> None:
        """Take the jobs, how to estimate one, and the slots that shared ones are packed on."""
        self._slots = {"cpu": max(cpu_slots, 1), "cuda": max(gpus, 1)}
        self._estimate = estimate
        self._jobs = {job.fingerprint: job for job in jobs if not job.skip}
        self._seconds = {"cpu": 0.0, "cuda": 0.0}
        for job in self._jobs.values():
            self._seconds[job.device] += self._cost(job)

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
            self._seconds[job.device] -= self._cost(job)

    def seconds(self) -> float:
        """Return the likely wall time: shared jobs packed on slots, exclusive CPU jobs one by one."""
        return sum(self._seconds.values()) if self._jobs else 0.0

    def _cost(self, job: Job) -> float:
        alone = job.exclusive and job.device == "cpu"
        return self._estimate(job) / (1 if alone else self._slots[job.device])


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
        slots = 1 if job.exclusive else (max(gpus, 1) if job.device == "cuda" else cpu_slots)
        return estimate(job) / slots

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
