"""The engine: what the run asks for goes to nodes, what they have to say comes back."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import UsageError
from harness.api.nodes import (
    ENDED,
    KEPT_MORE,
    PRINTED,
    STARTED,
    WAITS,
    MachinePlace,
    MachinePlaces,
    News,
    Parcel,
    outcome_from_text,
)
from harness.api.running import (
    Busy,
    Displaced,
    Ended,
    EngineSetting,
    Job,
    Machine,
    Outcome,
    Work,
)
from harness_ray.carriers import Carriers, not_brought, unpack_all
from harness_ray.cluster import Cluster, RayNode, last_line, open_cluster
from harness_ray.node_starts import NodeStarts
from harness_ray.options import RayOptions

_log = logging.getLogger("harness.engine")
_LOOK_SECONDS = 5.0  # between looks for nodes that have come
_BRIEF_SECONDS = 0.5  # jobs of a kind that has taken no longer wait on their node, not here for the news of a free place
_CLOSE_SECONDS = 5.0  # for the nodes to end their jobs


def start(setting: EngineSetting, options: RayOptions) -> RayEngine:
    """Start the engine.

    Raises:
        UsageError: The cluster cannot be had, or its nodes would not run the same code.
    """
    cluster = open_cluster(options)
    try:
        return RayEngine(setting, options, cluster)
    except BaseException:
        cluster.close()
        raise


@dataclass(frozen=True, kw_only=True)
class _NextPlace(MachinePlace):
    """A place in a node's line: its job begins there as soon as another one has ended."""


