"""A node: a machine that runs jobs of a run which is elsewhere.

It is the local engine with folders of its own. Whoever brings requests, files and reports to and fro (Ray, Slurm, a
pipe) needs no more: a job here is the same isolated, forked process as there, with the same locks of the machine's
devices, limits and meanings of its end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.execute.engines import Busy, EngineSetting, Work
from harness.execute.job import outcome_to_text
from harness.execute.local import LocalEngine
from harness.execute.node_folder import NodeFolder
from harness.execute.node_process import says
from harness.execute.request import Request
from harness.execute.travel import Parcel, pack, relocate, unpack
from harness.machine.machines import Machine, this_machine
from harness.store.records import KEPT, TIMEOUT, Outcome

STARTED, WAITS, PRINTED, KEPT_MORE, ENDED = "started", "waits", "printed", "kept", "ended"
_RETRY_SECONDS = 0.3  # between looks at a device that others hold
_LOOK_SECONDS = 1.0  # between looks at what jobs have printed and kept
_PRINTED_BYTES = 1 << 16  # of a log, in one report


@dataclass(frozen=True)
class News:
    """What a node has to say of a job.

    what: STARTED; WAITS, text: for what of others, in words; PRINTED, text: more of its log; KEPT_MORE: how far it
    has come is in a file, KEPT, which may be fetched; ENDED, text: the outcome as JSON; its files may be fetched.
    """

    token: str
    what: str
    text: str = ""


@dataclass
class _Task:
    """A job on this node: its request as it is here, and how much of its log and kept file is reported.

    home: what the store calls its folder. needed: others may need what it has left.
    """

    request: Request
    home: str
    needed: bool = False
    printed: int = 0
    kept: float = 0.0
    waits: str = ""


class Node:
    """Runs jobs here, for a run elsewhere. Not for several threads at once."""

    def __init__(self, setting: EngineSetting, name: str) -> None:
        """Start the engine; it is ready when the first job is submitted. name: of this machine, as the run knows it."""
        self._own = NodeFolder()
        self._root = self._own.path
        self.machine: Machine = this_machine(name, setting.cpu_slots, setting.threads)
        self._engine = LocalEngine(setting)
        self._held: dict[
            str, Path
        ] = {}  # the folders of jobs that others need: as the store calls them, and here
        self._tasks: dict[str, _Task] = {}
        self._waiting: dict[str, None] = {}  # tokens, in their order
        self._running: dict[str, Work] = {}
        self._ended: list[News] = []
        self._looked = 0.0
        self._count = 0

    def fileno(self) -> int:
        """Return what can be read when a job has started or ended, for who waits for more than that."""
        return self._engine.fileno()

    # -- files

    def lacks(
        self, folders: Iterable[str], *, shared: Mapping[str, str] | None = None
    ) -> list[str]:
        """Return which folders of the store, of jobs that others need, are not here.

        shared: {a file of the store: what it says}: where such a file is here and says so, the store is too, and is
        read in its place.
        """
        seen = shared is not None and all(says(name, text) for name, text in shared.items())
        for folder in folders:
            if folder not in self._held and seen and os.path.isdir(folder):
                self._held[folder] = Path(folder)
        return [folder for folder in folders if folder not in self._held]

    def receive(self, folder: str, parcel: Parcel, *, last: bool) -> None:
        """Take files of a folder that is lacking. last: it is here with them."""
        here = self._root / "held" / _name(folder)
        here.mkdir(parents=True, exist_ok=True)
        unpack(parcel, here)
        if last:
            self._held[folder] = here

    def begin_with(self, token: str, parcel: Parcel) -> None:
        """Take files that lie in a job's folder when it starts: how far another attempt has come."""
        unpack(parcel, self._folder(token))

    def parcels(self, token: str) -> Iterator[Parcel]:
        """Yield what a job that has ended left in its folder."""
        yield from pack(Path(self._tasks[token].request.folder))

    def size(self, token: str) -> int:
        """Return the bytes of what a job that has ended left in its folder."""
        folder = Path(self._tasks[token].request.folder)
        return sum(path.lstat().st_size for path in folder.rglob("*"))

    def kept(self, token: str) -> Iterator[Parcel]:
        """Yield the file that says how far a job has come."""
        folder = Path(self._tasks[token].request.folder)
        for parcel in pack(folder, leave={one.name for one in folder.iterdir()} - {KEPT}):
            yield [piece for piece in parcel if piece[0] == KEPT]

    def forget(self, token: str, *, keep: bool = False) -> None:
        """Let go of a job that has ended. keep: its folder stays for the jobs that need it, where it is one that they may."""
        task = self._tasks.pop(token)
        if keep and task.needed:
            self._held[task.home] = Path(task.request.folder)
        else:
            shutil.rmtree(task.request.folder, ignore_errors=True)

    # -- jobs

    def submit(self, token: str, request: Request) -> None:
        """Run a job as soon as there is a place for it here; all that it reads is here. Its paths are the store's."""
        folder = self._folder(token)
        needs = {need: self._held[where] for need, where in request.needs.items()}
        self._tasks[token] = _Task(relocate(request, folder, needs), request.folder)
        self._waiting[token] = None

    def kill(self, token: str, reason: str) -> None:
        """Kill a job, whether it runs or waits; it ends as a timeout with that reason."""
        if token in self._waiting:
            del self._waiting[token]
            fingerprint = self._tasks[token].request.job.fingerprint
            self._end(token, Outcome(fingerprint=fingerprint, status=TIMEOUT, reason=reason))
        else:
            self._engine.kill(token, reason)

    def wait(self, timeout: float | None) -> list[News]:
        """Return what there is to say; block until there is something, or for `timeout` seconds at most.

        It comes back sooner where jobs run or wait, with nothing to say perhaps.
        """
        reports = self._start_waiting()
        begun = {token: work.began for token, work in self._running.items()}
        beat = _RETRY_SECONDS if self._waiting else _LOOK_SECONDS
        if self._running or self._waiting:
            timeout = beat if timeout is None else min(timeout, beat)
        if reports or self._ended:
            timeout = 0.0
        for ended in self._engine.wait(timeout):
            self._running.pop(ended.token)
            self._end(ended.token, ended.outcome)
        if self._ended:
            reports += self._start_waiting()
        for token, work in self._running.items():
            if work.began is not None and begun.get(token) is None:
                reports.append(News(token, STARTED))
        reports += self._look()
        reports, self._ended = reports + self._ended, []
        return reports

    def close(self) -> None:
        """Kill all that still runs, and leave nothing behind."""
        try:
            self._engine.close()
        finally:
            self._own.remove()

    def _folder(self, token: str) -> Path:
        folder = self._root / "jobs" / _name(token)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _start_waiting(self) -> list[News]:
        """Start what has a place; say what of others the rest waits for."""
        reports = []
        for token in list(self._waiting):
            task = self._tasks[token]
            place = self._engine.reserve(task.request.job)
            if isinstance(place, Busy):
                if place.waits_for and place.waits_for != task.waits:
                    task.waits = place.waits_for
                    reports.append(News(token, WAITS, task.waits))
                continue
            del self._waiting[token]
            self._running[token] = work = Work(token, task.request, place)
            self._engine.submit(work)
        return reports

    def _look(self) -> list[News]:
        """Say what running jobs have printed and kept since last time."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        reports = []
        for token in self._running:
            task = self._tasks[token]
            folder = Path(task.request.folder)
            if text := _read_on(folder / "log.txt", task.printed):
                task.printed += len(text)
                reports.append(News(token, PRINTED, text.decode("utf-8", "replace")))
            with contextlib.suppress(OSError):
                kept = (folder / KEPT).stat().st_mtime
                if kept != task.kept and task.request.keep:
                    task.kept = kept
                    reports.append(News(token, KEPT_MORE))
        return reports

    def _end(self, token: str, outcome: Outcome) -> None:
        task = self._tasks[token]
        is_measure = task.request.job.sort == "measure"
        task.needed = outcome.is_ok and not is_measure and not task.request.trying
        self._ended.append(News(token, ENDED, outcome_to_text(outcome)))


def _name(text: str) -> str:
    """Return a name of a folder for a path or a token; no two have one."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _read_on(path: Path, offset: int) -> bytes:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(offset)
        return file.read(_PRINTED_BYTES)
    return b""
