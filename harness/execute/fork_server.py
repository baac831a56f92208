"""The warm server: a process without threads that has imported what the plan needs, and forks.

Each job runs in a fork of it: about a tenth of a second, a clean memory baseline, and a crash, a
hang or an out-of-memory hurts that job alone. `multiprocessing`'s fork server does the same, but
imports the caller's `__main__` again, keeps one server with one set of imports for the life of the
caller, and pickles; this one takes JSON, and a run has its own.

The parent writes a line of JSON to a socket: {"run": token, "folder": ..., ...}, {"kill": token} or
{"ping": number}. The server answers {"started": token} and {"ended": token, "status": wait status} for
each job, {"pong": number}, and {"ready": seconds} once it has imported all that it should.
What a job has started is a descendant of the job while that lives, and falls to the server when the job
ends, in a session of its own too; the server kills it. When the parent dies the socket closes, and the server ends every job before it ends itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
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
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.import_reads import import_reads_noted
from harness.catalogue.kinds import KINDS
from harness.catalogue.references import module_name
from harness.execute.lazy_compiler import put_off_compiler
from harness.machine.environment import describe_machine
from harness.machine.huge_pages import take_huge_pages
from harness.machine.processes import children_of, data_bytes

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_END_SECONDS = 0.5  # for killed jobs to vanish, when all ends
_MANY_JOBS = 50
"""Of so many forks the last, and all after it, are made cheap: that takes up to half a second, which as many forks save. It
disturbs no job that has the CPU alone: where one runs, no other starts.
"""
_OF_JOBS = tuple(
    f"harness.execute.{name}"
    for name in ("job", "process_state", "prepare_job", "fit_job", "measure_job")
)

_SHAPES = "torch.fx.experimental.symbolic_shapes"
"""What gradients with a slope of the caller's and passes on shapes alone import first: sympy, for a quarter of a second."""


