"""What the engine asks of Ray, answered by actors that do as a test says: for ends that no cluster shows when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from types import SimpleNamespace
from typing import Any

from harness.api.nodes import News, Parcel
from harness.api.running import Machine
from harness_ray.cluster import Cluster, RayNode
from harness_ray.options import RayOptions


class RayError(Exception):
    """As Ray names it."""


class ActorError(RayError):
    """As Ray names it: an actor that has died."""

    actor_init_failed = False  # else it could not even begin


class UnavailableError(ActorError):
    """As Ray names it: an actor that cannot be reached, and that may have got the call or not."""


class Actor:
    """An actor of a node. jobs: that run on it. answers: what its methods return; a future where it takes its time."""

    def __init__(self, name: str, installed: dict[str, Any]) -> None:
        self.machine = Machine(name=name, cpu="x", cores=2, memory_bytes=1 << 30, cpu_slots=2)
        self.is_alive = True
        self.jobs: set[str] = set()
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, Callable[..., Any]] = {
            "installed": lambda _: installed,
            "start": lambda *_: (self.machine.to_json(), []),
            "tell_machine": self.machine.to_json,
            "submit": lambda token, _: self.jobs.add(token),
            "poll": lambda: self.heard,
        }
        self.heard: Future[list[tuple[News, Parcel | None]]] = Future()

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *values: self._call(name, values))

    def tell(self, *news: News, left: Parcel | None = None) -> None:
        """Answer the call for news that waits. left: of the job that has ended, where that is little."""
        heard, self.heard = self.heard, Future()
        heard.set_result([(one, left) for one in news])

    def die(self) -> None:
        """End, with all that runs here."""
        if self.is_alive:
            self.is_alive = False
            self.jobs.clear()
            self.heard.set_exception(ActorError("it was killed"))

    def _call(self, name: str, values: tuple[Any, ...]) -> Future[Any]:
        self.calls.append((name, *values))
        future: Future[Any] = Future()
        if not self.is_alive:
            future.set_exception(ActorError("it has died"))
            return future
        try:
            answer = self.answers.get(name, lambda *_: None)(*values)
        except RayError as error:
            future.set_exception(error)
            return future
        if isinstance(answer, Future):
            return answer
        future.set_result(answer)
        return future


class FullError(RayError):
    """As Ray names it, in two ways: there is no room, in memory or on the disk."""


class ScriptedCluster(Cluster):
    """A cluster of such actors, all ready."""

    def __init__(self, *actors: Actor) -> None:
        self.options, self.is_ours = RayOptions(), False
        self.ray = SimpleNamespace(
            get=lambda asked: (
                [one.result() for one in asked] if isinstance(asked, list) else asked.result()
            ),
            wait=_wait,
            kill=lambda actor: actor.die(),
            exceptions=SimpleNamespace(
                RayError=RayError,
                RayActorError=ActorError,
                RayTaskError=RayError,
                ObjectStoreFullError=FullError,
                OutOfDiskError=FullError,
            ),
        )
        names = [actor.machine.name for actor in actors]
        nodes = [RayNode(f"id-{n}", n, 2, a, a.machine) for n, a in zip(names, actors, strict=True)]
        self.nodes = {node.name: node for node in nodes}
        self._known = {node.identity: node for node in nodes}
        self._names = set(names)
        self.left_out = {}

    def find_nodes(self) -> None:
        """Find no others."""


def _wait(asked: Sequence[Future[Any]], num_returns: int, timeout: float) -> tuple[list[Any], Any]:
    done, left = wait_for(asked, timeout, FIRST_COMPLETED)
    return list(done)[:num_returns], left
