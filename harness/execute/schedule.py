"""Which job may start next, and where: needs, slots and locks. No processes here."""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.execute.engines import Slot
from harness.machine.devices import cpu_count, gpus
from harness.plan.jobs import Job

_ALONE = "cpu alone"  # the slot of an exclusive CPU job
_ORDER = {"prepare": 0, "try": 1, "fit": 2, "measure": 3}


@dataclass(frozen=True)
class Step:
    """A job to run, or one batch of it to try first. key tells the two apart."""

    key: str
    job: Job
    trying: bool = False


class Queue:
    """The steps of a plan in the order of their needs; long ones (fits) before short ones.

    A step may start when all that it needs has ended ok; when one has not, all that hang on it are
    blocked. No fit starts before one batch of every trial was tried, so that what cannot work is
    known early. Exclusive steps wait until no shared one of their device can start or runs.
    """

    def __init__(self, jobs: Sequence[Job], finished: Iterable[str]) -> None:
        """Take the jobs of a plan, needs first, and the fingerprints of those that need not run.

        Raises:
            ValueError: A job needs one that is neither finished nor before it.
        """
        done = set(finished)
        self._steps: dict[str, Step] = {}
        self._unmet: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {}
        self._ready: dict[tuple[str, bool], list[tuple[int, int, str]]] = {}
        self._position: dict[str, int] = {}
        self._left: set[str] = set()
        self._untried: set[str] = set()
        self._after_tries: list[str] = []
        tries: dict[tuple[object, ...], str] = {}
        for job in jobs:
            if job.fingerprint in done:
                continue
            needs = [need for need in job.needs if need not in done]
            for need in needs:
                if need not in self._steps:
                    raise ValueError(f"{job.label!r} needs {need}, which is no job before it")
            if job.sort == "fit":
                axes = {k: v for k, v in job.axes.items() if k not in ("seed", "measure")}
                group = tuple(sorted(axes.items()))
                if group not in tries:
                    tries[group] = f"try {job.fingerprint}"
                    self._untried.add(tries[group])
                    data = [need for need in needs if self._steps[need].job.sort == "prepare"]
                    self._add(Step(tries[group], job, trying=True), data)
                needs.append(tries[group])
            self._add(Step(job.fingerprint, job), needs)
        for key, count in self._unmet.items():
            if not count:
                self._make_ready(key)

    def __len__(self) -> int:
        """Return how many steps have not ended."""
        return len(self._left)

    def _add(self, step: Step, needs: Sequence[str]) -> None:
        self._steps[step.key] = step
        self._position[step.key] = len(self._position)
        self._unmet[step.key] = len(needs)
        self._left.add(step.key)
        for need in needs:
            self._dependents.setdefault(need, []).append(step.key)

    def _make_ready(self, key: str) -> None:
        step = self._steps[key]
        if self._untried and step.job.sort == "fit" and not step.trying:
            self._after_tries.append(key)
            return
        order = _ORDER["try" if step.trying else step.job.sort]
        queue = self._ready.setdefault((step.job.device, step.job.exclusive), [])
        heapq.heappush(queue, (order, self._position[key], key))

    def has_ready(self, device: str, exclusive: bool) -> bool:
        """Whether a step of that sort could start now."""
        return bool(self._ready.get((device, exclusive)))

    def take(self, device: str, exclusive: bool) -> Step:
        """Return the next step that is ready, and take it off."""
        return self._steps[heapq.heappop(self._ready[device, exclusive])[2]]

    def put_back(self, step: Step) -> None:
        """Make a step that was taken ready again: somebody else runs it just now."""
        self._make_ready(step.key)

    def succeed(self, step: Step) -> None:
        """Record that a step has ended ok."""
        self._leave(step.key)
        for dependent in self._dependents.get(step.key, ()):
            self._unmet[dependent] -= 1
            if not self._unmet[dependent]:
                self._make_ready(dependent)

    def fail(self, step: Step) -> list[Step]:
        """Record that a step has not ended ok; return all that are blocked by it, needs first."""
        self._leave(step.key)
        blocked: list[Step] = []
        waiting = list(self._dependents.get(step.key, ()))
        while waiting:
            key = waiting.pop()
            if key in self._left:
                self._leave(key)
                blocked.append(self._steps[key])
                waiting += self._dependents.get(key, ())
        return sorted(blocked, key=lambda step: self._position[step.key])

    def _leave(self, key: str) -> None:
        self._left.discard(key)
        self._untried.discard(key)
        if not self._untried and self._after_tries:
            waiting, self._after_tries = self._after_tries, []
            for fit in waiting:
                if fit in self._left:
                    self._make_ready(fit)


