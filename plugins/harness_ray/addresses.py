"""Whether a Ray cluster is at an address, found out before Ray is asked, which would take a minute to say less."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

from harness.api import UsageError

ANSWER_SECONDS = 4.0  # for a port to answer
_HEADERS, _SETTINGS = 1, 4  # types of frames
_LONGEST_FRAME = 1 << 14  # as long as nobody says otherwise
# What both begin an HTTP/2 connection with (RFC 9113, 3.4), as gRPC does: the client, and on each side a frame of settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HAS_ALL_HEADERS, _IS_LAST = 4, 1  # flags
# A call of no method, its headers as HPACK has them (RFC 7541, A): POST, http, path /, whom it is to, and of gRPC.
_CALL = (
    b"\x83\x86\x84" + b"\x01\x03ray" + b"\x0f\x10\x10application/grpc" + b"\x00\x02te\x08trailers"
)
_NOTHING = bytes(5)  # as gRPC has it
# How an answer begins that has another status than 200, which all of gRPC have, "there is no such method" too.
_OTHER_STATUS = (0x08, 0x18, 0x48, *range(0x89, 0x8F))


def require_answer(address: str) -> None:
    """Make sure that something speaks there as Ray's services do.

    Raises:
        UsageError: It is no address, nothing answers, or something else does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit():
        raise UsageError(
            f"{address!r} is no address of a Ray cluster: write HOST:PORT, ray://HOST:PORT or auto"
        )
    try:
        speaks = _speaks_grpc(host.strip("[]"), int(port))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"nothing answers at {address!r}: {error}; is the Ray cluster running?"
        ) from None
    if not speaks:
        raise UsageError(
            f"what answers at {address!r} is no Ray cluster: ray status says where one is"
        )


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    """Return a frame (RFC 9113, 4.1)."""
    head = len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + content


def greeting() -> bytes:
    """Return what is said to whoever listens: a call that every server of gRPC turns down, as gRPC does."""
    call = _frame(_HEADERS, _HAS_ALL_HEADERS, 1, _CALL) + _frame(0, _IS_LAST, 1, _NOTHING)
    return _PREFACE + _frame(_SETTINGS, 0, 0, b"") + call


def _speaks_grpc(host: str, port: int) -> bool:
    """Whether what listens there speaks as Ray's services do; with TLS, only that it listens.

    One that begins so and is too busy for an answer is taken for one.

    Raises:
        OSError: Nothing listens, or it says nothing for `ANSWER_SECONDS`.
    """
    with socket.create_connection((host, port), ANSWER_SECONDS) as connection:
        if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
            return True
        connection.sendall(greeting())
        has_begun = False
        try:
            for kind, content in _frames(connection):
                if not has_begun and kind != _SETTINGS:
                    return False
                if kind == _HEADERS:
                    return not content or content[0] not in _OTHER_STATUS
                has_begun = True
        except OSError:
            if not has_begun:
                raise
        return has_begun


def _frames(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield types and contents of the frames that come in time."""
    until = time.monotonic() + ANSWER_SECONDS

    def read(count: int) -> bytes:
        heard = b""
        while len(heard) < count:
            connection.settimeout(max(0.1, until - time.monotonic()))
            part = connection.recv(count - len(heard))
            if not part:
                return b""
            heard += part
        return heard

    while head := read(9):
        size = int.from_bytes(head[:3], "big")
        if size > _LONGEST_FRAME:
            return  # of another protocol
        yield head[3], read(size) if size else b""
