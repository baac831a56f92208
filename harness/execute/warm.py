"""The warm server: a process without threads that has imported what the plan needs, and forks.

Each job runs in a fork of it: about a tenth of a second, a clean memory baseline, and a crash, a
hang or an out-of-memory hurts that job alone. `multiprocessing`'s fork server does the same, but
imports the caller's `__main__` again, keeps one server with one set of imports for the life of the
caller, and pickles; this one takes JSON, and a run has its own.

The parent writes a line of JSON to a socket: {"run": token, "folder": ..., ...} or {"kill": token}.
The server answers {"ready": seconds}, then {"ended": token, "status": wait status, ...}. When the parent
dies the socket closes, and the server ends every job with its group before it ends itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from harness.catalogue.host import Host, PluginChoice
from harness.measure.environment import describe_machine

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the socket whose file descriptor is the first argument."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    received = b""
    while b"\n" not in received:  # the first jobs may come right behind the settings
        part = connection.recv(1 << 20)
        if not part:
            return
        received += part
    first, _, rest = received.partition(b"\n")
    settings = json.loads(first)
    started = time.perf_counter()
    choice = PluginChoice(tuple(settings["files"]), tuple(settings["blocked"]))
    host = Host(choice)
    for module in settings["preload"]:
        with contextlib.suppress(BaseException):  # the job that needs it will say what is wrong
            importlib.import_module(module)
    with contextlib.suppress(BaseException):
        from harness.execute import sorts

        sorts.warm_up()
    describe_machine()  # before a job is pinned to some of its cores
    gc.collect()
    gc.freeze()  # so that collections in the children do not touch the shared pages
    _send(connection, {"ready": time.perf_counter() - started})
    _Server(connection, host, rest).serve()


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall((json.dumps(message) + "\n").encode())


class _Server:
    def __init__(self, connection: socket.socket, host: Host, rest: bytes) -> None:
        self.connection, self.host = connection, host
        self.running: dict[int, str] = {}  # process id: token
        self.rest = rest

    def serve(self) -> None:
        """Fork, reap and kill until the parent is gone."""
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.obey(b"")
        while True:
            ready, _, _ = select.select([self.connection.fileno(), wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
                self.reap()
            if self.connection.fileno() in ready and not self.listen():
                for process in self.running:
                    _kill(process)
                return

    def listen(self) -> bool:
        """Do what the parent asks; False when it is gone."""
        try:
            received = self.connection.recv(1 << 20)
        except ConnectionError:
            return False
        self.obey(received)
        return bool(received)

    def obey(self, received: bytes) -> None:
        """Start or kill jobs, as whole lines say."""
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "run" in message:
                self.start(message)
            else:
                for process, token in self.running.items():
                    if token == message["kill"]:
                        _kill(process)

    def start(self, message: dict[str, Any]) -> None:
        process = os.fork()
        if process == 0:
            self.connection.close()
            with contextlib.suppress(BaseException):
                _become(message)
                _work(Path(message["folder"]), self.host)
                sys.stdout.flush()
                os._exit(0)
            os._exit(1)
        self.running[process] = message["run"]

    def reap(self) -> None:
        while self.running:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            token = self.running.pop(process, None)
            if token is None:
                continue
            _kill(process)  # whatever it started and left behind, by its group
            _send(self.connection, {"ended": token, "status": status})


def _kill(process: int) -> None:
    """Kill a job's whole process group; before it has made one, the process itself."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)


def _become(message: dict[str, Any]) -> None:
    """Turn a fresh fork into a job's process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent == 1:
        os._exit(1)  # the server died before the signal was set
    log = os.open(
        os.path.join(message["folder"], "log.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    with contextlib.suppress(OSError):  # where memory runs out, the job goes, not the harness
        Path("/proc/self/oom_score_adj").write_text("1000")
    if message["cpus"]:
        with contextlib.suppress(OSError, AttributeError):
            os.sched_setaffinity(0, message["cpus"])
    if message["memory_limit"]:
        used = _data_bytes()
        with contextlib.suppress(OSError, ValueError):
            limit = used + message["memory_limit"]
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.environ.update(message["environment"])
    import faulthandler

    faulthandler.enable()  # a crash leaves the Python stack in the log


def _data_bytes() -> int:
    """Return the bytes of private data that the process has mapped already (VmData)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def _work(folder: Path, host: Host) -> None:
    from harness.execute.job import Request, run_job, write_outcome

    request = Request.from_text((folder / "request.json").read_text(encoding="utf-8"))
    write_outcome(run_job(request, host.catalogue), folder)


if __name__ == "__main__":
    main()
