"""The folder that nodes and the run share: pools of jobs, which Slurm tasks take one after the other.

    FOLDER/STORE/jobs/JOB/     request.json, limits.json; later started, log.txt, files/, outcome.json, and last handed
    FOLDER/STORE/pools/POOL/   pool.json: what a task is started with; queue/NUMBER-JOB and taken/NUMBER-JOB@TASK, empty
                               files that say where a job is; out/: what tasks print

A job is taken by renaming its file, so that one task has it. JOB is a digest of all that a job is asked: a run that
comes back finds what another one has left here, whether it waits, runs or is done. Everything is JSON or text.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.api.nodes import KEPT, outcome_from_text, outcome_to_text, pack, unpack
from harness.api.running import Outcome, Request


def digest(text: str) -> str:
    """Return a short name for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all, and durably."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read(path: Path) -> str | None:
    """Return the text of a file; None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


@dataclass(frozen=True)
class Limits:
    """Seconds of a job: after `limit` it is killed; a Slurm task that takes it has `allowed` for it at least."""

    limit: float
    allowed: float


@dataclass(frozen=True)
class QueuedJob:
    """A job in the shared folder."""

    folder: Path

    @classmethod
    def of(cls, base: Path, request: Request) -> QueuedJob:
        """Return the entry of a request, which may not be there yet."""
        asked = replace(request, folder="", keep="", keep_every=0.0)
        return cls(base / "jobs" / digest(asked.to_text()))

    @property
    def name(self) -> str:
        """What files of pools call it."""
        return self.folder.name

    def make(self, request: Request, pool: Pool, limits: Limits) -> None:
        """Write down a job, with how far another attempt has come; what was here of one half written goes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "kept").mkdir(parents=True)
        if request.keep and os.path.exists(request.keep):
            shutil.copyfile(request.keep, self.folder / "kept" / KEPT)
        self.set_limits(limits)
        write(self.folder / "request.json", request.to_text())
        write(self.folder / "pool", pool.folder.name)

    def request(self) -> tuple[Request, str]:
        """Return the request, and its text."""
        text = (self.folder / "request.json").read_text(encoding="utf-8")
        return Request.from_text(text), text

    def limits(self) -> Limits:
        """Return the limits."""
        return Limits(**json.loads((self.folder / "limits.json").read_text(encoding="utf-8")))

    def set_limits(self, limits: Limits) -> None:
        """Write the limits."""
        values = {key: value for key, value in asdict(limits).items()}
        write(self.folder / "limits.json", json.dumps(values))

    def say(self, what: str, text: str = "") -> None:
        """Leave word."""
        write(self.folder / what, text)

    def said(self, what: str) -> str | None:
        """Return a word that was left; None for none."""
        return read(self.folder / what)

    def unsay(self, *what: str) -> None:
        """Take words back."""
        for one in what:
            (self.folder / one).unlink(missing_ok=True)

    def losses(self) -> int:
        """Return how often its task was lost."""
        return len((read(self.folder / "lost") or "").splitlines())

    def outcome(self) -> Outcome | None:
        """Return how it ended; None before."""
        text = read(self.folder / "outcome.json")
        return None if text is None else outcome_from_text(text)

    def end(self, outcome: Outcome) -> None:
        """Write how it ended, where no process of its own has."""
        write(self.folder / "outcome.json", outcome_to_text(outcome))

    def bring(self, folder: Path) -> None:
        """Bring what the job left into the store's folder; of one that was lost, what it had printed and kept."""
        if (self.folder / "files").is_dir():
            for parcel in pack(self.folder / "files"):
                unpack(parcel, folder)
            return
        for path in (self.folder / "log.txt", self.folder / "kept" / KEPT):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)

    def hand(self, folder: Path) -> None:
        """Note in which folder of the store the run has what the job left; it removes the request there to record it."""
        (folder / "request.json").write_text((self.said("request.json") or ""), encoding="utf-8")
        self.say("handed", str(folder))

    def is_recorded(self) -> bool:
        """Whether a run has taken what the job left into the store; one that was killed then has not removed the job here."""
        folder = self.said("handed")
        return (
            folder is not None
            and os.path.isdir(folder)
            and not os.path.exists(os.path.join(folder, "request.json"))
        )

    def remove(self) -> None:
        """Forget the job: at once, so that who is killed meanwhile leaves no half of it."""
        gone = _gone(self.folder.parents[1]) / uuid.uuid4().hex
        gone.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another run was first
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def tidy(base: Path) -> None:
    """Remove what runs that were killed have left of jobs which are in the store."""
    for name in _names(base / "jobs"):
        if (entry := QueuedJob(base / "jobs" / name)).is_recorded():
            entry.remove()
    shutil.rmtree(_gone(base), ignore_errors=True)


