"""What observers are told: frozen facts, in the order in which they come true.

A run starts; its jobs start, go on and finish; now and then it waits for another run; it finishes. An observer of
a plugin gets them by the lifecycle hooks (`harness.catalogue.hookspecs`), the terminal by
`harness.execute.progress`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.measure.metric import Metric


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run starts.

    run: its name, such as "quick-0007". suite: of what. store: the folder that keeps it. trials: fits of
    a model on data with a seed. jobs: in all; of these are cached (ok before), skipped (make no sense
    here) and to_do. places: how many jobs run at once, by device. seconds: that it will likely take.
    changed: files that have changed since jobs read them, so that these are done again.
    """

    run: str
    suite: str
    store: str
    trials: int
    jobs: int
    cached: int
    skipped: int
    to_do: int
    places: Mapping[str, int]
    seconds: float
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A job starts.

    fingerprint: its identity. sort: "prepare", "fit" or "measure". label: for people, such as "fit mlp#0
    digits". place: where it runs, such as "cpu0". trying: one batch of it is taken through first; plugins
    are not told of these.
    """

    run: str
    fingerprint: str
    sort: str
    label: str
    place: str
    trying: bool = False


@dataclass(frozen=True, kw_only=True)
class JobGoesOn:
    """A job has run for a while; told again every ten seconds.

    fingerprint, sort, label, trying: as of `JobStarted`. seconds: for how long. said: the last line of its log, such as
    "epoch 12/30, train loss 0.31"; "" where it has said nothing.
    """

    run: str
    fingerprint: str
    sort: str
    label: str
    seconds: float
    said: str = ""
    trying: bool = False


@dataclass(frozen=True, kw_only=True)
class JobFinished:
    """A job has an outcome, and the store has it for good.

    fingerprint, sort, label, trying: as of `JobStarted`. status: "ok", "failed", "oom", "timeout",
    "crashed", "skipped" or "blocked" (what it needs is not ok); reason: a sentence, "" when ok, but for what a measure that is
    tried will leave out. seconds: in the job's process. metrics: what it yielded. jobs_left and seconds_left: of the run; the seconds
    are an estimate.
    """

    run: str
    fingerprint: str
    sort: str
    label: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    metrics: tuple[Metric, ...] = ()
    trying: bool = False
    jobs_left: int = 0
    seconds_left: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunWaits:
    """Jobs of a run cannot start before something of another run has ended; or now they can.

    waits_for: what, and whose it is, a sentence each; () when the wait is over. seconds: how long it has
    waited so far.
    """

    run: str
    waits_for: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """A run has ended.

    status: "completed" (every job has an outcome) or "interrupted". counts: jobs by status; "cached" are
    those that were ok before. seconds: that it took.
    """

    run: str
    suite: str
    store: str
    status: str
    counts: Mapping[str, int]
    seconds: float


Event = RunStarted | JobStarted | JobGoesOn | JobFinished | RunWaits | RunFinished
