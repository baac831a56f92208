"""The places of this machine where jobs run: CPU cores, and GPUs, one job each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.execute.engines import Place
from harness.machine.devices import cpu_count, gpus

_ALONE = "cpu alone"  # the place of an exclusive CPU job


@dataclass(frozen=True, kw_only=True)
class LocalPlace(Place):
    """A place of this machine: which CPUs a job is pinned to, and the GPU that it is given (None: none).

    gpu: as CUDA_VISIBLE_DEVICES names it. uuid: the GPU's own, by which every run knows it. parts: the places that it is
        made of, where a job takes several at once.
    """

    cpus: tuple[int, ...] = ()
    gpu: str | None = None
    uuid: str = ""
    parts: tuple[LocalPlace, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """What is locked for a job here, once for each."""
        return tuple(part.device for part in self.parts) or (self.device,)

    @property
    def device(self) -> str:
        """What is locked for a job here: "cpu", or one of the GPUs."""
        return "cpu" if self.gpu is None else f"gpu-{self.uuid or self.gpu}"


class LocalPlaces:
    """Which places are free."""

    def __init__(self, cpu_slots: int | None, threads: int) -> None:
        """Take how many jobs share the CPU (None: one for each `threads` cores) and the cores of each.

        cores: those that this process may use. shared: those of them that jobs have which share the CPU.
        """
        cores = sorted(os.sched_getaffinity(0))[: cpu_count()]
        self.cores = tuple(cores)
        count = cpu_slots or max(1, len(cores) // threads)
        self._free: dict[str, list[LocalPlace]] = {"cpu": [], "cuda": []}
        for index in range(count):
            pinned = tuple(cores[(index * threads + k) % len(cores)] for k in range(threads))
            self._free["cpu"].append(
                LocalPlace(name=f"cpu{index}", cpus=tuple(sorted(set(pinned))))
            )
        visible = [v for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v]
        for gpu in gpus():
            identity = visible[gpu.index] if visible else str(gpu.index)
            self._free["cuda"].append(
                LocalPlace(name=f"gpu{gpu.index}", gpu=identity.strip(), uuid=gpu.uuid)
            )
        self.shared = tuple(sorted({cpu for place in self._free["cpu"] for cpu in place.cpus}))
        self.total: Mapping[str, int] = {device: len(found) for device, found in self._free.items()}
        self._order = {place: i for i, place in enumerate(self._free["cpu"] + self._free["cuda"])}
        self._alone = False

    def free(self, device: str, exclusive: bool = False, count: int = 1) -> list[LocalPlace]:
        """Return the places where a job could start; an exclusive one takes all of the CPU.

        count: how many places of the device it takes.
        """
        if device == "cpu" and self._alone:
            return []
        if device == "cpu" and exclusive:
            idle = len(self._free["cpu"]) == self.total["cpu"]
            return [LocalPlace(name=_ALONE, cpus=self.cores)] if idle else []
        free = self._free[device]
        if count == 1:
            return list(free)
        return [_joined(free[:count])] if len(free) >= count else []

    def take(self, place: LocalPlace) -> None:
        """Take a place that is free."""
        if place.name == _ALONE:
            self._alone = True
        else:
            for part in place.parts or (place,):
                self._free[_kind(part)].remove(part)

    def give_back(self, place: LocalPlace) -> None:
        """Make a place free again."""
        if place.name == _ALONE:
            self._alone = False
        else:
            free = self._free[_kind(place)]
            free.extend(place.parts or (place,))
            free.sort(key=self._order.__getitem__)


def _joined(parts: Sequence[LocalPlace]) -> LocalPlace:
    """Return the place that several make."""
    gpus = [part.gpu for part in parts if part.gpu is not None]
    return LocalPlace(
        name="+".join(part.name for part in parts),
        cpus=tuple(sorted({cpu for part in parts for cpu in part.cpus})),
        gpu=",".join(gpus) if gpus else None,
        parts=tuple(parts),
    )


def _kind(place: LocalPlace) -> str:
    return "cpu" if place.gpu is None else "cuda"
