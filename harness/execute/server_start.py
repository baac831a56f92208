"""Starting the fork server's process, where it can be before anything is known of what it is to do."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from harness.machine.processes import identify, left_behind, started_with

_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# glibc gives blocks of over 128 KiB back to the system and takes them anew, page fault by page fault, at
# each step: half of a small CNN's training time, and two-thread timings that are bimodal. It would
# raise the limit by itself, but not once the other one is set; so both are.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "1073741824"}
# A thread that waits for another one sleeps soon: where something else has the core of the other one,
# spinning (libgomp's default) kept a call of a millisecond waiting for 24; where all is quiet, it gains
# nothing that could be measured.
_OPENMP = {"GOMP_SPINCOUNT": "1000"}
_MARK = "MODEL_HARNESS_SERVER"  # in the environment of all that descends from a server

_END_SECONDS = 2.0  # for killed processes to vanish


@dataclass(frozen=True)
class StartedServer:
    """A server's process that imports torch, and has not been told its settings yet.

    mark: of all that descends from it. here and path: what of this process it was started with.
    """

    process: subprocess.Popen[bytes]
    socket: socket.socket
    errors: IO[bytes]
    mark: str
    here: tuple[object, ...]
    path: str

    @classmethod
    def start(cls, python: str | None) -> StartedServer:
        """Start one with this interpreter, or with another one."""
        mark = f"{identify(os.getpid())}.{uuid.uuid4().hex}"
        here, path = _here(), import_path()
        _end_left_behind()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        ours, theirs = socket.socketpair()
        environment = {
            **os.environ,
            **{name: "1" for name in _SINGLE_THREADED},  # a fork of threads is undefined
            **_MALLOC,
            **_OPENMP,
            _MARK: mark,
        }
        if python is None:
            environment["PYTHONPATH"] = import_path()
        with theirs:
            process = subprocess.Popen(
                [
                    python or sys.executable,
                    "-m",
                    "harness.execute.fork_server",
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # Ctrl-C in the terminal reaches only the harness
            )
        return cls(process, ours, errors, mark, here, path)

    def kill(self) -> None:
        """Kill it and all that descends from it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until = time.monotonic() + _END_SECONDS
        while (left := started_with(f"{_MARK}={self.mark}")) and time.monotonic() < until:
            for process in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.005)

    def discard(self) -> None:
        """End one that has not been asked for anything."""
        self.socket.close()
        self.kill()
        self.errors.close()


def import_path() -> str:
    """Return where this process imports from, as PYTHONPATH says it."""
    return os.pathsep.join(part for part in sys.path if part)


def _here() -> tuple[object, ...]:
    return os.getpid(), os.getcwd(), dict(os.environ)


_early: StartedServer | None = None


@contextlib.contextmanager
def early() -> Iterator[None]:
    """Start a server at once, for whoever asks for the first one in this block; unused, it ends with the block.

    It imports torch, for seconds, while a suite is read and planned. With one CPU it would only be in the way.
    """
    global _early
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(2)
    if len(cpus) > 1:
        _early = StartedServer.start(None)
    try:
        yield
    finally:
        if _early is not None:
            _early.discard()
            _early = None


def take(python: str | None) -> StartedServer:
    """Return the server that was started early, where it is as one started now would be; else one that starts now.

    What has since been appended to the places of imports it is told with its settings.
    """
    global _early
    if python is not None:
        return StartedServer.start(python)
    found, _early = _early, None
    if found is None:
        return StartedServer.start(None)
    if found.here == _here() and import_path().startswith(found.path):
        return found
    found.discard()
    return StartedServer.start(None)


def _end_left_behind() -> None:
    """Kill what jobs of dead runs have started in sessions of their own, and nobody was left to kill.

    Where a run and its server are killed at once, their jobs die with the server, but the kernel passes no such
    word on to grandchildren; without a namespace of processes of its own nothing ends them at that moment.
    """
    with contextlib.suppress(OSError):  # without /proc nothing is known of them
        for process in left_behind(_MARK):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