def _gone(base: Path) -> Path:
    return base / "gone"


@dataclass(frozen=True)
class Pool:
    """Jobs that the same Slurm tasks may do."""

    folder: Path

    @classmethod
    def make(cls, base: Path, setting: Mapping[str, Any]) -> Pool:
        """Return the pool for a setting, made where it is not there."""
        text = json.dumps(setting, sort_keys=True)
        pool = cls(base / "pools" / digest(text))
        for name in ("queue", "taken", "out"):
            (pool.folder / name).mkdir(parents=True, exist_ok=True)
        if not (pool.folder / "pool.json").exists():
            write(pool.folder / "pool.json", text)
        return pool

    @property
    def job_name(self) -> str:
        """What Slurm calls its tasks."""
        return f"harness-{self.folder.parents[1].name[:8]}-{self.folder.name}"

    def setting(self) -> dict[str, Any]:
        """Return what its tasks are started with."""
        values: dict[str, Any] = json.loads((self.folder / "pool.json").read_text("utf-8"))
        return values

    def entry(self, name: str) -> QueuedJob:
        """Return a job by its name."""
        return QueuedJob(self.folder.parents[1] / "jobs" / name)

    def put(self, number: int, entry: QueuedJob) -> None:
        """Put a job into the queue."""
        (self.folder / "closed").unlink(missing_ok=True)
        write(self.folder / "queue" / f"{number:08d}-{entry.name}", "")

    def queued(self) -> list[str]:
        """Return the files of the queue, first come first."""
        return sorted(one for one in _names(self.folder / "queue") if one.count(".") == 0)

    def queued_entries(self) -> list[str]:
        """Return the jobs of the queue by their names, first come first."""
        return [one.partition("-")[2] for one in self.queued()]

    def refuse(self, words: str) -> None:
        """Say why a node does no jobs of this pool."""
        write(self.folder / "refused", words)

    def refusal(self) -> str:
        """Return what a node has said of that, once; "" for nothing."""
        words = read(self.folder / "refused") or ""
        (self.folder / "refused").unlink(missing_ok=True)
        return words

    def has(self, entry: QueuedJob) -> bool:
        """Whether a job is in the queue, or a task has it."""
        return entry.name in self.taken() or entry.name in self.queued_entries()

    def printed(self, task: str, lines: int = 20) -> str:
        """Return the last lines of what a task printed, its jobs apart."""
        return "\n".join((read(self.folder / "out" / f"{task}.txt") or "").splitlines()[-lines:])

    def taken(self) -> dict[str, str]:
        """Return {job: "NUMBER-JOB@TASK"} of those that tasks have."""
        return {
            one.partition("@")[0].partition("-")[2]: one for one in _names(self.folder / "taken")
        }

    def busy(self) -> set[str]:
        """Return the tasks that have a job which has not ended."""
        taken = self.taken().items()
        return {
            file.partition("@")[2]
            for name, file in taken
            if (entry := self.entry(name)).folder.exists() and entry.said("outcome.json") is None
        }

    def close(self) -> None:
        """Have tasks end that have no job; the next job that comes opens the pool again."""
        (self.folder / "closed").touch()

    @property
    def is_closed(self) -> bool:
        """Whether tasks without a job are to end."""
        return (self.folder / "closed").exists() or not self.folder.exists()

    def take(self, queued: str, task: str) -> str | None:
        """Take a job out of the queue; None where another task was first."""
        name = f"{queued}@{task}"
        try:
            (self.folder / "queue" / queued).rename(self.folder / "taken" / name)
        except FileNotFoundError:
            return None
        return name

    def withdraw(self, entry: QueuedJob) -> bool:
        """Take a job out of the queue for good; say whether it was there still."""
        for queued in self.queued():
            if queued.partition("-")[2] == entry.name:
                with contextlib.suppress(FileNotFoundError):  # a task was first
                    (self.folder / "queue" / queued).unlink()
                    return True
        return False

    def give_back(self, taken: str) -> None:
        """Put a job back whose task is gone."""
        with contextlib.suppress(FileNotFoundError):
            queued = taken.partition("@")[0]
            (self.folder / "taken" / taken).rename(self.folder / "queue" / queued)

    def drop(self, taken: str) -> None:
        """Forget that a task has a job."""
        (self.folder / "taken" / taken).unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
