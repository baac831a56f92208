"""The local engine: jobs in forks of a fork server on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.execute.device_locks import DeviceLocks
from harness.execute.engines import Busy, Ended, EngineSetting, Place, Work
from harness.execute.job import first_left, read_outcome, write_outcome
from harness.execute.places import LocalPlace, LocalPlaces
from harness.execute.server_process import ServerLost, ServerProcess, ServerStopped, describe_exit
from harness.execute.together import in_turn
from harness.machine.machines import Machine, this_machine
from harness.machine.processes import oom_kills
from harness.plan.jobs import Job
from harness.store.records import CRASHED, OOM, TIMEOUT, Outcome

_log = logging.getLogger("harness.engine")
_REPLACEMENTS = 3  # of servers in a row, with no job ended between them, before the run is given up


def start(setting: EngineSetting) -> LocalEngine:
    """Start the fork server; it is ready when the first job is submitted."""
    return LocalEngine(setting)


class LocalEngine:
    """Runs jobs in forks of one fork server.

    The server imports the plan's plugins once. Where one of them ends or hangs the server by being
    imported, the server starts again without them, and the jobs that need it pay for it. Where the
    server dies or answers no more later, a new one takes its place; the jobs that ran in it are tried
    once again, and are crashed where that takes the server down too.
    """

    def __init__(self, setting: EngineSetting) -> None:
        """Start the server; importing goes on while the caller does other things."""
        self._setting = setting
        self._works: dict[str, Work] = {}
        self._oom_kills: dict[str, int] = {}  # when the job of a token began
        self._killed: dict[str, str] = {}  # why, by token
        self._lost: set[str] = set()  # tokens of jobs that a server has taken with it before
        self._replaced = 0  # servers, since a job has ended
        self._preload = tuple(setting.preload)
        self._reserved: dict[LocalPlace, str] = {}  # for the job of a label
        self._free = LocalPlaces(setting.cpu_slots, setting.threads)
        self._locks = DeviceLocks(setting.run, setting.store)
        self.machines: Sequence[Machine] = (
            this_machine(cpu_slots=setting.cpu_slots, threads=setting.threads),
        )
        self.server = ServerProcess(setting, self._preload)

    def fileno(self) -> int:
        """Return the socket that `wait` reads, for a caller who waits for several engines."""
        return self.server.fileno()

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> LocalPlace | Busy:
        """Take a place for a job, and its device's lock, which other runs respect. machines: all are this one."""
        free = self._free.free(job.device, job.exclusive, job.devices)
        for place in free:
            if self._lock(place, job):
                self._free.take(place)
                self._reserved[place] = job.label
                return place
        return Busy(self._locks.words(free[0].devices[0])) if free else Busy()

    def _lock(self, place: LocalPlace, job: Job) -> bool:
        """Take the locks of all devices of a place, or none."""
        held: list[str] = []
        for device in place.devices:
            if not self._locks.acquire(device, job.exclusive, job.label):
                for one in held:
                    self._locks.release(one, job.label)
                return False
            held.append(device)
        return True

    def submit(self, work: Work) -> None:
        """Start a job at its place."""
        folder = Path(work.request.folder)
        (folder / "request.json").write_text(work.request.to_text(), encoding="utf-8")
        self._works[work.token] = work
        self._oom_kills[work.token] = oom_kills()
        self._ask_for(work)

    def _ask_for(self, work: Work) -> None:
        place = work.place
        assert isinstance(place, LocalPlace)
        self.server.send(
            {
                "run": work.token,
                "folder": work.request.folder,
                "cpus": list(self._cores(work)),
                "memory_limit": self._setting.memory_limit,
                "environment": {"CUDA_VISIBLE_DEVICES": place.gpu or ""},
            }
        )

    def _cores(self, work: Work) -> tuple[int, ...]:
        """Return what a job is pinned to: its place, or those of all places for one that reads files, on as many threads, as
        others wait for it.

        What is timed on the CPU meanwhile is marked as shared anyhow.
        """
        assert isinstance(work.place, LocalPlace)
        return self._free.shared if work.request.job.sort == "prepare" else work.place.cpus

    def wait(self, timeout: float | None) -> list[Ended]:
        """Return the jobs that ended; block until something happens, or for `timeout` seconds at most."""
        self._locks.withdraw()
        try:
            messages = self.server.receive(timeout)
        except ServerLost as lost:
            return self._replace_server(lost)
        ended = []
        for message in messages:
            if "started" in message:
                self._works[message["started"]].began = time.monotonic()
            elif "refused" in message:
                reason = f"the system starts no process for it: {message['refused']}"
                ended.append(self._end(message["ended"], None, reason))
            elif "ended" in message:
                self._replaced = 0
                ended.append(self._end(message["ended"], message["status"]))
        return ended

    def kill(self, token: str, reason: str) -> None:
        """Kill a job; it ends as a timeout with that reason."""
        if token in self._works:
            self._killed[token] = reason
            self.server.send({"kill": token})

    def close(self) -> None:
        """Kill all that still runs, and end."""
        try:
            self.server.close()
        finally:  # Ctrl-C once more: this process may live on, and must not keep others waiting
            self._locks.close()

    def _replace_server(self, lost: ServerLost) -> list[Ended]:
        """Take another server for one that is lost; return the jobs that are not tried again.

        Raises:
            HarnessError: Servers are lost again and again, with no job ended between them.
        """
        words = str(lost)
        self._replaced += 1
        if self._replaced > _REPLACEMENTS:
            raise HarnessError(
                f"the process that starts jobs {words}, {self._replaced} times in a row"
            )
        _log.warning("the process that starts jobs %s; another one takes its place", words)
        self.server.close()
        if not self.server.ready and not isinstance(
            lost, ServerStopped
        ):  # what it imported may have taken it down
            self._preload = ()
        self.server = ServerProcess(self._setting, self._preload)
        begun = [work for work in self._works.values() if work.began is not None]
        given_up = [work for work in begun if not self._may_try_again(work)]
        ended = [
            self._end(work.token, None, f"the process that started it {words}") for work in given_up
        ]
        for work in self._works.values():
            work.began = None
            self._ask_for(work)
        return ended

    def _may_try_again(self, work: Work) -> bool:
        """Whether a job that its server has taken with it runs again; its folder is emptied for that."""
        folder = Path(work.request.folder)
        alone = not work.request.turns  # else another process waits for it to take its turn
        if (
            work.token in self._killed
            or work.token in self._lost
            or not alone
            or read_outcome(folder) is not None
        ):
            return False
        self._lost.add(work.token)
        for one in (work.request, *work.request.also):
            _empty(Path(one.folder))
        return True

    def _give_back(self, place: Place) -> None:
        if isinstance(place, LocalPlace) and place in self._reserved:
            self._free.give_back(place)
            label = self._reserved.pop(place)
            for device in place.devices:
                self._locks.release(device, label)

    def _end(self, token: str, status: int | None, reason: str = "") -> Ended:
        """Return the outcome that a job wrote, or what the end of its process means: for it, or for one that it went on with."""
        work = self._works.pop(token)
        kills = self._oom_kills.pop(token)
        killed = self._killed.pop(token, "")
        self._lost.discard(token)
        self._give_back(work.place)
        request, first = work.request, read_outcome(Path(work.request.folder))
        if first is not None:  # complete, even where the process was killed as it ended
            if not request.also or not in_turn(request.job):
                return Ended(token, first)
            begun = first_left(request.also)
            if begun is None or not (Path(begun.folder) / "log.txt").exists():
                return Ended(token, first)
            request = begun
        folder = Path(request.folder)
        code = None if status is None else os.waitstatus_to_exitcode(status)
        state = CRASHED
        if killed:
            state, reason = TIMEOUT, killed
        elif code == -signal.SIGKILL and oom_kills() > kills:
            state, reason = OOM, "the kernel killed it, as the machine ran out of memory"
        elif code is not None and code < 0:
            reason = f"it crashed by {describe_exit(code)}"
        elif code is not None:
            reason = f"its process ended with {describe_exit(code)} and left no outcome"
        ended = Outcome(
            fingerprint=request.job.fingerprint,
            status=state,
            reason=reason,
            traceback=_tail(folder / "log.txt"),
        )
        if first is None:
            return Ended(token, ended)
        write_outcome(ended, folder)  # of the one that was under way; those behind it leave none
        return Ended(token, first)


def _empty(folder: Path) -> None:
    """Remove what a job has left in its folder, but for what it was asked."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "request.json":
            path.unlink(missing_ok=True)


def _tail(path: Path, lines: int = 40) -> str:
    """Return the last lines of what a job printed: of a crash, the stack."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 16384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    return ""
