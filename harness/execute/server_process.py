"""The fork server as the engine has it: its process, the socket to it, and whether it still answers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from typing import Any

from harness.execute.engines import EngineSetting
from harness.machine.processes import identify, is_stopped, left_behind, started_with

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

IMPORT_SECONDS = 300.0  # for the server to import what the plan needs
QUIET_SECONDS = 5.0  # without a word of the server, before it is asked whether it is there
ANSWER_SECONDS = 20.0  # for it to answer
_END_SECONDS = 2.0  # for killed processes to vanish


class ServerLost(Exception):
    """The server is gone, or answers no more; the message goes on from "the process that starts jobs"."""


class ServerStopped(ServerLost):
    """The server was stopped while it imported."""


class ServerProcess:
    """A fork server that has been started. It is `ready` when it has imported what it should."""

    def __init__(self, setting: EngineSetting, preload: Sequence[str]) -> None:
        """Start it; importing goes on while the caller does other things."""
        self.ready = False
        self._rest = b""
        self._quiet, self._asked, self._looked = 0.0, False, time.monotonic()
        self._stopped = 0.0  # seconds that it was seen to be stopped while it imports
        self._mark = f"{identify(os.getpid())}.{uuid.uuid4().hex}"
        _end_left_behind()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        self._socket, theirs = socket.socketpair()
        environment = {
            **os.environ,
            **{name: "1" for name in _SINGLE_THREADED},  # a fork of threads is undefined
            **_MALLOC,
            **_OPENMP,
            _MARK: self._mark,
        }
        if setting.python is None:
            environment["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part)
        with theirs:
            self.process = subprocess.Popen(
                [
                    setting.python or sys.executable,
                    "-m",
                    "harness.execute.fork_server",
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C in the terminal reaches only the harness
            )
        self.send({**setting.plugins.to_json(), "preload": list(preload)})

    def fileno(self) -> int:
        """Return the socket that `receive` reads."""
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> None:
        """Tell the server something; `receive` notices where it is gone."""
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            self._socket.sendall((json.dumps(message) + "\n").encode())

    def receive(self, timeout: float | None) -> list[dict[str, Any]]:
        """Return what the server says; block until it does, or for `timeout` seconds at most.

        Raises:
            ServerLost: It has ended, or not answered for too long.
        """
        limit = min(self._time_to_doubt(), QUIET_SECONDS)
        asked_for = limit if timeout is None else min(timeout, limit)
        readable, _, _ = select.select([self._socket], [], [], asked_for)
        # What this process has slept away with its machine, or stopped, tells nothing of the other one.
        passed = min(time.monotonic() - self._looked, QUIET_SECONDS)
        self._looked = time.monotonic()
        if not readable:
            self._quiet += passed
            stopped = not self.ready and is_stopped(self.process.pid)
            self._stopped = self._stopped + passed if stopped else 0.0
            self._doubt()
            return []
        try:
            received = self._socket.recv(1 << 20)
        except ConnectionError:
            received = b""
        if not received:
            self.kill()
            raise ServerLost(f"has ended: {self._last_words()}")
        self._quiet, self._asked = 0.0, False
        *lines, self._rest = (self._rest + received).split(b"\n")
        messages = [json.loads(line) for line in lines]
        self.ready = self.ready or any("ready" in message for message in messages)
        return messages

    def _time_to_doubt(self) -> float:
        """Return for how many seconds more it may be quiet before something is done about it."""
        limit = QUIET_SECONDS + (ANSWER_SECONDS if self._asked else 0.0)
        return max(0.0, (limit if self.ready else IMPORT_SECONDS) - self._quiet)

    def _doubt(self) -> None:
        """Ask a server that has been quiet whether it is there; give one up that does not answer.

        While it imports it cannot answer; that it is stopped can be seen all the same.
        """
        if self._stopped >= ANSWER_SECONDS:
            self.kill()
            raise ServerStopped(f"has been stopped for {ANSWER_SECONDS:g} s")
        if self._time_to_doubt() > 0:
            return
        if self.ready and not self._asked:
            self._asked = True
            self.send({"ping": 0})
            return
        self.kill()
        limit = ANSWER_SECONDS if self.ready else IMPORT_SECONDS
        raise ServerLost(f"has not answered for {limit:g} s")

    def close(self) -> None:
        """End it, and its jobs."""
        self._socket.close()  # it kills its jobs and goes
        try:
            self.process.wait(timeout=1.0 if self.ready else 0.0)
        except subprocess.TimeoutExpired:  # it is still importing, or stopped
            self.kill()
        self._errors.close()

    def kill(self) -> None:
        """Kill it and all that descends from it, in sessions of their own too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        until = time.monotonic() + _END_SECONDS
        while (left := started_with(f"{_MARK}={self._mark}")) and time.monotonic() < until:
            for process in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.005)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or describe_exit(self.process.returncode)


def _end_left_behind() -> None:
    """Kill what jobs of dead runs have started in sessions of their own, and nobody was left to kill.

    Where a run and its server are killed at once, their jobs die with the server, but the kernel passes no such
    word on to grandchildren; without a namespace of processes of its own nothing ends them at that moment.
    """
    with contextlib.suppress(OSError):  # without /proc nothing is known of them
        for process in left_behind(_MARK):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """Return the end of a process in words: "signal 9 (SIGKILL)", "exit code 3"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"
