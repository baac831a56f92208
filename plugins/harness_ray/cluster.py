"""A cluster of Ray: reached or started, its nodes, and what each has for a run."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from harness.api import UsageError
from harness.api.running import Machine
from harness_ray.addresses import require_answer
from harness_ray.options import RayOptions
from harness_ray.worker import Worker

_log = logging.getLogger("harness.engine")
# For one node's actor to start, before a word is said, and then: a busy machine takes minutes to import what it needs.
_FIRST_SECONDS = (60.0, 240.0)
# More for the others, or as long again as the first took: they wait as long as others hold what they need.
_START_SECONDS = 60.0
_AGAIN_SECONDS = 1.0  # between looks for nodes, where none is left
_GIB = 2**30
# Of a cluster that we start. Ray lowers the priority of its workers, and kills them where memory runs out, before the
# kernel would kill the job that took it.
_SYSTEM = {"worker_niceness": 0, "memory_monitor_refresh_ms": 0}


@dataclass
class RayNode:
    """A node: its actor, and its machine as soon as the actor has told it."""

    identity: str
    name: str
    cpus: int
    actor: Any
    machine: Machine | None = None
    kept: Any = field(default=None, repr=False)  # the call that it has yet to answer


class Cluster:
    """A connection to a cluster, and the actors that hold what a run may use of it."""

    def __init__(self, options: RayOptions) -> None:
        """Connect.

        Raises:
            UsageError: Ray is not installed, nothing answers, or the cluster is another version's.
        """
        self.ray = _import_ray()
        self.options = options
        self.is_ours = not self.ray.is_initialized()
        if self.is_ours:
            _connect(self.ray, options.address)
        self.nodes: dict[str, RayNode] = {}  # by their names; those that have told their machine
        self._known: dict[str, RayNode] = {}  # by Ray's identity
        self._names: set[str] = set()
        self.left_out: dict[
            str, str
        ] = {}  # why nodes died before they could do anything, by Ray's identity

    def find_nodes(self) -> None:
        """Start actors on the nodes that have none."""
        options = self.options
        alive = {one["NodeID"]: one for one in self.ray.nodes() if one["Alive"]}
        for identity in [one for one in self._known if one not in alive]:
            self._known.pop(identity)
        for identity, found in alive.items():
            resources = found["Resources"]
            cpus = min(int(resources.get("CPU", 0)), options.cpus or 1 << 30)
            if identity in self._known or cpus < 1:
                continue
            strategy = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
            actor = (
                self.ray.remote(Worker)
                .options(
                    num_cpus=cpus,
                    num_gpus=int(resources.get("GPU", 0)),
                    max_restarts=0,
                    max_task_retries=0,
                    scheduling_strategy=strategy(identity, soft=False),
                )
                .remote()
            )
            node = RayNode(identity, self._name(found), cpus, actor)
            node.kept = actor.machine.remote(node.name)
            self._known[identity] = node

    def take_ready(self, seconds: float, enough: int | None = None) -> list[RayNode]:
        """Return the nodes that have told their machine since last time, waiting so long for all, or for so many.

        One that dies meanwhile is forgotten.

        Raises:
            UsageError: One cannot run the harness at all.
        """
        waited = {one.kept: one for one in self._known.values() if one.kept is not None}
        ready, _ = (
            self.ray.wait(
                list(waited), num_returns=min(enough or len(waited), len(waited)), timeout=seconds
            )
            if waited
            else ((), ())
        )
        found = []
        for reference in ready:
            node = waited[reference]
            node.kept = None
            try:
                told = Machine.from_json(self.ray.get(reference))
            except self.ray.exceptions.RayActorError as error:
                if error.actor_init_failed:
                    raise UsageError(
                        f"{node.name} cannot run the harness: {last_line(error)}"
                    ) from None
                self.leave_out(node, error)
                continue
            node.machine = self._usable(told, node.cpus)
            self.nodes[node.name] = node
            found.append(node)
        return found

    def wait_for_one(self, seconds: float) -> None:
        """Wait until there is a node that has told its machine; for those that die before, others may, or may come."""
        until = time.monotonic() + seconds
        while True:
            self.find_nodes()
            self.take_ready(max(0.0, until - time.monotonic()), enough=1)
            may_come = self.pending() or self.left_out
            if self.nodes or not may_come or time.monotonic() >= until:
                return
            time.sleep(_AGAIN_SECONDS)

    def end(self, node: RayNode) -> None:
        """Kill a node's actor, and its jobs with it: one that cannot be reached may run them still."""
        self.ray.kill(node.actor)

    def forget(self, node: RayNode) -> None:
        """Let go of a node, of which nothing runs any more then; where it is there still, it gets another actor."""
        self.end(node)
        self.nodes.pop(node.name, None)
        if self._known.get(node.identity) is node:
            del self._known[node.identity]

    def leave_out(self, node: RayNode, error: BaseException) -> None:
        """Forget a node that has died before it could do anything."""
        if node.identity not in self.left_out:  # each time that it is tried again would be too much
            _log.warning("%s is left out: %s", node.name, last_line(error))
        self.left_out[node.identity] = last_line(error)
        self.forget(node)

    def answers(self, calls: Mapping[str, Any]) -> dict[str, Any]:
        """Return what nodes answer, {their names: what}, of calls to them; those that die meanwhile are forgotten."""
        found = {}
        for name, call in calls.items():
            try:
                found[name] = self.ray.get(call)
            except self.ray.exceptions.RayActorError as error:
                self.leave_out(self.nodes[name], error)
        return found

    def pending(self) -> list[str]:
        """Return the names of the nodes that have not told their machine yet."""
        return [one.name for one in self._known.values() if one.kept is not None]

    def close(self) -> None:
        """End the actors, and the cluster where it is ours."""
        for node in self._known.values():
            self.end(node)
        self.nodes.clear()
        self._known.clear()
        self.left_out.clear()
        if self.is_ours:
            self.ray.shutdown()

    def _usable(self, machine: Machine, cpus: int) -> Machine:
        """Return as much of a machine as the options leave."""
        gpus = tuple(gpu for gpu in machine.gpus if fnmatchcase(gpu.name, self.options.gpu))
        return replace(machine, cpu_slots=self.slots(machine, cpus), gpus=gpus)

    def slots(self, machine: Machine, cpus: int, threads: int = 1) -> int:
        """Return how many jobs of so many threads run at once on a machine of which so many CPUs are held."""
        slots = cpus // threads
        if self.options.memory_gib is not None:
            slots = min(slots, int(machine.memory_bytes / (self.options.memory_gib * _GIB)))
        return slots

    def _name(self, found: Mapping[str, Any]) -> str:
        """Return a name that no other node has had."""
        host = str(found["NodeManagerHostname"])
        name = host if host not in self._names else f"{host}/{found['NodeID'][:6]}"
        while name in self._names:
            name += "'"
        self._names.add(name)
        return name


