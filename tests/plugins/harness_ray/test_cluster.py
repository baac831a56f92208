"""What is said of an address before Ray is asked to connect, which would take minutes to say less."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from scripted_ray import Actor, ScriptedCluster

from harness.api import UsageError
from harness_ray import cluster
from harness_ray.cluster import RayNode

SETTINGS = bytes((0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 128))  # as a server of gRPC begins


@contextmanager
def answering(says: bytes | None) -> Iterator[str]:
    """An address where something takes a connection and says that, or None: nothing at all, ever."""
    done = threading.Event()

    def answer() -> None:
        connection, _ = listening.accept()
        with connection, suppress(ConnectionError):  # who asks may have heard enough
            if says is None:
                done.wait(60.0)
            else:
                connection.recv(len(cluster._GREETING))  # what is closed unread is reset
                for byte in says:  # as slowly as a network may bring them
                    connection.sendall(bytes((byte,)))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_that_speaks_as_ray_does_is_taken(scheme: str) -> None:
    with answering(SETTINGS) as address:
        cluster._require_answer(scheme + address)


def test_what_takes_a_connection_and_stays_silent_is_refused_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_SECONDS", 0.1)
    with (
        answering(None) as address,
        pytest.raises(UsageError, match=f"nothing answers at '{address}'"),
    ):
        cluster._require_answer(address)


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0", b""])
def test_another_service_is_refused(says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "is no Ray cluster: ray status says where one is"
    with answering(says) as address, pytest.raises(UsageError, match=words):
        cluster._require_answer(address)
    monkeypatch.setenv("RAY_USE_TLS", "1")  # then it would not understand
    with answering(says) as address:
        cluster._require_answer(address)


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
