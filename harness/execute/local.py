"""The local engine: jobs in forks of a warm server on this machine."""

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.execute.engines import Ended, EngineSetting, Work
from harness.execute.job import read_outcome
from harness.results.records import CRASHED, OOM, TIMEOUT, Outcome

_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# glibc gives blocks of over 128 KiB back to the system and takes them anew, page fault by page fault, at
# each step: half of a small CNN's training time, and two-thread timings that are bimodal. It would
# raise the limit by itself, but not once the other one is set; so both are.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "1073741824"}


def start(setting: EngineSetting) -> LocalEngine:
    """Start the warm server; it is ready when the first job is submitted."""
    return LocalEngine(setting)


class LocalEngine:
    """Runs jobs in forks of one warm server."""

    def __init__(self, setting: EngineSetting) -> None:
        """Start the server process; importing goes on while the caller does other things."""
        self._setting = setting
        self._works: dict[str, Work] = {}
        self._rest = b""
        self._oom_kills = _oom_kills()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        ours, theirs = socket.socketpair()
        environment = {
            **os.environ,
            **{name: "1" for name in _SINGLE_THREADED},  # a fork of threads is undefined
            **_MALLOC,
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
        }
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "harness.execute.warm", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C in the terminal reaches only the harness
            )
        self._socket = ours
        self._send({**setting.plugins.to_json(), "preload": list(setting.preload)})

    def submit(self, work: Work) -> None:
        """Start a job on its slot."""
        folder = Path(work.request.folder)
        (folder / "request.json").write_text(work.request.to_text(), encoding="utf-8")
        self._works[work.token] = work
        gpu = {} if work.slot.gpu is None else {"CUDA_VISIBLE_DEVICES": work.slot.gpu}
        self._send(
            {
                "run": work.token,
                "folder": str(folder),
                "cpus": list(work.slot.cpus),
                "memory_limit": self._setting.memory_limit,
                "environment": gpu or {"CUDA_VISIBLE_DEVICES": ""},
            }
        )

    def wait(self, timeout: float | None) -> Iterator[Ended]:
        """Yield the jobs that ended; block until one does, or for `timeout` seconds."""
        readable, _, _ = select.select([self._socket], [], [], timeout)
        if not readable:
            return
        try:
            received = self._socket.recv(1 << 20)
        except ConnectionError:
            received = b""
        if not received:
            raise HarnessError(f"the process that starts jobs has ended: {self._last_words()}")
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ended" in message:
                work = self._works.pop(message["ended"])
                yield Ended(work.token, self._outcome(work, message["status"]))

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; it ends as a timeout with that reason."""
        work = self._works.get(token)
        if work is not None and not work.killed:
            work.killed = reason
            self._send({"kill": token})

    def close(self) -> None:
        """Kill all that still runs, and end."""
        self._socket.close()  # the server kills its jobs and goes
        try:
            self._server.wait(timeout=1.0)
        except subprocess.TimeoutExpired:  # it is still importing
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
        self._errors.close()

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.sendall((json.dumps(message) + "\n").encode())
        except (BrokenPipeError, ConnectionError):
            raise HarnessError(f"the job server has ended: {self._last_words()}") from None

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or f"exit code {self._server.poll()}"

    def _outcome(self, work: Work, status: int) -> Outcome:
        """Return the outcome that a job wrote, or what the end of its process means."""
        request = work.request
        written = read_outcome(Path(request.folder))
        code = os.waitstatus_to_exitcode(status)
        if work.killed:
            return Outcome(fingerprint=request.job.fingerprint, status=TIMEOUT, reason=work.killed)
        if written is not None:
            return written
        trace = _tail(Path(request.folder) / "log.txt")
        kills = _oom_kills()
        if code == -signal.SIGKILL and kills > self._oom_kills:
            self._oom_kills = kills
            state, reason = OOM, "the kernel killed it, as the machine ran out of memory"
        elif code < 0:
            state, reason = CRASHED, f"it crashed by signal {_signal_name(-code)}"
        else:
            state, reason = CRASHED, f"its process ended with exit code {code} and left no outcome"
        return Outcome(
            fingerprint=request.job.fingerprint, status=state, reason=reason, traceback=trace
        )


def _oom_kills() -> int:
    """Return how many processes the kernel has killed for memory: here, or on the machine."""
    total = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    total += int(value)
    return total


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def _tail(path: Path, lines: int = 30) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    return ""
