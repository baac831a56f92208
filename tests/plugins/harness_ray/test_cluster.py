"""What a run says of a cluster none of whose nodes can begin with it."""

from __future__ import annotations

import logging

import pytest
from scripted_ray import Actor, ScriptedCluster

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
