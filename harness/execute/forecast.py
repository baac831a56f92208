"""What a run would do, without doing it and without torch."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.counts import counted, duration
from harness.errors import UsageError
from harness.execute.cached import check_fresh, find_cached
from harness.execute.copies import CopiesAhead, CopyRoom
from harness.execute.places import LocalPlaces
from harness.execute.words import changed_files
from harness.plan.estimate import Likely, Remaining, fitting
from harness.plan.jobs import Job, Plan
from harness.plan.one_sided import one_sided
from harness.plan.plan import make_plan
from harness.plan.quantities import parse_duration
from harness.plan.suite import Suite
from harness.store.disk import is_whole
from harness.store.store import Store


@dataclass(frozen=True)
class Forecast:
    """A plan, what of it is cached, the likely seconds, and what fits into a budget (None: no one).

    changed: files that have changed since jobs read them, which are therefore to be done again. copies: those that
    would be made of data, by data set. cautions: what is likely not meant. guessed: nothing has run by which the seconds could be told.
    """

    plan: Plan
    cached: Mapping[str, int]
    seconds: float
    budget: float | None
    fits: tuple[Job, ...]
    changed: tuple[str, ...] = ()
    copies: tuple[CopiesAhead, ...] = ()
    guessed: bool = False
    cautions: tuple[str, ...] = ()

    def state(self, job: Job) -> str:
        """Say "skipped", "cached" or "to do" of a job."""
        if job.skip:
            return "skipped"
        return "cached" if job.fingerprint in self.cached else "to do"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        fits = {job.fingerprint for job in self.fits}
        return {
            "suite": self.plan.suite,
            "trials": self.plan.trials,
            "labels": dict(self.plan.labels),
            "seconds": self.seconds,
            "copies": [asdict(one) for one in self.copies],
            "cautions": list(self.cautions),
            "jobs": [
                {
                    "fingerprint": job.fingerprint,
                    "sort": job.sort,
                    "label": job.label,
                    "state": self.state(job),
                    "skip": job.skip,
                    "needs": job.needs,
                    "exclusive": job.exclusive,
                    "device": job.device,
                    **({} if self.budget is None else {"fits": job.fingerprint in fits}),
                }
                for job in self.plan.jobs
            ],
        }

    def to_text(self, show_jobs: bool) -> str:
        """Return lines for a person."""
        states = Counter(self.state(job) for job in self.plan.jobs)
        lines = [
            f"{self.plan.suite}: {counted(self.plan.trials, 'trial')}, "
            + f"{counted(len(self.plan.jobs), 'job')}: "
            + ", ".join(f"{states[state]} {state}" for state in ("to do", "cached", "skipped"))
            + f"; about {duration(self.seconds)}"
            + (", a guess, as nothing has run here yet" if self.guessed else "")
        ]
        kinds: dict[str, Counter[str]] = {}
        for job in self.plan.jobs:
            kinds.setdefault(str(job.axes.get("measure", job.sort)), Counter())[
                self.state(job)
            ] += 1
        width = max(map(len, kinds), default=0)
        for kind, counts in kinds.items():
            words = ", ".join(f"{count} {state}" for state, count in counts.items())
            lines.append(f"  {kind:{width}}  {words}")
        lines += [f"{label} is {name}" for label, name in self.plan.labels.items()]
        lines += map(str, self.copies)
        lines += self.cautions
        if self.changed:
            lines.append(changed_files(self.changed))
        reasons = Counter(job.skip for job in self.plan.jobs if job.skip)
        lines += [
            f"skipped: {reason} ({counted(count, 'job')})" for reason, count in reasons.items()
        ]
        if show_jobs:
            lines += [
                f"{self.state(job):8} {job.fingerprint[:10]} {job.label}" for job in self.plan.jobs
            ]
        if self.budget is not None:
            lines += self._budget_lines()
        return "\n".join(lines)

    def _budget_lines(self) -> list[str]:
        to_do = [job for job in self.plan.jobs if self.state(job) == "to do"]
        text = f"In {duration(self.budget or 0)}: {len(self.fits)} of {counted(len(to_do), 'job')} would fit"
        if len(self.fits) == len(to_do):
            return [f"{text}: all of them."]
        fits = {job.fingerprint for job in self.fits}
        left = Counter(_purpose(job) for job in to_do if job.fingerprint not in fits)
        whole = f"{text}; all would take about {duration(self.seconds)}."
        return [
            whole,
            *(f"  left out: {counted(count, 'job')} {what}" for what, count in left.items()),
        ]


def forecast(
    suite: Suite,
    catalogue: Catalogue,
    store: str | Path,
    fresh: Sequence[str] = (),
    time_budget: str | None = None,
) -> Forecast:
    """Plan a suite, and look up in the store what is there already and how long such jobs took.

    Raises:
        UsageError: The budget is no duration.
    """
    budget = None if time_budget is None else read_budget(time_budget)
    plan = make_plan(suite, catalogue)
    durations: Mapping[str, float] = {}
    likely = Likely(durations, extents=plan.extents)
    cached: Mapping[str, int] = {}
    changed: tuple[str, ...] = ()
    prepared: dict[str, Path] = {}
    if os.path.exists(Path(store) / "store.sqlite"):
        with Store(store, create=False) as opened:
            durations = opened.durations()
            likely = Likely(durations, opened.lengths(), plan.extents)
            found = find_cached(plan, opened, fresh)
            cached, changed = found.outcomes, found.changed
            prepared = _prepared(plan, opened, cached)
    else:
        check_fresh(plan, fresh)
    places = LocalPlaces(plan.hardware["cpu_slots"], plan.hardware["threads"]).total
    totals = places["cpu"], places["cuda"]
    to_do = [job for job in plan.jobs if job.fingerprint not in cached]
    seconds = Remaining(to_do, likely, *totals).seconds()
    fits: tuple[Job, ...] = ()
    if budget is not None:
        fits = tuple(fitting(plan.jobs, cached, likely, *totals, budget))
    room = CopyRoom(plan.hardware.get("copies"), Path(store))
    return Forecast(
        plan,
        cached,
        seconds,
        budget,
        fits,
        changed,
        copies=tuple(room.foretell(to_do, prepared)),
        guessed=not durations,
        cautions=tuple(one_sided(suite)),
    )


def _prepared(plan: Plan, store: Store, cached: Mapping[str, int]) -> dict[str, Path]:
    """Return the folders of what is prepared, by fingerprint, where they are still there."""
    ready = {
        job.fingerprint: cached[job.fingerprint]
        for job in plan.jobs
        if job.sort == "prepare" and job.fingerprint in cached
    }
    folders = store.folders_of(ready.values())
    found = {key: folders[outcome] for key, outcome in ready.items()}
    return {key: folder for key, folder in found.items() if is_whole(folder)}


def _purpose(job: Job) -> str:
    if job.sort == "prepare":
        return "to prepare data"
    return f"of {job.axes['architecture']}" if "architecture" in job.axes else "to compare models"


def read_budget(budget: str | float) -> float:
    """Return the seconds of a time budget such as "30m".

    Raises:
        UsageError: It is no duration, or nothing fits into it.
    """
    try:
        seconds = parse_duration(budget)
    except ValueError as error:
        raise UsageError(f"--time-budget {budget!r}: {error}") from None
    if not 0 < seconds < math.inf:
        raise UsageError(f"--time-budget {budget!r}: a time of more than 0 s is allowed")
    return seconds
