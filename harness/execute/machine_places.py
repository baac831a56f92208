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

    device: "cpu" or "cuda". number: of the CPU slot or of the GPU. alone: it takes all of the machine's CPU.
    """

    device: str
    number: int
    alone: bool = False


class MachinePlaces:
    """The free places of machines.

    A job that shares the CPU takes a slot of it, one on CUDA a GPU, an exclusive one on the CPU all of its machine's
    slots. Only this run's own jobs are counted; what others do on a machine is the business of that machine's locks.
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
        number, alone = min(free), job.exclusive and job.device == "cpu"
        if alone:
            free.clear()
        else:
            free.remove(number)
        what = "alone" if alone else f"{'gpu' if job.device == 'cuda' else 'cpu'}{number}"
        return MachinePlace(
            name=f"{best.name} {what}",
            machine=best.name,
            device=job.device,
            number=number,
            alone=alone,
        )

    def give_back(self, place: MachinePlace) -> None:
        """Make a place free again; of a machine that is gone there is nothing to free."""
        machine = self._machines.get(place.machine)
        if machine is not None:
            free = self._free[place.machine, place.device]
            free.update(range(machine.places[place.device]) if place.alone else (place.number,))

    def _has_room(self, machine: Machine, job: Job) -> bool:
        free = len(self._free[machine.name, job.device])
        alone = job.exclusive and job.device == "cpu"
        return free == machine.places["cpu"] > 0 if alone else free > 0
