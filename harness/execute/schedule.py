"""Which job may start next, and where: needs, slots and locks. No processes here."""

from __future__ import annotations

import fcntl
import getpass
import heapq
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.execute.engines import Slot
from harness.measure.devices import cpu_count, gpus
from harness.plan.jobs import Job

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
    blocked. Exclusive steps wait until no shared one of their device can start or runs.
    """

    def __init__(self, jobs: Sequence[Job], finished: Iterable[str]) -> None:
        """Take the jobs of a plan, and the fingerprints of those that need not run."""
        done = set(finished)
        self._steps: dict[str, Step] = {}
        self._unmet: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {}
        self._ready: dict[tuple[str, bool], list[tuple[int, int, str]]] = {}
        self._position: dict[str, int] = {}
        self._left: set[str] = set()
        tries: dict[tuple[object, ...], str] = {}
        for job in jobs:
            if job.fingerprint in done or job.skip:
                continue
            needs = [need for need in job.needs if need not in done]
            if job.sort == "fit":
                axes = {k: v for k, v in job.axes.items() if k not in ("seed", "measure")}
                group = tuple(sorted(axes.items()))
                if group not in tries:
                    tries[group] = f"try {job.fingerprint}"
                    data = [n for n in needs if n in self._steps and self._is_prepare(n)]
                    self._add(Step(tries[group], job, trying=True), data)
                needs.append(tries[group])
            self._add(Step(job.fingerprint, job), needs)
        for key, count in self._unmet.items():
            if not count:
                self._make_ready(key)

    def __len__(self) -> int:
        """Return how many steps have not ended."""
        return len(self._left)

    def _is_prepare(self, key: str) -> bool:
        return self._steps[key].job.sort == "prepare"

    def _add(self, step: Step, needs: Sequence[str]) -> None:
        self._steps[step.key] = step
        self._position[step.key] = len(self._position)
        self._unmet[step.key] = len(needs)
        self._left.add(step.key)
        for need in needs:
            self._dependents.setdefault(need, []).append(step.key)

    def _make_ready(self, key: str) -> None:
        step = self._steps[key]
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
        self._left.discard(step.key)
        for dependent in self._dependents.get(step.key, ()):
            self._unmet[dependent] -= 1
            if not self._unmet[dependent]:
                self._make_ready(dependent)

    def fail(self, step: Step) -> list[Step]:
        """Record that a step has not ended ok; return all that are blocked by it, in order."""
        self._left.discard(step.key)
        blocked: list[Step] = []
        waiting = list(self._dependents.get(step.key, ()))
        while waiting:
            key = waiting.pop(0)
            if key in self._left:
                self._left.discard(key)
                blocked.append(self._steps[key])
                waiting += self._dependents.get(key, ())
        return blocked


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
        self._exclusive_cpu = False

    def idle(self, device: str) -> bool:
        """Whether no job runs on a device."""
        return len(self._free[device]) == self.total[device] and not self._exclusive_cpu

    def free(self, device: str) -> bool:
        """Whether a shared job could start on a device."""
        return bool(self._free[device]) and not (device == "cpu" and self._exclusive_cpu)

    def take(self, device: str, exclusive: bool) -> Slot:
        """Take a slot; an exclusive job on the CPU takes all of it, with all cores."""
        if exclusive and device == "cpu":
            self._exclusive_cpu = True
            return Slot(name="cpu alone", cpus=self.cores)
        return self._free[device].pop(0)

    def give_back(self, slot: Slot) -> None:
        """Make a slot free again."""
        if slot.name == "cpu alone":
            self._exclusive_cpu = False
        else:
            self._free["cpu" if slot.gpu is None else "cuda"].append(slot)
            self._free["cpu" if slot.gpu is None else "cuda"].sort(key=lambda s: s.name)


class DeviceLocks:
    """Machine-wide locks, one a device, held across stores and runs.

    Shared jobs of all runs hold a device's lock together; a job that times or weighs holds it alone.
    """

    def __init__(self) -> None:
        """Make the folder of the locks; they belong to this user."""
        self._folder = Path(tempfile.gettempdir()) / f"model-harness-{getpass.getuser()}"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._files: dict[str, int] = {}
        self._users: dict[str, int] = {}

    def acquire(self, device: str, exclusive: bool) -> bool:
        """Take a device's lock; False while another run holds it in a way that excludes this."""
        if not exclusive and self._users.get(device):
            self._users[device] += 1
            return True
        if device not in self._files:
            path = self._folder / f"{device}.lock"
            self._files[device] = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(self._files[device], kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._users[device] = self._users.get(device, 0) + 1
        return True

    def release(self, device: str) -> None:
        """Give one use of a device's lock back."""
        self._users[device] -= 1
        if not self._users[device]:
            fcntl.flock(self._files[device], fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up all locks."""
        for handle in self._files.values():
            os.close(handle)
        self._files.clear()
