"""What a run says of a cluster none of whose nodes can begin with it."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from scripted_ray import Actor, ActorError, ScriptedCluster

from harness.api import UsageError
from harness_ray import cluster
from harness_ray.cluster import RayNode


def test_a_node_whose_actors_die_at_once_is_told_of_once_and_why_at_the_end(
    monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    class Again(ScriptedCluster):
        """Its one node is there each time that it is looked for, and what is started there dies."""

        def find_nodes(self) -> None:
            actor = Actor("a", {})
            actor.die()
            self._known["id-a"] = node = RayNode("id-a", "a", 2, actor)
            node.kept = actor.tell_machine.remote()
            looked.append(node)

    looked: list[RayNode] = []
    started = Again()
    started.ray.is_initialized = lambda: True
    monkeypatch.setattr(cluster, "_open", started)
    monkeypatch.setattr(cluster, "_FIRST_SECONDS", (0.2, 0.2))
    monkeypatch.setattr(cluster, "_AGAIN_SECONDS", 0.01)
    with pytest.raises(UsageError, match="can begin with this run: it has died; .*RAY_AUTH_MODE"):
        cluster.machines(started.options)
    assert len(looked) > 2
    assert [one.getMessage() for one in logged] == ["a is left out: it has died"]


def test_a_node_that_dies_while_a_run_waits_for_busy_ones_ends_no_wait(
    monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    busy = Future[Any]()

    class Changing(ScriptedCluster):
        """Its one node is held by others; then it dies while the run waits, and another one comes."""

        def find_nodes(self) -> None:
            if not looked:
                self._known["id-a"] = node = RayNode("id-a", "a", 2, Actor("a", {}))
                node.kept = busy
            elif busy.done() and "id-b" not in self._known:
                self._known["id-b"] = node = RayNode("id-b", "b", 2, other := Actor("b", {}))
                node.kept = other.tell_machine.remote()
            looked.append(len(self._known))

    looked: list[int] = []
    started = Changing()
    started.ray.is_initialized = lambda: True
    monkeypatch.setattr(cluster, "_open", started)
    monkeypatch.setattr(cluster, "_FIRST_SECONDS", (0.1, 60.0))
    monkeypatch.setattr(cluster, "_AGAIN_SECONDS", 0.01)
    dying = threading.Timer(0.3, lambda: busy.set_exception(ActorError("it was killed")))
    dying.start()
    assert [one.name for one in cluster.machines(started.options)] == ["b"]
    dying.join()
    said = [one.getMessage() for one in logged]
    assert said[0].startswith("no node has answered in 0 s") and said[1:] == [
        "a is left out: it was killed"
    ]