class Slots:
    """The slots of this machine: CPU cores, and GPUs, one job each."""

    def __init__(self, cpu_slots: int | None, threads: int) -> None:
        """Take how many CPU slots to use (None: one for `threads` cores) and the cores of each."""
        cores = sorted(os.sched_getaffinity(0))[: cpu_count()]
        self.cores = tuple(cores)
        count = cpu_slots or max(1, len(cores) // threads)
        self._free: dict[str, list[Slot]] = {"cpu": [], "cuda": []}
        for index in range(count):
            pinned = tuple(cores[(index * threads + k) % len(cores)] for k in range(threads))
            self._free["cpu"].append(Slot(name=f"cpu{index}", cpus=tuple(sorted(set(pinned)))))
        visible = [v for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v]
        for gpu in gpus():
            identity = visible[gpu.index] if visible else str(gpu.index)
            self._free["cuda"].append(Slot(name=f"gpu{gpu.index}", gpu=identity.strip()))
        self.total = {device: len(slots) for device, slots in self._free.items()}
        self._order = {slot: i for i, slot in enumerate(self._free["cpu"] + self._free["cuda"])}
        self._alone = False

    def free(self, device: str, exclusive: bool = False) -> list[Slot]:
        """Return the slots that a job could start on; an exclusive one takes all of the CPU."""
        if device == "cpu" and self._alone:
            return []
        if device == "cpu" and exclusive:
            idle = len(self._free["cpu"]) == self.total["cpu"]
            return [Slot(name=_ALONE, cpus=self.cores)] if idle else []
        return list(self._free[device])

    def take(self, slot: Slot) -> None:
        """Take a slot that is free."""
        if slot.name == _ALONE:
            self._alone = True
        else:
            self._free[_device(slot)].remove(slot)

    def give_back(self, slot: Slot) -> None:
        """Make a slot free again."""
        if slot.name == _ALONE:
            self._alone = False
        else:
            free = self._free[_device(slot)]
            free.append(slot)
            free.sort(key=self._order.__getitem__)


def _device(slot: Slot) -> str:
    return "cpu" if slot.gpu is None else "cuda"


class DeviceLocks:
    """Machine-wide locks, one a device, held across stores and runs.

    Shared jobs of all runs hold a device's lock together; a job that times or weighs holds it alone.
    """

    def __init__(self) -> None:
        """Make the folder of the locks; they belong to this user.

        Raises:
            UsageError: It cannot be made or used.
        """
        self._folder = Path(tempfile.gettempdir()) / f"model-harness-{os.getuid()}"
        self._files: dict[str, int] = {}
        self._users: dict[str, int] = {}
        self._alone: set[str] = set()
        with self._explained():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.stat().st_uid != os.getuid():
                raise PermissionError(1, "it belongs to another user")

    def acquire(self, device: str, exclusive: bool) -> bool:
        """Take a device's lock; False while a job holds it in a way that excludes this one."""
        if self._users.get(device):
            if exclusive or device in self._alone:
                return False
            self._users[device] += 1
            return True
        with self._explained():
            if device not in self._files:
                path = self._folder / f"{device}.lock"
                self._files[device] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
                fcntl.flock(self._files[device], kind | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        self._users[device] = 1
        if exclusive:
            self._alone.add(device)
        return True

    def release(self, device: str) -> None:
        """Give one use of a device's lock back."""
        self._users[device] -= 1
        if not self._users[device]:
            self._alone.discard(device)
            fcntl.flock(self._files[device], fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up all locks."""
        for handle in self._files.values():
            os.close(handle)
        self._files.clear()
        self._users.clear()
        self._alone.clear()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"the locks of this machine's devices in {str(self._folder)!r} cannot be used: "
                f"{error.strerror}; mend that folder, or name another place by TMPDIR"
            ) from error