def main() -> None:
    """Serve the socket whose file descriptor is the first argument; the second is the parent."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    _die_with_parent(int(sys.argv[2]))  # while it imports it hears no socket
    gc.disable()  # what is imported stays, and looking for what does not is a fifth of the time
    _import("torch")  # the settings may come later: see `server_start.early`
    put_off_compiler()
    _import(_SHAPES)
    received = b""
    while b"\n" not in received:  # the first jobs may come right behind the settings
        part = connection.recv(1 << 20)
        if not part:
            return
        received += part
    first, _, rest = received.partition(b"\n")
    settings = json.loads(first)
    started = time.perf_counter()
    if settings["path"]:
        sys.path += [part for part in settings["path"].split(os.pathsep) if part not in sys.path]
        os.environ["PYTHONPATH"] = settings["path"]
    # The first validator looks for pydantic's plugins among all that is installed: in no job, and before a plugin is
    # imported, which would be taken to read all that.
    TypeAdapter(int)
    choice = PluginChoice(tuple(settings["files"]), tuple(settings["blocked"]))
    host = Host(choice)
    with import_reads_noted():
        for module in settings["preload"]:
            _import(module)  # where that fails, the job that needs it will say what is wrong
    for module in _OF_JOBS:
        _import(module)
    _build_checks(host.catalogue, settings["preload"])
    describe_machine()  # before a job is pinned to some of its cores
    gc.collect()
    gc.freeze()  # so that collections in the children do not touch the shared pages
    gc.enable()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    server = _Server(connection, host, rest)
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        _send(connection, {"ready": time.perf_counter() - started})
        # From here on the socket tells of the parent's end, and there are jobs to end first; should this
        # process be stopped by then, it must go on to hear it.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
        server.serve()
    server.end()


def _import(module: str) -> None:
    with contextlib.suppress(BaseException):
        importlib.import_module(module)


def _build_checks(catalogue: Catalogue, modules: Sequence[str]) -> None:
    """Build what checks options, which is put off until it is wanted: in each job, that is.

    modules: those of the items that jobs name, where their kind is imported before jobs are forked; of others all.
    """
    wanted = frozenset(modules)
    for kind, sort in KINDS.items():
        for entry in catalogue.entries(kind).values():
            options, callables = entry.item.options, entry.item.callables()
            named = not sort.preloaded or not wanted.isdisjoint(map(module_name, callables))
            if options is not None and named:
                with contextlib.suppress(Exception):  # the job that names it will say what is wrong
                    options.model_rebuild()


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall((json.dumps(message) + "\n").encode())


class _Server:
    def __init__(self, connection: socket.socket, host: Host, rest: bytes) -> None:
        self.connection, self.host = connection, host
        self.running: dict[int, str] = {}  # process id: token
        self.rest = rest
        self.forks = 0
        self.process = os.getpid()
        self.wake, self.waker = os.pipe()
        os.set_blocking(self.waker, False)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Fork, reap and kill until the parent is gone."""
        self.obey(b"")
        while True:
            ready, _, _ = select.select([self.connection.fileno(), self.wake], [], [])
            if self.wake in ready:
                os.read(self.wake, 4096)
                self.reap()
            if self.connection.fileno() in ready and not self.listen():
                return

    def listen(self) -> bool:
        """Do what the parent asks; False when it is gone."""
        received = self.connection.recv(1 << 20)
        self.obey(received)
        return bool(received)

    def obey(self, received: bytes) -> None:
        """Start or kill jobs, as whole lines say."""
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "run" in message:
                self.start(message)
            elif "ping" in message:
                _send(self.connection, {"pong": message["ping"]})
            else:
                self.kill(message["kill"])

    def kill(self, token: str) -> None:
        """Kill a job that runs."""
        for process, running in self.running.items():
            if running == token:
                _kill(process)

    def start(self, message: dict[str, Any]) -> None:
        token = message["run"]
        self.forks += 1
        if self.forks == _MANY_JOBS:
            take_huge_pages()
        try:
            process = os.fork()
        except OSError as error:  # no memory, or too many processes
            _send(self.connection, {"ended": token, "refused": error.strerror})
            return
        if process == 0:
            try:
                self.connection.close()
                os.close(self.wake)
                os.close(self.waker)
                _become(message, self.process)
                _work(Path(message["folder"]), self.host)
                sys.stdout.flush()
            except BaseException:  # `_work` reports what goes wrong; this went wrong around it
                with contextlib.suppress(BaseException):
                    traceback.print_exc()
                os._exit(1)
            os._exit(0)
        self.running[process] = token
        _send(self.connection, {"started": token})

    def reap(self) -> None:
        """Collect the processes that have ended, kill what they leave behind, and say which jobs have."""
        ended: list[tuple[str, int]] = []
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if process == 0:
                break
            token = self.running.pop(process, None)
            if token is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process, signal.SIGKILL)
                ended.append((token, status))
        self.sweep()
        for token, status in ended:
            _send(self.connection, {"ended": token, "status": status})

    def sweep(self) -> None:
        """Kill the children that are no jobs: what a job started falls to this process when it ends.

        Their own children follow, once these have been collected.
        """
        for process in children_of(self.process):
            if process not in self.running:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        """Kill all jobs, and what they have started."""
        for process in self.running:
            _kill(process)
        self.running.clear()
        until = time.monotonic() + _END_SECONDS
        while time.monotonic() < until:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            self.sweep()
            time.sleep(0.005)


def _kill(process: int) -> None:
    """Kill a job's whole process group; before it has made one, the process itself."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        _libc().prctl(option, value)


def _die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the parent dies; it may have died just before."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _become(message: dict[str, Any], server: int) -> None:
    """Turn a fresh fork into a job's process."""
    gc.enable()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    _prctl(
        _PR_SET_CHILD_SUBREAPER, 1
    )  # what it starts stays below it, until the server takes it over
    _die_with_parent(server)
    log = os.open(
        os.path.join(message["folder"], "log.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for stream in (sys.stdout, sys.stderr):  # a job that is killed has printed up to its last line
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    with contextlib.suppress(OSError):  # where memory runs out, the job goes, not the harness
        Path("/proc/self/oom_score_adj").write_text("1000")
    if message["cpus"]:
        with contextlib.suppress(OSError, AttributeError):
            os.sched_setaffinity(0, message["cpus"])
    if message["memory_limit"]:
        used = data_bytes()
        with contextlib.suppress(OSError, ValueError):
            limit = used + message["memory_limit"]
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.environ.update(message["environment"])
    faulthandler.enable()  # a crash leaves the Python stack in the log


def _work(folder: Path, host: Host) -> None:
    from harness.execute.job import run_together, write_outcome
    from harness.execute.request import Request
    from harness.machine import load

    load.harness_processes = (os.getppid(), int(sys.argv[2]))  # the server, and its own parent
    request = Request.from_text((folder / "request.json").read_text(encoding="utf-8"))
    write_outcome(run_together(request, host.catalogue), folder)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # taking apart what it imported is a fifth of a second, for which a run would wait
