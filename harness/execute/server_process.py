"""The fork server as the engine has it: its process, the socket to it, and whether it still answers."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from harness.execute.engines import EngineSetting
from harness.execute.server_start import import_path, take
from harness.machine.processes import is_stopped

IMPORT_SECONDS = 300.0  # for the server to import what the plan needs
QUIET_SECONDS = 5.0  # without a word of the server, before it is asked whether it is there
ANSWER_SECONDS = 20.0  # for it to answer


class ServerLost(Exception):
    """The server is gone, or answers no more; the message goes on from "the process that starts jobs"."""


class ServerStopped(ServerLost):
    """The server was stopped while it imported."""


class ServerProcess:
    """A fork server that has been started. It is `ready` when it has imported what it should."""

    def __init__(self, setting: EngineSetting, preload: Sequence[str]) -> None:
        """Start it, or take one that was started `early`; importing goes on while the caller does other things."""
        self.ready = False
        self._rest = b""
        self._quiet, self._asked, self._looked = 0.0, False, time.monotonic()
        self._stopped = 0.0  # seconds that it was seen to be stopped while it imports
        self._born = take(setting.python)
        self.process, self._socket = self._born.process, self._born.socket
        path = import_path() if setting.python is None else ""
        self.send({**setting.plugins.to_json(), "preload": list(preload), "path": path})

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
        self._born.errors.close()

    def kill(self) -> None:
        """Kill it and all that descends from it, in sessions of their own too."""
        self._born.kill()

    def _last_words(self) -> str:
        self._born.errors.seek(0)
        lines = self._born.errors.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or describe_exit(self.process.returncode)


def describe_exit(code: int) -> str:
    """Return the end of a process in words: "signal 9 (SIGKILL)", "exit code 3"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"
