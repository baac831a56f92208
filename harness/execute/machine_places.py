"""Which places are free on the machines of an engine: pure counting, for engines that have several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.execute.engines import Busy, Place
from harness.machine.machines import Machine
from harness.plan.jobs import Job


@dataclass(frozen=True, kw_only=True)
class MachinePlace(Place):
    """A place on one of several machines.

    device: "cpu" or "cuda". numbers: of the CPU slots or GPUs that it takes: all slots, where a job is alone.
    """

    device: str
    numbers: tuple[int, ...]


class MachinePlaces:
    """The free places of machines.

    A job that shares the CPU takes a slot of it, one on CUDA a GPU, one on several devices as many of one machine, and
    an exclusive one on the CPU all of its machine's slots. Only this run's own jobs are counted; what others do on a machine is the business of that machine's locks.
    """

    def __init__(self, machines: Sequence[Machine] = ()) -> None:
        """Take the machines that there are."""
        self._machines: dict[str, Machine] = {}
        self._free: dict[tuple[str, str], set[int]] = {}  # numbers by machine and device
        self._by_count: dict[
            str, dict[int, dict[str, None]]
        ] = {}  # names by device and free places
        for machine in machines:
            self.add(machine)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines, in the order in which they came."""
        return tuple(self._machines.values())

    def add(self, machine: Machine) -> None:
        """Take a machine in; all of it is free."""
        self._machines[machine.name] = machine
        for device, count in machine.places.items():
            self._free[machine.name, device] = set()
            self._change(machine.name, device, add=range(count))

    def remove(self, name: str) -> None:
        """Forget a machine, and the places that are taken on it."""
        for device in self._machines.pop(name).places:
            count = len(self._free.pop((name, device)))
            self._by_count[device].get(count, {}).pop(name, None)

    def reserve(self, job: Job, machines: Sequence[str] = ()) -> MachinePlace | Busy:
        """Take a place for a job, where most are free. machines: names of those that it may be on; () is any."""
        name = self._find(job, machines)
        if name is None:
            return Busy()
        numbers = sorted(self._free[name, job.device])[: self._count(name, job)]
        self._change(name, job.device, take=numbers)
        kind = "gpu" if job.device == "cuda" else "cpu"
        what = "alone" if job.takes_machine else "+".join(f"{kind}{number}" for number in numbers)
        return MachinePlace(
            name=f"{name} {what}", machine=name, device=job.device, numbers=tuple(numbers)
        )

    def give_back(self, place: MachinePlace) -> None:
        """Make a place free again; of a machine that is gone there is nothing to free."""
        if place.machine in self._machines:
            self._change(place.machine, place.device, add=place.numbers)

    def _find(self, job: Job, machines: Sequence[str]) -> str | None:
        """Return the machine with the most free places of those with enough; of a thousand it looks at few."""
        by_count = self._by_count.get(job.device, {})
        if not machines and not job.takes_machine:
            counts = (count for count, names in by_count.items() if names and count >= job.devices)
            most = max(counts, default=0)
            return next(iter(by_count[most])) if most else None
        able = [
            name
            for name in machines or self._machines
            if name in self._machines
            and len(self._free[name, job.device]) >= self._count(name, job) > 0
        ]
        return max(able, key=lambda name: len(self._free[name, job.device]), default=None)

    def _change(
        self, name: str, device: str, *, add: Iterable[int] = (), take: Iterable[int] = ()
    ) -> None:
        free, by_count = self._free[name, device], self._by_count.setdefault(device, {})
        by_count.get(len(free), {}).pop(name, None)
        free.update(add)
        free.difference_update(take)
        by_count.setdefault(len(free), {})[name] = None

    def _count(self, name: str, job: Job) -> int:
        """Return how many places of its device a job takes on a machine."""
        return self._machines[name].places["cpu"] if job.takes_machine else job.devices