class RayEngine:
    """Runs jobs on the nodes of a cluster.

    Three sorts of threads: the run's own, which alone knows places and works; one that hears the nodes; and some that
    carry files (`Carriers`). They tell the first one by a queue what it is to do.
    """

    def __init__(self, setting: EngineSetting, options: RayOptions, cluster: Cluster) -> None:
        """Start the nodes that there are."""
        self._options, self._cluster, self._ray = options, cluster, cluster.ray
        self._starts = NodeStarts(setting, cluster)
        self._places = MachinePlaces()
        self._ahead = MachinePlaces()  # for brief jobs, on nodes where all places are taken
        self._longest: dict[tuple[str, ...], float] = {}  # seconds of a job, by its kind
        self._works: dict[str, Work] = {}
        self._lost: Counter[str] = Counter()  # by token: how often its node was lost
        self._events: queue.SimpleQueue[Callable[[], Ended | Displaced | None]] = (
            queue.SimpleQueue()
        )
        self._closing = threading.Event()
        self._carriers = Carriers(
            cluster,
            options.shared,
            self._closing,
            gone=lambda work, reason: self._tell(lambda: self._displace(work, reason)),
            failed=lambda work, reason: self._tell(lambda: self._crash(work, reason)),
            full=lambda node: self._tell(lambda: _stop(node)),
        )
        cluster.find_nodes()
        cluster.take_ready(0.0)
        nodes = self._starts.meet()
        self._starts.check(nodes)
        polls = {}
        for node, machine in self._starts.start(nodes):
            self._join(node, machine)
            polls[node.actor.poll.remote()] = node
        if not self._places.machines:
            if not cluster.nodes:
                raise UsageError("all nodes have died since the run began; try the same again")
            raise UsageError(
                f"no node has {setting.threads} CPUs for the threads of a job; the suite's hardware.threads says how many"
            )
        self._listener = threading.Thread(target=self._listen, args=(polls,), daemon=True)
        self._listener.start()

    @property
    def machines(self) -> Sequence[Machine]:
        """The nodes that jobs may run on now."""
        return self._places.machines

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> MachinePlace | Busy:
        """Take a place for a job; a brief one may wait at a node for a place there."""
        place = self._places.reserve(job, machines)
        if isinstance(place, Busy):
            return self._reserve_next(job, machines)
        if job.takes_machine and isinstance(self._ahead.reserve(job, [place.machine]), Busy):
            self._places.give_back(place)
            return Busy()  # what is next there begins before
        return place

    def _reserve_next(self, job: Job, machines: Sequence[str]) -> MachinePlace | Busy:
        if job.exclusive or self._longest.get(_kind(job), math.inf) >= _BRIEF_SECONDS:
            return Busy()
        place = self._ahead.reserve(job, machines)
        if isinstance(place, Busy):
            return place
        name = f"{place.machine} next{'+'.join(map(str, place.numbers))}"
        return _NextPlace(**{**vars(place), "name": name})

    def submit(self, work: Work) -> None:
        """Bring a job to its node; it begins when its files are there and the node's devices are free."""
        folder = Path(work.request.folder)
        (folder / "request.json").write_text(work.request.to_text(), encoding="utf-8")
        self._works[work.token] = work
        self._carriers.send(work)

    def wait(self, timeout: float | None) -> list[Ended | Displaced]:
        """Return the jobs that ended or lost their node; block for what any node has to say."""
        found: list[Ended | Displaced] = []
        try:
            do = self._events.get(timeout=timeout)
            while True:
                if (end := do()) is not None:
                    found.append(end)
                do = self._events.get_nowait()
        except queue.Empty:
            return found

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; it ends as a timeout with that reason."""
        work = self._works.get(token)
        node = work and self._cluster.nodes.get(work.place.machine)
        if node:
            node.actor.kill.remote(token, reason)

    def close(self) -> None:
        """Kill all that still runs, and end."""
        self._closing.set()
        self._works.clear()
        with contextlib.suppress(Exception):
            calls = [node.actor.close.remote() for node in self._cluster.nodes.values()]
            self._ray.wait(calls, num_returns=len(calls), timeout=_CLOSE_SECONDS)
        self._listener.join(_CLOSE_SECONDS)
        self._carriers.close()
        self._cluster.close()

    # -- nodes

    def _join(self, node: RayNode, machine: Machine) -> None:
        self._places.add(machine)
        self._ahead.add(machine)

    def _look_for_nodes(self) -> list[RayNode]:
        """Return nodes that have come and are started; runs where nodes are heard."""
        self._cluster.find_nodes()
        with contextlib.suppress(UsageError):  # one cannot run the harness: the others can
            self._cluster.take_ready(0.0)
        came = []
        for node in self._starts.meet():
            try:
                self._starts.check([node])
                started = self._starts.start([node])
            except UsageError as error:
                _log.warning("a node is left out: %s", error)
                continue
            except self._ray.exceptions.RayError as error:
                self._cluster.leave_out(node, error)
                continue
            for one, machine in started:
                self._tell(lambda one=one, machine=machine: self._join(one, machine))  # type: ignore[misc]
                came.append(one)
        return came

    def _gone(self, node: RayNode, reason: str) -> None:
        """Forget a node; in the run's thread. Its jobs have no place any more."""
        if node.name in {one.name for one in self._places.machines}:
            self._places.remove(node.name)
            self._ahead.remove(node.name)
        for work in [one for one in self._works.values() if one.place.machine == node.name]:
            self._tell(lambda work=work: self._displace(work, f"{node.name} is gone ({reason})"))  # type: ignore[misc]

    # -- news

    def _listen(self, polls: dict[Any, RayNode]) -> None:
        """Hear the nodes until the engine is closed."""
        looked = time.monotonic()
        while not self._closing.is_set():
            ready, _ = (
                self._ray.wait(list(polls), num_returns=1, timeout=1.0) if polls else ((), ())
            )
            if not polls:
                time.sleep(1.0)
            for reference in ready:
                node = polls.pop(reference)
                try:
                    news = self._ray.get(reference)
                except Exception as error:
                    if self._closing.is_set():
                        return
                    self._cluster.forget(node)
                    reason = last_line(error)
                    self._tell(lambda node=node, reason=reason: self._gone(node, reason))  # type: ignore[misc]
                    continue
                for one, left in news:
                    self._tell(lambda node=node, one=one, left=left: self._hear(node, one, left))  # type: ignore[misc]
                polls[node.actor.poll.remote()] = node
            if time.monotonic() - looked > _LOOK_SECONDS:
                looked = time.monotonic()
                with contextlib.suppress(Exception):  # the cluster's head is gone, or about to be
                    polls |= {node.actor.poll.remote(): node for node in self._look_for_nodes()}

    def _tell(self, do: Callable[[], Ended | Displaced | None]) -> None:
        self._events.put(do)

    def _hear(self, node: RayNode, news: News, left: Parcel | None) -> Ended | None:
        """Take in what a node has to say of a job, and what that has left if it is little; in the run's thread."""
        work = self._works.get(news.token)
        if work is None or work.place.machine != node.name:
            return None
        if news.what == STARTED:
            work.began = time.monotonic()
        elif news.what == WAITS:
            work.waits_for = news.text
        elif news.what == PRINTED:
            with open(Path(work.request.folder) / "log.txt", "a", encoding="utf-8") as log:
                log.write(news.text)
        elif news.what == KEPT_MORE:
            self._carriers.keep(work, node)
        elif news.what == ENDED:
            outcome = outcome_from_text(news.text)
            if left is None or self._carriers.is_keeping(work):
                self._carriers.take(
                    work, left, lambda: self._tell(lambda: self._end(work, outcome))
                )
            else:
                try:
                    unpack_all(work, [left])
                except Exception as error:
                    return self._crash(work, not_brought(node, error))
                return self._end(work, outcome)
        return None

    # -- ends, in the run's thread

    def _end(self, work: Work, outcome: Outcome) -> Ended | None:
        if self._works.get(work.token) is not work:
            return None  # it has ended otherwise, or is on its way at another place
        del self._works[work.token]
        self._lost.pop(work.token, None)
        self._give_back(work)
        if outcome.is_ok and work.began is not None and not work.request.trying:
            kind, seconds = (
                _kind(work.request.job),
                outcome.seconds or time.monotonic() - work.began,
            )
            self._longest[kind] = max(seconds, self._longest.get(kind, 0.0))
        return Ended(work.token, outcome)

    def _crash(self, work: Work, reason: str) -> Ended | None:
        fingerprint = work.request.job.fingerprint
        return self._end(work, Outcome(fingerprint=fingerprint, status="crashed", reason=reason))

    def _displace(self, work: Work, reason: str) -> Ended | Displaced | None:
        if self._works.get(work.token) is not work:
            return None
        self._lost[work.token] += 1
        if (times := self._lost[work.token]) > self._options.retries:
            return self._crash(work, f"its node was lost {times} times, the last time as {reason}")
        del self._works[work.token]
        self._give_back(work)
        return Displaced(work.token, reason)

    def _give_back(self, work: Work) -> None:
        assert isinstance(work.place, MachinePlace)
        places = self._ahead if isinstance(work.place, _NextPlace) else self._places
        places.give_back(work.place)
        if work.request.job.takes_machine:
            self._ahead.give_back(work.place)


def _kind(job: Job) -> tuple[str, ...]:
    """Return what jobs have in common that take about as long: their sort, measure, architecture and data set."""
    axes = ("measure", "architecture", "dataset")
    return job.sort, *(str(job.axes.get(axis, "")) for axis in axes)


def _stop(node: str) -> None:
    raise UsageError(
        f"the object store of the cluster is full, with its disk, so files cannot be brought to {node} or back: what is finished "
        "is kept; ray memory says who holds it; once there is room, run the same command again to go on"
    )
