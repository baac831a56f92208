"""Machines that jobs run on: what each has, and on which kind of them figures are timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.machine.devices import Gpu, cpu_count, cpu_model, gpus, total_memory


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine, or as much of it as jobs may use.

    name: by which an engine knows it, for people too; "" is the one that the run itself is on, where there is no
    other. cpu: the model. cores: how many may be used. memory_bytes: the same. cpu_slots: how many jobs that share
    its CPU run at once.
    """

    name: str = ""
    cpu: str
    cores: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    cpu_slots: int = 1

    @property
    def places(self) -> dict[str, int]:
        """How many jobs that share a device run at once, by device."""
        return {"cpu": self.cpu_slots, "cuda": len(self.gpus)}

    def hardware(self, device: str) -> dict[str, Any]:
        """Return what a timed or weighed figure on `device` ("cpu", "cuda", "cuda:1") depends on.

        A CPU: model and usable cores. A GPU: name and driver; a GPU that is not found is named by the
        device alone. Two machines of which this is the same are of one kind.
        """
        kind, _, number = device.partition(":")
        if kind == "cuda":
            index = int(number) if number.isdigit() else 0
            for gpu in self.gpus:
                if gpu.index == index:
                    return {"gpu": gpu.name, "driver": gpu.driver}
            return {"gpu": "unknown", "driver": "unknown"}
        return {"cpu": self.cpu, "cores": self.cores}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "gpus": [dict(vars(gpu)) for gpu in self.gpus]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Machine:
        """Read what `to_json` returned."""
        return cls(**{**values, "gpus": tuple(Gpu(**gpu) for gpu in values["gpus"])})


def this_machine(name: str = "", cpu_slots: int | None = None, threads: int = 1) -> Machine:
    """Return the machine that this process is on. cpu_slots: None is one for each `threads` cores."""
    cores = cpu_count()
    return Machine(
        name=name,
        cpu=cpu_model(),
        cores=cores,
        memory_bytes=total_memory(),
        gpus=gpus(),
        cpu_slots=cpu_slots or max(1, cores // threads),
    )


def places_of(machines: Sequence[Machine]) -> dict[str, int]:
    """Return how many jobs that share a device run at once on all machines together, by device."""
    return {device: sum(one.places[device] for one in machines) for device in ("cpu", "cuda")}


def timed_kind(machines: Sequence[Machine], device: str) -> Machine:
    """Return a machine of the kind on which figures of `device` are timed: that which most of them are.

    Where as many are of another kind it is the first. Those without a place on the device do not count, as long as
    there is one that has.
    """
    able = [one for one in machines if one.places[device.partition(":")[0]]] or machines
    kinds = [one.hardware(device) for one in able]
    return max(able, key=lambda one: kinds.count(one.hardware(device)))
