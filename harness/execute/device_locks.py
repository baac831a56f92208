"""Machine-wide locks, one a device, held across stores and runs; and who holds them, in words."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalogue.counts import counted, list_some
from harness.errors import UsageError
from harness.machine.processes import is_stopped

_PATIENCE_SECONDS = 20.0  # that shared jobs let exclusive ones of other runs go first
_NAMED = 3  # runs that a sentence names


@dataclass(frozen=True)
class Holder:
    """A run that has to do with a device: it has jobs on it, or is the next to have it.

    jobs: labels of those on the device. alone: whether its job there runs alone. waiting: label of the
    job that is next; "" for none.
    """

    process: int
    run: str
    store: str
    jobs: tuple[str, ...] = ()
    alone: bool = False
    waiting: str = ""

    def __str__(self) -> str:
        if self.jobs:
            what, how = list_some(self.jobs, most=1), ", which runs alone" if self.alone else ""
        else:
            what, how = self.waiting, ", which is the next to run"
        where = f", store {self.store}" if self.store else ""
        whose = f"{self.run or 'a run'} (process {self.process}{where})"
        stopped = f"; it is stopped: kill -CONT {self.process}" if is_stopped(self.process) else ""
        return f"{what} of {whose}{how}{stopped}"


class DeviceLocks:
    """The locks of a run.

    Shared jobs of all runs hold a device's lock together; a job that times or weighs holds it alone.
    Who is to have a device next holds its *turn*, a second lock: as long as one does, nobody else starts
    there. A job that must be alone takes the turn at once, so that shared jobs of other runs do not go on
    for ever before it; shared jobs take it after some seconds, so that nor do exclusive ones.

    Locks vanish with the process that holds them, however it ends.
    """

    def __init__(self, run: str = "", store: str = "") -> None:
        """Make the folder of the locks; they belong to this user. run, store: whose they are, for others.

        Raises:
            UsageError: It cannot be made or used.
        """
        self._folder = Path(tempfile.gettempdir()) / f"model-harness-{os.getuid()}"
        self._who = {"process": os.getpid(), "run": run, "store": store}
        self._files: dict[str, int] = {}
        self._jobs: dict[str, list[str]] = {}  # by device: the labels of this run's jobs on it
        self._alone: set[str] = set()
        self._turns: dict[str, str] = {}  # by device: the label of the job that is next
        self._since: dict[
            str, float
        ] = {}  # by device: when a job of this run could first not start
        self._refused: set[str] = set()  # devices, since `withdraw`
        with self._explained():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.stat().st_uid != os.getuid():
                raise PermissionError(1, "it belongs to another user")
            self._note = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.run"
            part = self._note.with_suffix(
                ".part"
            )  # others take a note that is not locked for a dead one's
            self._files["note"] = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._files["note"], fcntl.LOCK_EX)
            self._write_note()
            part.rename(self._note)

    def acquire(self, device: str, exclusive: bool, label: str = "") -> bool:
        """Take a device's lock for a job; False while it is not to be had, or somebody else is next."""
        jobs = self._jobs.setdefault(device, [])
        if device in self._alone or (exclusive and jobs):
            return False
        with self._explained():
            if not self._may_pass(device) or not (jobs or self._lock(f"{device}.lock", exclusive)):
                self._refuse(device, exclusive, label)
                return False
            jobs.append(label)
            if exclusive:
                self._alone.add(device)
            self._since.pop(device, None)
            self._give_turn_up(device)
            self._write_note()
        return True

    def release(self, device: str, label: str = "") -> None:
        """Give one use of a device's lock back."""
        self._jobs[device].remove(label)
        if not self._jobs[device]:
            self._alone.discard(device)
            fcntl.flock(self._files[f"{device}.lock"], fcntl.LOCK_UN)
        self._write_note()

    def withdraw(self) -> None:
        """Give up the turns that no job has asked for since this was called last."""
        for device in [one for one in self._since if one not in self._refused]:
            del self._since[device]
            self._give_turn_up(device)
        self._refused.clear()

    def words(self, device: str) -> str:
        """Return who else has jobs on a device, or is the next to have it, in words."""
        found = [str(holder) for holder in self.holders(device)]
        more = [counted(len(found) - _NAMED, "more run")] if len(found) > _NAMED else []
        return "; ".join(found[:_NAMED] + more) or f"another run on {device}"

    def holders(self, device: str) -> list[Holder]:
        """Return who else has jobs on a device, or is the next to have it."""
        found = []
        for path in self._folder.glob("*.run"):
            note = self._read_note(path)
            if note is None:
                continue
            jobs, waiting = tuple(note["jobs"].get(device, ())), note["turns"].get(device, "")
            if jobs or waiting:
                whose = note["process"], note["run"], note["store"]
                found.append(Holder(*whose, jobs, device in note["alone"], waiting))
        return sorted(found, key=lambda holder: (not holder.jobs, holder.process))

    def close(self) -> None:
        """Give up all locks."""
        with contextlib.suppress(OSError):
            self._note.unlink()
        for handle in self._files.values():
            os.close(handle)
        for known in (self._files, self._jobs, self._alone, self._turns, self._since):
            known.clear()

    def _may_pass(self, device: str) -> bool:
        """Whether nobody else is the next to have a device."""
        turn = f"{device}.turn"
        if device in self._turns:
            return True
        if not self._lock(turn, exclusive=False):
            return False
        fcntl.flock(self._files[turn], fcntl.LOCK_UN)
        return True

    def _refuse(self, device: str, exclusive: bool, label: str) -> None:
        """Remember that a job could not start; be the next, where it is time for that."""
        self._refused.add(device)
        waited = time.monotonic() - self._since.setdefault(device, time.monotonic())
        if device in self._turns or not (exclusive or waited >= _PATIENCE_SECONDS):
            return
        if self._lock(f"{device}.turn", exclusive=True):
            self._turns[device] = label
            self._write_note()

    def _give_turn_up(self, device: str) -> None:
        if self._turns.pop(device, None) is not None:
            fcntl.flock(self._files[f"{device}.turn"], fcntl.LOCK_UN)

    def _lock(self, name: str, exclusive: bool) -> bool:
        self._open(name)
        try:
            kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(self._files[name], kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _open(self, name: str) -> None:
        if name not in self._files:
            self._files[name] = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)

    def _write_note(self) -> None:
        """Say in this run's own file, which it holds locked, what it has and waits for."""
        handle = self._files["note"]
        has = {"jobs": self._jobs, "alone": list(self._alone), "turns": self._turns}
        text = json.dumps(self._who | has).encode()
        os.pwrite(handle, text, 0)
        os.ftruncate(handle, len(text))

    def _read_note(self, path: Path) -> dict[str, Any] | None:
        """Return what another run says of itself; None where it has ended, or is writing just now."""
        if path == self._note:
            return None
        with contextlib.suppress(OSError, ValueError), open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found: dict[str, Any] = json.loads(file.read())
                return found
            path.unlink()  # its process was killed
        return None

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"the locks of this machine's devices in {str(self._folder)!r} cannot be used: "
                f"{error.strerror}; mend that folder, or name another place by TMPDIR"
            ) from error
