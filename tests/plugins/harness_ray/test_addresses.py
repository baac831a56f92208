"""What is said of an address before Ray is asked to connect, which would take minutes to say less."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from harness.api import UsageError
from harness_ray import addresses

SETTINGS = bytes((0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 128))  # as a server of gRPC begins
WINDOW = bytes((0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 63, 0, 1))


def headers(block: bytes) -> bytes:
    return len(block).to_bytes(3, "big") + bytes((1, 5, 0, 0, 0, 1)) + block


# As Ray 2.60's GCS says that there is no such method: status 200, and that of gRPC.
NO_METHOD = headers(b"\x88@\x0ccontent-type\x10application/grpc@\x0bgrpc-status\x0212")


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
                connection.recv(len(addresses.greeting()))  # what is closed unread is reset
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
@pytest.mark.parametrize("more", [b"", WINDOW, WINDOW + NO_METHOD], ids=["busy", "begun", "said"])
def test_an_address_that_speaks_as_ray_does_is_taken(scheme: str, more: bytes) -> None:
    with answering(SETTINGS + more) as address:
        addresses.require_answer(scheme + address)


def test_what_takes_a_connection_and_stays_silent_is_refused_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "ANSWER_SECONDS", 0.1)
    with (
        answering(None) as address,
        pytest.raises(UsageError, match=f"nothing answers at '{address}'"),
    ):
        addresses.require_answer(address)


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0",
        b"",
        SETTINGS + headers(b"\x8d"),  # a proxy that answers for all, in HTTP/2: 404
        SETTINGS + WINDOW + headers(b"\x48\x03503"),
    ],
)
def test_another_service_is_refused(says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "is no Ray cluster: ray status says where one is"
    with answering(says) as address, pytest.raises(UsageError, match=words):
        addresses.require_answer(address)
    monkeypatch.setenv("RAY_USE_TLS", "1")  # then it would not understand
    with answering(says) as address:
        addresses.require_answer(address)
