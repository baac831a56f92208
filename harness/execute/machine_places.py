"""Which places are free on the machines of an engine: pure counting, for engines that have several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
            self._free[machine.name, device] = set(range(count))

    def remove(self, name: str) -> None:
        """Forget a machine, and the places that are taken on it."""
        for device in self._machines.pop(name).places:
            del self._free[name, device]

    def reserve(
        self,
        job: Job,
        machines: Sequence[str] = (),
        rank: Callable[[Machine], int] = lambda machine: 0,
    ) -> MachinePlace | Busy:
        """Take a place for a job: where `rank` is highest, and of those where most places are free."""
        able = [
            one
            for one in self._machines.values()
            if (not machines or one.name in machines) and self._has_room(one, job)
        ]
        if not able:
            return Busy()
        best = max(able, key=lambda one: (rank(one), len(self._free[one.name, job.device])))
        free = self._free[best.name, job.device]
        numbers = tuple(sorted(free)[: self._count(best, job)])
        free.difference_update(numbers)
        kind = "gpu" if job.device == "cuda" else "cpu"
        what = "alone" if _is_alone(job) else "+".join(f"{kind}{number}" for number in numbers)
        return MachinePlace(
            name=f"{best.name} {what}", machine=best.name, device=job.device, numbers=numbers
        )

    def give_back(self, place: MachinePlace) -> None:
        """Make a place free again; of a machine that is gone there is nothing to free."""
        if place.machine in self._machines:
            self._free[place.machine, place.device].update(place.numbers)

    def _has_room(self, machine: Machine, job: Job) -> bool:
        return len(self._free[machine.name, job.device]) >= self._count(machine, job) > 0

    @staticmethod
    def _count(machine: Machine, job: Job) -> int:
        """Return how many places of its device a job takes on a machine."""
        return machine.places["cpu"] if _is_alone(job) else job.devices


def _is_alone(job: Job) -> bool:
    return job.exclusive and job.device == "cpu"
