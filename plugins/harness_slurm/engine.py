"""The engine: jobs go into the shared folder, tasks into Slurm's queue, outcomes come back from the folder."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.api import UsageError
from harness.api.nodes import Installed, NodeSetting, pack, unpack
from harness.api.running import (
    Busy,
    Displaced,
    Ended,
    EngineSetting,
    Job,
    Machine,
    Outcome,
    Place,
    Request,
    Work,
)
from harness_slurm.chunks import allowance
from harness_slurm.commands import SlurmRefused, SlurmTask, cancel
from harness_slurm.commands import nodes as slurm_nodes
from harness_slurm.nodes import gpu_request, known_machines, settled, shared_folder
from harness_slurm.options import SlurmOptions
from harness_slurm.pools import Limits, Pool, QueuedJob, digest, tidy
from harness_slurm.task_queue import Refusal, TaskQueue

_log = logging.getLogger("harness.engine")
_PAUSES = (0.05, 1.0)  # seconds between looks at the folder: the first, and the longest
_SOON_SECONDS = 1.0  # from one question to Slurm to the next, where jobs have come
_GRACE_SECONDS = 10.0  # before a task that is gone and has left no outcome is believed to be


def start(setting: EngineSetting, options: SlurmOptions) -> SlurmEngine:
    """Start the engine.

    Raises:
        UsageError: Slurm does not answer, or the shared folder cannot be used.
    """
    return SlurmEngine(setting, options)


@dataclass(frozen=True)
class _Sent:
    """A job that is on its way: what the run knows it by, where it lies, and the place that it has taken.

    pool: where it is. own: where this run would put it; another one where a task of an earlier run has it.
    """

    work: Work
    entry: QueuedJob
    pool: Pool
    own: Pool
    place: Place


class SlurmEngine:
    """Runs jobs in tasks of Slurm.

    A job is written into the shared folder once, however many runs ask for it, and is there until its outcome is in
    the store: so a run may be ended, and the next one finds what waits, runs or is done.
    """

    def __init__(self, setting: EngineSetting, options: SlurmOptions) -> None:
        """Take what the shared folder has of this store."""
        self._options, self._most_minutes = settled(options)
        self._setting = setting
        self._shared = shared_folder(options)
        store = os.path.abspath(setting.store)
        self._base = self._shared / digest(store)
        self._base.mkdir(exist_ok=True)
        tidy(self._base)
        self._in_place = _mount(Path(store)) == _mount(self._shared)
        self._installed = Installed.look(setting.plugins, setting.modules).to_json()
        known = slurm_nodes(self._options.partition)
        alone = known_machines(self._shared, known, options.gpus)
        any_node = Machine(
            name=self._options.partition,
            cpu="any node",
            cores=sum(node.cpus for node in known),
            memory_bytes=0,
            cpu_slots=options.jobs,
        )
        self.machines: Sequence[Machine] = [*(replace(one, cpu_slots=1) for one in alone), any_node]
        self._nodes = frozenset(one.name for one in alone)
        self._taken: set[Place] = set()
        self._pools: dict[str, Pool] = {}
        self._sent: dict[str, _Sent] = {}  # by token
        self._handed: list[_Sent] = []  # ended; in the store as soon as the run asks again
        self._queue = TaskQueue(self._options, self._most_minutes, self._shared)
        self._doubts: dict[str, float] = {}  # by entry: since when no look has found where it is
        self._asked, self._unasked = -math.inf, True
        self._count = 0

    # -- what the run asks for

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> Place | Busy:
        """Take a place in the queue, on any node; or on one of some, as a job that times needs it, which is alone there."""
        taken = {place.name for place in self._taken}
        names = [one for one in machines or self._nodes if one in self._nodes]
        if job.exclusive or (names and machines):
            free = [one for one in names if f"{one} alone" not in taken]
            if not free:
                return Busy()
            where, what = free[0], "alone" if job.exclusive else ""
        else:
            where, what = self._options.partition, ""
        if len(self._taken) >= self._options.jobs and not job.exclusive:
            return Busy()
        names_left = (f"{where} {what or number}" for number in itertools.count())
        place = Place(name=next(one for one in names_left if one not in taken), machine=where)
        self._taken.add(place)
        return place

    def submit(self, work: Work) -> None:
        """Put a job into its pool, or find it where an earlier run has put it."""
        request = self._here(work.request)
        entry = QueuedJob.of(self._base, request)
        own = self._pool(work.request.job, work.place)
        name = entry.said("pool") or ""
        pool = Pool(self._base / "pools" / name)
        if name and (entry.outcome() is not None or pool.has(entry)):
            pool = self._moved(entry, pool, own)
            self._pools.setdefault(pool.folder.name, pool)
        else:
            pool = own
            entry.make(request, pool, Limits(work.limit, allowance(work.likely, work.limit)))
            self._put(pool, entry)
        self._sent[work.token] = _Sent(work, entry, pool, own, work.place)
        self._unasked = True

    def _moved(self, entry: QueuedJob, pool: Pool, own: Pool) -> Pool:
        """Put a job that waits in another pool into this run's own, which asks Slurm for what is wanted now.

        Returns:
            The pool that it is in: the other one, where a task has the job already.
        """
        if pool == own or entry.outcome() is not None or not pool.withdraw(entry):
            return pool
        entry.say("pool", own.folder.name)
        self._put(own, entry)
        if pool.folder.name not in self._pools and not (pool.queued() or pool.taken()):
            _dissolve(pool)
        return own

    def _put(self, pool: Pool, entry: QueuedJob) -> None:
        self._count += 1
        pool.put(self._count, entry)

    def wait(self, timeout: float | None) -> list[Ended | Displaced]:
        """Return the jobs that ended; block until one has, or for `timeout` seconds at most."""
        self._forget_recorded(all_of_them=True)
        until = math.inf if timeout is None else time.monotonic() + timeout
        pause, longest = _PAUSES
        while True:
            found = self._collect()
            if time.monotonic() - self._asked > self._pause():
                found += self._ask_slurm()
            if found or time.monotonic() >= until:
                return found
            time.sleep(max(0.0, min(pause, until - time.monotonic())))
            pause = min(2 * pause, longest)

    def _pause(self) -> float:
        """Return how many seconds lie between two questions to Slurm."""
        return min(_SOON_SECONDS, self._options.poll) if self._unasked else self._options.poll

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; its task does, if it has not done so itself for the same reason."""
        self._sent[token].entry.say("kill", reason)

    def close(self) -> None:
        """Leave to Slurm what still waits and runs; end the tasks that have nothing more to do."""
        self._forget_recorded(all_of_them=False)
        if self._sent:
            _log.warning(
                "%d of the jobs are left to Slurm: the same command takes in what becomes of them; scancel --name=%s "
                "ends them",
                len(self._sent),
                ",".join(pool.job_name for pool in self._pools.values()),
            )
            return
        for pool in self._pools.values():
            if not (pool.queued() or pool.taken()):
                _dissolve(pool)
        if not any((self._base / "jobs").glob("*")):
            shutil.rmtree(self._base, ignore_errors=True)

    # -- into the shared folder

    def _here(self, request: Request) -> Request:
        """Return a request whose folders nodes can read: those of the store, or copies of them."""
        if self._in_place:
            return request
        return replace(
            request, needs={need: str(self._copy(where)) for need, where in request.needs.items()}
        )

    def _copy(self, where: str) -> Path:
        copy = self._base / "held" / digest(where)
        if not copy.exists():
            part = copy.with_name(f"{copy.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for parcel in pack(Path(where)):
                unpack(parcel, part)
            part.rename(copy)
        return copy

    def _pool(self, job: Job, place: Place) -> Pool:
        """Return the pool of a job: with it are those that a Slurm task can do as well."""
        gpus = self._options.gpus if job.device == "cuda" else 0
        threads = self._setting.threads if job.exclusive else job.threads
        slots = 1 if gpus or job.exclusive else job.devices
        setting = replace(self._setting, run="", cpu_slots=slots, threads=threads)
        requested = [*self._options.requested(), *gpu_request(gpus)]
        if place.machine in self._nodes:
            requested.append(f"--nodelist={place.machine}")
        alone = job.exclusive and not gpus
        at_once = 1 if job.exclusive else max(1, gpus // job.devices)
        cpus = job.threads * job.devices * at_once
        requested.append("--exclusive" if alone else f"--cpus-per-task={cpus}")
        pool = Pool.make(
            self._base,
            {
                "node": NodeSetting.here(setting).to_json(),
                "installed": self._installed,
                "requested": requested,
                "device": job.device,
                "devices": job.devices,
                "alone": job.exclusive,
                "folder": str(self._shared),
                "gpus": gpus,
            },
        )
        self._pools[pool.folder.name] = pool
        return pool

    # -- back from it

    def _collect(self) -> list[Ended | Displaced]:
        """Bring back what has ended; note what has begun."""
        found: list[Ended | Displaced] = []
        for sent in list(self._sent.values()):
            work, entry = sent.work, sent.entry
            outcome = entry.outcome()
            if outcome is not None:
                found.append(self._end(sent, outcome))
            elif work.began is None and entry.said("started") is not None:
                work.began, work.waits_for = time.monotonic(), ""
        return found

    def _end(self, sent: _Sent, outcome: Outcome) -> Ended:
        self._taken.discard(sent.place)
        if node := sent.entry.said("node"):
            sent.work.place = replace(sent.place, machine=node)
        folder = Path(sent.work.request.folder)
        sent.entry.bring(folder)
        sent.entry.hand(folder)
        del self._sent[sent.work.token]
        self._handed.append(sent)
        return Ended(sent.work.token, outcome)

    def _forget_recorded(self, *, all_of_them: bool) -> None:
        """Remove what is in the store. A run records before it asks again; one that ends may not have.

        It takes away the folder of what it has not recorded.
        """
        for sent in self._handed:
            request = sent.work.request
            if all_of_them or request.trying or os.path.isdir(request.folder):
                sent.entry.remove()
        self._handed.clear()

    # -- Slurm

    def _ask_slurm(self) -> list[Ended | Displaced]:
        """Look at Slurm's queue: end or start again what has lost its task, and send the tasks that are wanted."""
        self._asked, self._unasked = time.monotonic(), False
        for pool in self._pools.values():
            if words := pool.refusal():
                raise UsageError(
                    f"outcomes would not be those of what is installed here: {words}; install the same on all nodes"
                )
        found: list[Ended | Displaced] = []
        try:
            self._queue.look(self._pools.values())
            found = self._judge()
            likely = {sent.entry.name: sent.work.likely for sent in self._sent.values()}
            refused = self._queue.send(self._pools.values(), likely)
        except SlurmRefused as error:  # Slurm is being restarted: that passes
            refused = dict.fromkeys(self._pools.values(), Refusal(str(error), for_good=False))
        for sent in list(self._sent.values()):
            if (said := refused.get(sent.pool)) and sent.work.began is None:
                sent.work.waits_for = f"Slurm: {said.words}"
                if said.for_good and sent.pool.withdraw(sent.entry):
                    found.append(self._turned_away(sent, said.words))
        return found

    def _turned_away(self, sent: _Sent, words: str) -> Ended:
        """End a job that Slurm will not take, however long it is asked."""
        asked = sent.pool.setting()["requested"][-1]
        outcome = Outcome(
            fingerprint=sent.work.request.job.fingerprint,
            status="crashed",
            reason=f"Slurm takes no task for it, with {asked}: {words}",
        )
        sent.entry.end(outcome)
        return self._end(sent, outcome)

    def _judge(self) -> list[Ended | Displaced]:
        """See to the jobs whose tasks are gone; say what the others wait for."""
        found: list[Ended | Displaced] = []
        taken = {pool: pool.taken() for pool in self._pools.values()}
        queued = {pool: pool.queued_entries() for pool in self._pools.values()}
        for sent in list(self._sent.values()):
            entry, pool = sent.entry, sent.pool
            file = taken[pool].get(entry.name)
            task = self._queue.task(file) if file else None
            if entry.name in queued[pool] or (task is not None and task.is_live):
                self._doubts.pop(entry.name, None)
                if file and task is not None and task.state == "PENDING":
                    self._again(sent, file)  # it was preempted; others may have the time
                elif sent.work.began is None:
                    waits = entry.said("waits") if file else self._queue.pending(pool)
                    sent.work.waits_for = waits or ""
                continue
            since = self._doubts.setdefault(entry.name, time.monotonic())
            if time.monotonic() - since < _GRACE_SECONDS or entry.outcome() is not None:
                continue
            del self._doubts[entry.name]
            if file is None:  # whoever moved it was killed in between
                self._put(pool, entry)
            elif (ended := self._lost(sent, file, task)) is not None:
                found.append(ended)
        return found

    def _lost(self, sent: _Sent, file: str, task: SlurmTask | None) -> Ended | None:
        """End a job whose task is gone, or put it back into the queue."""
        work, entry, pool = sent.work, sent.entry, sent.pool
        state, where = (task.state, task.node) if task else ("gone", "")
        reason = f"its task {file.partition('@')[2]} is {state} in Slurm" + (
            f", on {where}" if where else ""
        )
        status = {"TIMEOUT": "timeout", "OUT_OF_MEMORY": "oom"}.get(state, "crashed")
        times = entry.losses() + 1
        pool_output = pool.printed(file.partition("@")[2])
        if state in ("OUT_OF_MEMORY", "CANCELLED") or times > self._options.retries:
            outcome = Outcome(
                fingerprint=work.request.job.fingerprint,
                status=status,
                reason=reason + (f", after {times} attempts" if times > 1 else ""),
                traceback=entry.said("log.txt") or pool_output,
            )
            entry.end(outcome)
            pool.drop(file)
            return self._end(sent, outcome)
        _log.warning("%s: %s; it starts again", work.request.job.label, reason)
        entry.say("lost", (entry.said("lost") or "") + state + "\n")
        if state == "TIMEOUT":
            limits = entry.limits()
            entry.set_limits(replace(limits, allowed=min(2 * limits.allowed, limits.limit)))
        self._again(sent, file)
        return None

    def _again(self, sent: _Sent, file: str) -> None:
        """Put a job back into the queue that a task had."""
        sent.entry.unsay("started", "waits", "kill")
        sent.work.began = None
        sent.pool.give_back(file)
        pool = self._moved(sent.entry, sent.pool, sent.own)
        self._sent[sent.work.token] = replace(sent, pool=pool)


def _dissolve(pool: Pool) -> None:
    """End the tasks of a pool that has no jobs, and forget it."""
    pool.close()
    with contextlib.suppress(UsageError):
        cancel([f"--name={pool.job_name}"])
    shutil.rmtree(pool.folder, ignore_errors=True)


def _mount(path: Path) -> Path:
    """Return where the file system of a path is mounted."""
    path = path.resolve()
    while not os.path.ismount(path):
        path = path.parent
    return path
