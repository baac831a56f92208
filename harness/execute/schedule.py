"""Which job may start next, by what it needs. No processes and no places here."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from harness.execute.together import LONGEST_SECONDS, alike, in_turn
from harness.plan.jobs import CHECKED, Job

_ORDER = {"prepare": 0, "try": 1, "fit": 2, "measure": 3}
_ROUNDING = 1e-6  # seconds: of sums, so that equal parts come out equal


@dataclass(frozen=True, slots=True)
class Step:
    """A job to run, or one batch of it to try first. key tells the two apart."""

    key: str
    job: Job
    trying: bool = False


class Queue:
    """The steps of a plan in the order of their needs: fits before measures, and of one sort the longest first.

    A step may start when all that it needs has ended ok; when one has not, all that hang on it are
    blocked, but for a measure of several models and a search of several trials, which take the others. No fit starts before one batch of every trial was tried, so that what cannot work is
    known early; where there is one fit alone, itself is that. A measure that can refuse a model is asked before, too. Exclusive steps wait until no shared one of their device can start or runs.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        finished: Iterable[str],
        likely: Callable[[Job], float] = lambda job: 0.0,
    ) -> None:
        """Take the jobs of a plan, needs first, and the fingerprints of those that need not run.

        likely: the seconds that a job will probably take, asked for when it could start; of jobs of one sort that
        take as long, the first of the plan goes first. A long job that starts last leaves the other places idle.

        Raises:
            ValueError: A job needs one that is neither finished nor before it.
        """
        done = set(finished)
        self._likely = likely
        self._steps: dict[str, Step] = {}
        self._unmet: dict[str, int] = {}
        self._lost: dict[str, set[str]] = {}  # of the models or trials that a step needs
        self._dependents: dict[str, list[str]] = {}
        # By device and whether they run alone: steps in their order, and of those that can start, how long each takes. Who
        # leaves the latter stays in the former until it is its turn: to look for it there takes as long as there are steps.
        self._order: dict[tuple[str, bool], list[tuple[int, float, int, str]]] = {}
        self._ready: dict[tuple[str, bool], dict[str, float]] = {}
        self._seconds: defaultdict[tuple[str, bool], float] = defaultdict(float)  # of what is ready
        self._position: dict[str, int] = {}
        # What a step has in common with those that one process does together, and what of these can start, in order.
        self._alike: dict[str, str] = {}
        self._ready_alike: dict[str, dict[str, None]] = {}
        self._left: set[str] = set()
        self._untried: set[str] = set()
        self._after_tries: list[str] = []
        tries: dict[tuple[object, ...], str] = {}
        fits = sum(job.sort == "fit" and job.fingerprint not in done for job in jobs)
        for job in jobs:
            if job.fingerprint in done:
                continue
            needs = [need for need in job.needs if need not in done]
            for need in needs:
                if need not in self._steps:
                    raise ValueError(f"{job.label!r} needs {need}, which is no job before it")
            if job.sort == "fit" and fits > 1:
                data = [need for need in needs if self._steps[need].job.sort == "prepare"]
                needs.append(self._try(job, data, tries))
            elif job.spec.get(CHECKED) and any(self._steps[one].job.sort == "fit" for one in needs):
                data = [need for need in needs if need == job.spec["data"]]
                needs.append(self._try(job, data, tries))
            self._add(Step(job.fingerprint, job), needs)
        for key, count in self._unmet.items():
            if not count:
                self._make_ready(key)

    def _try(self, job: Job, data: Sequence[str], tries: dict[tuple[object, ...], str]) -> str:
        """Return the key of the step that tries a job and those that differ from it in the seed."""
        kept = {k: v for k, v in job.axes.items() if k != "seed"}
        if job.sort == "fit":
            kept.pop("measure", None)
        group = (job.sort, *sorted(kept.items()))
        if group not in tries:
            tries[group] = f"try {job.fingerprint}"
            self._untried.add(tries[group])
            self._add(Step(tries[group], job, trying=True), data)
        return tries[group]

    def __len__(self) -> int:
        """Return how many steps have not ended."""
        return len(self._left)

    def _add(self, step: Step, needs: Sequence[str]) -> None:
        self._steps[step.key] = step
        self._position[step.key] = len(self._position)
        self._unmet[step.key] = len(needs)
        self._left.add(step.key)
        if not step.trying and (common := alike(step.job)):
            self._alike[step.key] = common
        for need in needs:
            self._dependents.setdefault(need, []).append(step.key)

    def _make_ready(self, key: str) -> None:
        step = self._steps[key]
        if self._untried and step.job.sort == "fit" and not step.trying:
            self._after_tries.append(key)
            return
        order = _ORDER["try" if step.trying else step.job.sort]
        seconds = 0.0 if step.trying else self._likely(step.job)
        sort = step.job.device, step.job.exclusive
        heapq.heappush(
            self._order.setdefault(sort, []), (order, -seconds, self._position[key], key)
        )
        self._ready.setdefault(sort, {})[key] = seconds
        self._seconds[sort] += seconds
        if key in self._alike:
            self._ready_alike.setdefault(self._alike[key], {})[key] = None

    def has_ready(self, device: str, exclusive: bool) -> bool:
        """Whether a step of that sort could start now."""
        return bool(self._ready.get((device, exclusive)))

    def take(self, device: str, exclusive: bool) -> Step:
        """Return the next step that is ready, and take it off."""
        while (key := heapq.heappop(self._order[device, exclusive])[-1]) not in self._ready[
            device, exclusive
        ]:
            pass
        self._take_off(key)
        return self._steps[key]

    def take_alike(self, step: Step, places: int) -> list[Step]:
        """Return the steps that are ready and that the process of this one, which is taken, does with it, and take them off.

        places: on how many such steps run at once. Of what is done in turn one process takes no more than its share of all that is
        ready, so that no place is left without, and so much as it is likely to do soon.
        """
        group = self._ready_alike.get(self._alike.get(step.key, ""), {})
        found = sorted(group, key=self._position.__getitem__)
        if found and in_turn(step.job):
            own, sort = self._likely(step.job), (step.job.device, step.job.exclusive)
            left = min((self._seconds[sort] + own) / places, LONGEST_SECONDS) - own
            ready, fitting = self._ready[sort], []
            for key in found:
                if ready[key] <= left + _ROUNDING:
                    fitting.append(key)
                    left -= ready[key]
            found = fitting
        for key in found:
            self._take_off(key)
        return [self._steps[key] for key in found]

    def _take_off(self, key: str) -> None:
        """Let a step not start that could, if it could."""
        job = self._steps[key].job
        sort = job.device, job.exclusive
        self._seconds[sort] -= self._ready.get(sort, {}).pop(key, 0.0)
        if key in self._alike:
            self._ready_alike.get(self._alike[key], {}).pop(key, None)

    def put_back(self, step: Step) -> None:
        """Make a step that was taken ready again: somebody else runs it just now, or it is to run alone."""
        self._make_ready(step.key)

    def succeed(self, step: Step) -> None:
        """Record that a step has ended ok."""
        self._leave(step.key)
        for dependent in self._dependents.get(step.key, ()):
            self._meet(dependent)

    def fail(self, step: Step) -> list[Step]:
        """Record that a step has not ended ok; return all that are blocked by it, needs first."""
        self._leave(step.key)
        blocked: list[Step] = []
        waiting = [(step.key, key) for key in self._dependents.get(step.key, ())]
        while waiting:
            lost, key = waiting.pop()
            if key in self._left and not self._does_without(key, lost):
                self._leave(key)
                blocked.append(self._steps[key])
                waiting += [(key, other) for other in self._dependents.get(key, ())]
        return sorted(blocked, key=lambda step: self._position[step.key])

    def drop_unwanted(self) -> list[Step]:
        """Take off the fits of which all that needed them has left, refused before they began; return them."""
        unwanted = [
            key
            for key in self._position
            if key in self._left
            and self._steps[key].job.sort == "fit"
            and not self._steps[key].trying
            and self._dependents.get(key)
            and self._left.isdisjoint(self._dependents[key])
        ]
        for key in unwanted:
            self._take_off(key)
            self._leave(key)
        return [self._steps[key] for key in unwanted]

    def _does_without(self, key: str, lost: str) -> bool:
        """Whether a step has enough of models or trials without one; then it waits for what is lost no more."""
        every = self._lost.setdefault(key, set()) | {lost}
        if not self._steps[key].job.can_do_without(every):
            return False
        self._lost[key] = every
        self._meet(key)
        return True

    def _meet(self, key: str) -> None:
        """Take one off what a step waits for."""
        self._unmet[key] -= 1
        if not self._unmet[key] and key in self._left:
            self._make_ready(key)

    def drop(self, running: Container[str]) -> list[Step]:
        """Take all steps off but those that run, by their keys; return them, needs first."""
        dropped = [key for key in self._position if key in self._left and key not in running]
        self._after_tries.clear()
        for key in dropped:
            self._take_off(key)
            self._leave(key)
        return [self._steps[key] for key in dropped]

    def _leave(self, key: str) -> None:
        self._left.discard(key)
        self._untried.discard(key)
        if not self._untried and self._after_tries:
            waiting, self._after_tries = self._after_tries, []
            for fit in waiting:
                if fit in self._left:
                    self._make_ready(fit)