_open: Cluster | None = None


def open_cluster(options: RayOptions) -> Cluster:
    """Return the connection that `machines` has made, or a new one."""
    global _open
    if _open is None or _open.options != options or not _open.ray.is_initialized():
        _open = Cluster(options)
    return _open


def machines(options: RayOptions) -> Sequence[Machine]:
    """Return the machines of the cluster that have something for a run.

    Raises:
        UsageError: The cluster cannot be had, or has nothing that the options allow.
    """
    cluster = open_cluster(options)
    began = time.monotonic()
    soon, at_most = _FIRST_SECONDS
    cluster.wait_for_one(soon)
    if not cluster.nodes and cluster.pending():
        words = "no node has answered in %.0f s; the run waits for one, for %.0f s at most: ray status says who holds its CPUs"
        _log.warning(words, soon, at_most)
        cluster.wait_for_one(at_most)
    if cluster.nodes:
        cluster.take_ready(max(_START_SECONDS, time.monotonic() - began))
    if cluster.nodes and (pending := cluster.pending()):
        _log.warning(
            "%s: no answer yet, as others may hold the CPUs or GPUs: the run begins without, and takes in what answers later; "
            "ray:cpus=N takes fewer of each node",
            ", ".join(pending),
        )
    found = [one.machine for one in cluster.nodes.values() if one.machine is not None]
    able = [one for one in found if one.cpu_slots]
    if not found and cluster.left_out:
        *_, why = cluster.left_out.values()
        raise UsageError(
            f"no node of the cluster can begin with this run: {why}; if ~/.ray/auth_token exists here and the cluster asks "
            "for no token, set RAY_AUTH_MODE=disabled"
        )
    if not found:
        raise UsageError(
            "the cluster has no node with a CPU for this run; ray status says who holds them"
        )
    if not able:
        most = max(one.memory_bytes for one in found) / _GIB
        raise UsageError(
            f"no node has the memory_gib={options.memory_gib:g} that a job may need: the most is {most:.3g}"
        )
    if options.gpu != "*" and not any(one.gpus for one in able):
        raise UsageError(f"no node has a GPU of the model {options.gpu!r}; ray:gpu=* takes any")
    return able


def last_line(error: BaseException) -> str:
    """Return what an error of Ray comes to, without the processes and traces that it tells of."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed: pip install 'model-harness[ray]'"
        ) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    named = address or os.environ.get("RAY_ADDRESS", "")
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if named in ("", "local"):
        alone = {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
        how |= {"address": "local", "_system_config": _SYSTEM, **alone}
    else:
        require_answer(named)
        how["address"] = named
    try:
        ray.init(**how)
    except ConnectionError as error:
        if named == "auto":
            raise UsageError(
                "no Ray cluster runs here: ray start --head, or name its address"
            ) from error
        raise UsageError(
            f"no Ray cluster answers at {named!r} as it should: {last_line(error)}; if the cluster asks for a token, set "
            "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN if it is not the one in ~/.ray/auth_token"
        ) from error
    except (RuntimeError, ValueError) as error:
        words = " ".join(str(error).split())
        raise UsageError(
            f"the Ray cluster at {named or 'local'!r} cannot be used: {words}"
        ) from error
