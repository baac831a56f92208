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
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.execute.engines import Ended, EngineSetting, Work
from harness.execute.job import read_outcome
from harness.store.records import CRASHED, OOM, TIMEOUT, Outcome

_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# glibc gives blocks of over 128 KiB back to the system and takes them anew, page fault by page fault, at
# each step: half of a small CNN's training time, and two-thread timings that are bimodal. It would
# raise the limit by itself, but not once the other one is set; so both are.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "1073741824"}
# A thread that waits for another one sleeps soon: where something else has the core of the other one,
# spinning (libgomp's default) kept a call of a millisecond waiting for 24; where all is quiet, it gains
# nothing that could be measured.
_OPENMP = {"GOMP_SPINCOUNT": "1000"}

_IMPORT_SECONDS = 300.0  # for the server to import what the plan needs


def start(setting: EngineSetting) -> LocalEngine:
    """Start the warm server; it is ready when the first job is submitted."""
    return LocalEngine(setting)


class LocalEngine:
    """Runs jobs in forks of one warm server.

    The server imports the plan's plugins once. Where one of them ends or hangs the server by being
    imported, the server starts again without them, and the jobs that need it pay for it. Where the
    server dies later, the jobs that ran in it are crashed and a new one takes the rest.
    """

    def __init__(self, setting: EngineSetting) -> None:
        """Start the server process; importing goes on while the caller does other things."""
        self._setting = setting
        self._works: dict[str, Work] = {}
        self._oom_kills: dict[str, int] = {}  # when the job of a token began
        self._start(setting.preload)

    def _start(self, preload: Sequence[str]) -> None:
        self._rest = b""
        self._preloads = bool(preload)
        self._ready = False
        self._started = time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        ours, theirs = socket.socketpair()
        environment = {
            **os.environ,
            **{name: "1" for name in _SINGLE_THREADED},  # a fork of threads is undefined
            **_MALLOC,
            **_OPENMP,
        }
        if self._setting.python is None:
            environment["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part)
        with theirs:
            self.server = subprocess.Popen(
                [
                    self._setting.python or sys.executable,
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
        self._socket = ours
        self._send({**self._setting.plugins.to_json(), "preload": list(preload)})

    def fileno(self) -> int:
        """Return the socket that `wait` reads, for a caller who waits for several engines."""
        return self._socket.fileno()

    def submit(self, work: Work) -> None:
        """Start a job on its slot."""
        folder = Path(work.request.folder)
        (folder / "request.json").write_text(work.request.to_text(), encoding="utf-8")
        self._works[work.token] = work
        self._oom_kills[work.token] = _oom_kills()
        self._ask_for(work)

    def _ask_for(self, work: Work) -> None:
        gpu = "" if work.slot.gpu is None else work.slot.gpu
        self._send(
            {
                "run": work.token,
                "folder": work.request.folder,
                "cpus": list(work.slot.cpus),
                "memory_limit": self._setting.memory_limit,
                "environment": {"CUDA_VISIBLE_DEVICES": gpu},
            }
        )

    def wait(self, timeout: float | None) -> Iterator[Ended]:
        """Yield the jobs that ended; block until one does or starts, or for `timeout` seconds."""
        if not self._ready:
            left = max(0.0, self._started + _IMPORT_SECONDS - time.monotonic())
            timeout = left if timeout is None else min(timeout, left)
        readable, _, _ = select.select([self._socket], [], [], timeout)
        if not readable:
            if not self._ready and time.monotonic() - self._started >= _IMPORT_SECONDS:
                yield from self._start_again()
            return
        try:
            received = self._socket.recv(1 << 20)
        except ConnectionError:
            received = b""
        if not received:
            yield from self._start_again()
            return
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ready" in message:
                self._ready = True
            elif "started" in message:
                self._works[message["started"]].began = time.monotonic()
            elif "refused" in message:
                reason = f"the system starts no process for it: {message['refused']}"
                yield self._end(message["ended"], None, reason)
            else:
                yield self._end(message["ended"], message["status"])

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
            self.server.wait(timeout=1.0 if self._ready else 0.0)
        except subprocess.TimeoutExpired:  # it is still importing
            self._kill_server()
        self._errors.close()

    def _kill_server(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    def _start_again(self) -> Iterator[Ended]:
        """Replace a server that died or hangs; its running jobs died with it.

        Raises:
            HarnessError: It died though it had nothing to run or to import.
        """
        self._kill_server()
        words = self._last_words()
        lost = [work for work in self._works.values() if work.began is not None]
        if not lost and not (self._preloads and not self._ready):
            raise HarnessError(f"the process that starts jobs has ended: {words}")
        self._socket.close()
        self._errors.close()
        self._start(self._setting.preload if self._ready else ())
        for work in lost:
            yield self._end(work.token, None, f"the process that started it ended: {words}")
        for work in self._works.values():
            self._ask_for(work)

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionError):  # `wait` sees its end
            self._socket.sendall((json.dumps(message) + "\n").encode())

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        code = self.server.poll()
        return " | ".join(lines[-3:]) or ("" if code is None else _describe_exit(code))

    def _end(self, token: str, status: int | None, reason: str = "") -> Ended:
        """Return the outcome that a job wrote, or what the end of its process means."""
        work = self._works.pop(token)
        kills = self._oom_kills.pop(token)
        request = work.request
        folder = Path(request.folder)
        code = None if status is None else os.waitstatus_to_exitcode(status)
        written = read_outcome(folder)
        if written is not None:  # complete, even where the process was killed as it ended
            return Ended(token, written)
        state = CRASHED
        if work.killed:
            state, reason = TIMEOUT, work.killed
        elif code == -signal.SIGKILL and _oom_kills() > kills:
            state, reason = OOM, "the kernel killed it, as the machine ran out of memory"
        elif code is not None and code < 0:
            reason = f"it crashed by {_describe_exit(code)}"
        elif code is not None:
            reason = f"its process ended with {_describe_exit(code)} and left no outcome"
        return Ended(
            token,
            Outcome(
                fingerprint=request.job.fingerprint,
                status=state,
                reason=reason,
                traceback=_tail(folder / "log.txt"),
            ),
        )


def _oom_kills() -> int:
    """Return how many processes the kernel has killed for memory, as far as it tells."""
    total = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    total += int(value)
    return total


def _describe_exit(code: int) -> str:
    return f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def _tail(path: Path, lines: int = 40) -> str:
    """Return the last lines of what a job printed: of a crash, the stack."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 16384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    return ""
