"""What a Slurm task runs: a node that takes job after job out of its pool.

It goes on as long as there are jobs, and for a while after that, as the run sends more when these have ended. Preempted
and put into the queue again by Slurm, it comes back to the jobs that it had.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.api import UsageError
from harness.api.nodes import (
    ENDED,
    KEPT,
    KEPT_MORE,
    PRINTED,
    STARTED,
    WAITS,
    Installed,
    News,
    Node,
    NodeSetting,
    become_plain,
    pack,
    unpack,
)
from harness.api.running import Outcome
from harness_slurm.commands import given_cpus, task_here
from harness_slurm.nodes import look_here
from harness_slurm.pools import Pool, QueuedJob, write

IDLE_SECONDS = 20.0  # that a task stays without a job
_BEAT_SECONDS = 1.0


@dataclass
class _Job:
    """A job that this task has: its file among those taken, and when it must end."""

    entry: QueuedJob
    taken: str
    limit: float
    ends: float | None = None


class TaskWorker:
    """Takes jobs of a pool to a node and what they leave to the shared folder."""

    def __init__(self, pool: Pool, task: str, node: Node, seconds: float, at_once: int) -> None:
        """Take a node. seconds: that the task has from now. at_once: jobs that the node does."""
        self._pool, self._task, self._node = pool, task, node
        self._until, self._at_once = time.monotonic() + seconds, at_once
        self._jobs: dict[str, _Job] = {}
        self._done = 0

    def work(self) -> None:
        """Do jobs until there are no more for a while, or the pool is closed, or time is short."""
        for name, taken in self._pool.taken().items():
            if taken.endswith(f"@{self._task}"):  # before this task was preempted
                self._begin(self._pool.entry(name), taken)
        idle_since = time.monotonic()
        while True:
            self._take()
            if self._jobs:
                for news in self._node.wait(_BEAT_SECONDS):
                    self._hear(news)
                self._kill_overdue()
                idle_since = time.monotonic()
                continue
            idle = time.monotonic() - idle_since
            if self._pool.is_closed or idle > IDLE_SECONDS or self._short_of_time():
                return
            time.sleep(_BEAT_SECONDS / 2)

    def _short_of_time(self) -> bool:
        """Whether jobs wait that this task has not the time for."""
        return any(self._left() < self._allowed(one) for one in self._pool.queued())

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _allowed(self, queued: str) -> float:
        try:
            return self._pool.entry(queued.partition("-")[2]).limits().allowed
        except FileNotFoundError:
            return 0.0

    def _take(self) -> None:
        """Take jobs as long as the node has room; the first of a task whatever time it has."""
        if len(self._jobs) >= self._at_once:
            return
        for queued in self._pool.queued():
            if self._done and self._left() < self._allowed(queued):
                continue
            if (taken := self._pool.take(queued, self._task)) is None:
                continue
            self._done += 1
            self._begin(self._pool.entry(queued.partition("-")[2]), taken)
            if len(self._jobs) >= self._at_once:
                return

    def _begin(self, entry: QueuedJob, taken: str) -> None:
        if entry.said("outcome.json") is not None:
            self._pool.drop(taken)
            return
        entry.unsay("started", "waits", "kill", "log.txt")
        request, text = entry.request()
        job = _Job(entry, taken, entry.limits().limit)
        lacking = self._node.lacks(
            request.needs.values(), shared={str(entry.folder / "request.json"): text}
        )
        if lacking:
            reason = f"{self._node.machine.name} does not have the folder {lacking[0]}"
            self._end(
                job,
                Outcome(fingerprint=request.job.fingerprint, status="crashed", reason=reason),
            )
            return
        entry.say("node", self._node.machine.name)
        kept = entry.folder / "kept" / KEPT
        if kept.is_file():
            for parcel in pack(kept.parent, leave=()):
                self._node.begin_with(entry.name, parcel)
        self._jobs[entry.name] = job
        self._node.submit(entry.name, request)

    def _hear(self, news: News) -> None:
        job = self._jobs[news.token]
        entry = job.entry
        if news.what == STARTED:
            job.ends = time.monotonic() + job.limit
            entry.say("started")
        elif news.what == WAITS:
            entry.say("waits", news.text)
        elif news.what == PRINTED:
            with open(entry.folder / "log.txt", "a", encoding="utf-8") as log:
                log.write(news.text)
        elif news.what == KEPT_MORE:
            self._keep(entry)
        elif news.what == ENDED:
            self._fetch(job, news.text)

    def _keep(self, entry: QueuedJob) -> None:
        """Bring how far a job has come, so that it goes on from there wherever it starts again."""
        part = entry.folder / "coming"
        part.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # the job has just taken it away
            for parcel in self._node.kept(entry.name):
                unpack(parcel, part)
            (part / KEPT).replace(entry.folder / "kept" / KEPT)

    def _fetch(self, job: _Job, outcome: str) -> None:
        """Bring what a job has left, and last of all its outcome."""
        entry = job.entry
        shutil.rmtree(entry.folder / "files", ignore_errors=True)
        (entry.folder / "files").mkdir()
        for parcel in self._node.parcels(entry.name):
            unpack(parcel, entry.folder / "files")
        del self._jobs[entry.name]
        self._node.forget(entry.name)
        write(entry.folder / "outcome.json", outcome)
        self._pool.drop(job.taken)

    def _end(self, job: _Job, outcome: Outcome) -> None:
        job.entry.end(outcome)
        self._pool.drop(job.taken)

    def _kill_overdue(self) -> None:
        """Kill what takes too long, as the run may not be there to do it, and what the run wants killed."""
        for token, job in self._jobs.items():
            if (reason := job.entry.said("kill")) is not None:
                job.entry.unsay("kill")
                self._node.kill(token, reason)
            if job.ends is not None and time.monotonic() >= job.ends:
                job.ends = None
                limit = f"its time limit of {job.limit:g} s"
                self._node.kill(token, f"it took longer than {limit} and was killed")


def pin(task: str) -> None:
    """Keep to the CPUs that Slurm has given this task, where nothing else makes its processes do so.

    Without, all tasks of a node would take its first cores for theirs.
    """
    count = int(os.environ.get("SLURM_CPUS_ON_NODE", "0"))
    here = os.sched_getaffinity(0)
    if not 0 < count < len(here):
        return
    with contextlib.suppress(UsageError):
        given = given_cpus(task) & here
        if len(given) == count:
            os.sched_setaffinity(0, given)


def forget_slurm() -> None:
    """Take Slurm's variables out of the environment: some libraries read them and would join others' ranks."""
    for name in [one for one in os.environ if one.startswith(("SLURM_", "SBATCH_", "SRUN_"))]:
        del os.environ[name]


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(folder: str, seconds: str) -> None:
    """Do jobs of a pool, for so many seconds at most."""
    signal.signal(
        signal.SIGTERM, _stop
    )  # preempted, out of time or cancelled: the jobs end with us
    began = time.monotonic()
    pool, task = Pool(Path(folder)), task_here()
    name = os.environ.get("SLURMD_NODENAME", "")
    values = pool.setting()
    with contextlib.suppress(UsageError):
        look_here(Path(values["folder"]), values["gpus"])
    pin(task)
    for one in become_plain():
        print(one, flush=True)
    forget_slurm()
    sent = NodeSetting.from_json(values["node"])
    with ExitStack() as ending:
        setting = sent.settle_in()
        for one in set(setting.plugins.files) - set(sent.setting.plugins.files):  # written anew
            ending.callback(shutil.rmtree, Path(one).parent, ignore_errors=True)
        there = Installed.look(setting.plugins, setting.modules)
        if differences := Installed(**values["installed"]).differences(there):
            pool.refuse(f"{name} has {'; '.join(differences)}")
            raise SystemExit(3)
        node = ending.enter_context(closing(Node(setting, name)))
        places = node.machine.places[values["device"]]
        at_once = 1 if values["alone"] else max(1, places // values["devices"])
        TaskWorker(pool, task, node, float(seconds) - (time.monotonic() - began), at_once).work()


if __name__ == "__main__":
    main(*sys.argv[1:])
