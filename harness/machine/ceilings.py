"""The most that a machine does: its matrix rate for each precision, and its copy bandwidth.

They are measured once (`harness doctor --measure`, `harness.measure.ceiling_timing`) and kept in the
user's cache folder, a file for each kind of CPU or GPU. Reading them imports no torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalogue.cache import cache_path, write_atomically
from harness.catalogue.counts import counted

FORMAT_VERSION = 2  # of the file, and of how rates are measured; another one is as good as none
MATRIX, COPY = "matrix", "copy"
WIDEST = 0.25  # of a rate, up to which an end of its interval may lie from it
LEAST_OF_FEWER = 0.9  # of the rate of fewer threads, below which more threads were disturbed
ANEW = "measure again while nothing else runs: harness doctor --measure"


def say_rate(value: float, unit: str) -> str:
    """Return a rate for a person, to three digits: "437 GFLOP/s", "1.07 TFLOP/s"."""
    factor, prefix = (1e12, "T") if value >= 9.995e11 else (1e9, "G")
    return f"{value / factor:.3g} {prefix}{unit}"


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """A measured rate.

    kind: "matrix", products of square matrices, or "copy", from one array to another.
    precision: of the product: "fp32", "tf32", "bf16" or "fp16"; "" for a copy.
    threads: of a CPU; None on a GPU.
    value: FLOP/s, 2 n^3 a product, from the median time; for a copy bytes/s, read and written both
        counted. low, high: its 95 % interval; None where too few calls were timed.
    n: timed blocks of calls. size: n of the matrices, or the bytes of an array.
    flag: what makes it doubtful, in words; "" where nothing does.
    """

    kind: str
    precision: str
    threads: int | None
    value: float
    low: float | None
    high: float | None
    n: int
    size: int
    flag: str = ""

    def __post_init__(self) -> None:
        """Refuse what a broken file may hold."""
        if self.kind not in (MATRIX, COPY) or not float(self.value) > 0:
            raise ValueError(
                f"a ceiling of kind {self.kind!r} is {self.value!r}; it must be above 0"
            )

    @property
    def title(self) -> str:
        """What it is of: "fp32, 2 threads"."""
        words = [self.precision or "copy"]
        if self.threads is not None:
            words.append(counted(self.threads, "thread"))
        return ", ".join(words)

    @property
    def unit(self) -> str:
        """The unit of `value`."""
        return "FLOP/s" if self.kind == MATRIX else "B/s"

    @property
    def text(self) -> str:
        """The value for a person, to three digits: "437 GFLOP/s"."""
        return say_rate(self.value, self.unit)


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """What one CPU or one kind of GPU reaches.

    hardware: its name. measured: when, ISO 8601 in UTC. rates: as they were measured; those that `problem` has
    something against are no ceilings.
    """

    hardware: str
    measured: str
    rates: tuple[Ceiling, ...]

    def matrix(self, precision: str, threads: int) -> Ceiling | None:
        """Return the matrix rate; None where it was not measured. A GPU has no threads."""
        return self._find(MATRIX, precision, threads)

    def copy(self, threads: int) -> Ceiling | None:
        """Return the copy bandwidth; None where it was not measured. A GPU has no threads."""
        return self._find(COPY, "", threads)

    def problem(self, rate: Ceiling) -> str:
        """Return why a rate is no ceiling, as something disturbed its measuring; "" where it is one.

        An end of its interval lies over a quarter of it away, or it is below nine tenths of what fewer threads reach.
        """
        ends = [end for end in (rate.low, rate.high) if end is not None]
        if any(abs(end / rate.value - 1) > WIDEST for end in ends):
            return f"no ceiling, as its interval is wider than {100 * WIDEST:.0f} %"
        for other in self.rates:
            same = (other.kind, other.precision) == (rate.kind, rate.precision)
            fewer = (other.threads or 0) < (rate.threads or 0)
            if same and fewer and rate.value < LEAST_OF_FEWER * other.value:
                return (
                    f"no ceiling, as {counted(other.threads or 0, 'thread')} reached {other.text}"
                )
        return ""

    def _find(self, kind: str, precision: str, threads: int) -> Ceiling | None:
        for rate in self.rates:
            if self.problem(rate):
                continue
            if (rate.kind, rate.precision) == (kind, precision) and rate.threads in (None, threads):
                return rate
        return None

    def describe(self) -> dict[str, str]:
        """Return them as facts for a person: {"fp32, 2 threads": "437 GFLOP/s", ...}."""
        kept = {rate.title: rate.text for rate in self.rates if not self.problem(rate)}
        return {"measured": self.measured} | kept

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, which `from_json` reads."""
        return {"format": FORMAT_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ceilings:
        """Read what `to_json` returned.

        Raises:
            ValueError, TypeError, KeyError: It is something else.
        """
        if data["format"] != FORMAT_VERSION:
            raise ValueError(
                f"ceilings of format {data['format']!r}; {FORMAT_VERSION} is read here"
            )
        rates = tuple(Ceiling(**rate) for rate in data["rates"])
        return cls(hardware=str(data["hardware"]), measured=str(data["measured"]), rates=rates)


def ceilings_path(device: str, machine: Mapping[str, Any]) -> Path:
    """Return the file that keeps the ceilings of `device` ("cpu", "cuda:1").

    Its name is a digest of what they depend on: the CPU, its cores and memory, or the GPU, its
    memory and driver; and torch's version with its build. machine: see `describe_machine`.
    """
    identity = {"torch": machine["libraries"].get("torch", ""), **_hardware(device, machine)}
    text = json.dumps(identity, sort_keys=True)
    return cache_path(f"ceilings/{hashlib.sha256(text.encode()).hexdigest()[:32]}.json")


def load_ceilings(device: str, machine: Mapping[str, Any]) -> Ceilings | None:
    """Return the kept ceilings of `device`; None where there are none, or the file is no such."""
    try:
        text = ceilings_path(device, machine).read_text(encoding="utf-8")
        return Ceilings.from_json(json.loads(text))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def save_ceilings(ceilings: Ceilings, device: str, machine: Mapping[str, Any]) -> Path:
    """Write the ceilings of `device`, the whole file at once, and return where.

    Raises:
        OSError: The cache folder cannot be written.
    """
    path = ceilings_path(device, machine)
    write_atomically(path, json.dumps(ceilings.to_json(), indent=1))
    return path


def require_writable(device: str, machine: Mapping[str, Any]) -> None:
    """Make sure that the ceilings of `device` can be kept.

    Raises:
        OSError: The cache folder cannot be written.
    """
    folder = ceilings_path(device, machine).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def hardware_name(device: str, machine: Mapping[str, Any]) -> str:
    """Return the name of the CPU or the GPU behind `device`."""
    found = _hardware(device, machine)
    return str(found.get("name") or found["cpu"])


def _hardware(device: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return {key: machine[key] for key in ("cpu", "cores", "memory_bytes")}
    index = int(number) if number.isdigit() else 0
    for gpu in machine["gpus"]:
        if gpu["index"] == index:
            return {key: gpu[key] for key in ("name", "memory_bytes", "driver")}
    return {"name": f"unknown {kind}"}
