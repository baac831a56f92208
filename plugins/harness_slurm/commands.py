"""Slurm's commands, and what they print for machines.

submitit 1.5 is not used: it asks sacct alone for states, which says nothing where a cluster keeps no accounts (a job that
has ended reads UNKNOWN), and its results are pickles, which run what is in them when they are loaded.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.api import UsageError

_SECONDS = 30.0  # for an answer
_ENDED = frozenset(
    [
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    ]
)


_OUT = ("down", "drain", "fail", "maint")  # states of nodes where nothing starts begin so


class SlurmRefused(UsageError):
    """Slurm does not do what it was asked; the message is its own."""


@dataclass(frozen=True)
class SlurmTask:
    """A task of an array. identity: "ARRAY_INDEX". name: of its job. node: "" before it starts."""

    identity: str
    name: str
    state: str
    node: str = ""
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it runs, or will."""
        return self.state not in _ENDED


@dataclass(frozen=True)
class SlurmNode:
    """A node as Slurm describes it. described: all that tells it from another one; cpus: that may be used."""

    name: str
    cpus: int
    described: str
    state: str = "idle"

    @property
    def is_out(self) -> bool:
        """Whether no task starts there before somebody has seen to it: it is down, drained or in maintenance."""
        return self.state.startswith(_OUT)


def ask(*command: str, text: str = "") -> str:
    """Return what a command of Slurm prints.

    Raises:
        SlurmRefused: It fails, or does not answer.
        UsageError: It is not installed.
    """
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise UsageError(
            f"there is no command {command[0]} here: start the run where Slurm's jobs are submitted"
        ) from None
    except subprocess.TimeoutExpired:
        raise SlurmRefused(f"{command[0]} has not answered for {_SECONDS:g} s") from None
    if done.returncode:
        raise SlurmRefused(said(done.stderr or done.stdout) or f"{command[0]} failed")
    return done.stdout if command[0] != "sbatch" else done.stdout or done.stderr


def said(text: str) -> str:
    """Return an error of Slurm as one line, less the names of its programs."""
    lines = [re.sub(r"^\w+: (error: |fatal: )*", "", line).strip() for line in text.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))


def partitions() -> dict[str, float]:
    """Return the partitions and how many minutes a job may take in each; Slurm's default is the first."""
    found = [line.split("|") for line in ask("sinfo", "-a", "-h", "-o", "%P|%l").splitlines()]
    found.sort(key=lambda one: not one[0].endswith("*"))
    return {name.rstrip("*"): minutes(limit) for name, limit in found}


def minutes(text: str) -> float:
    """Return a time limit as Slurm writes it, "infinite", "30:00", "4:00:00", "2-00:00:00", in minutes."""
    days, dash, rest = text.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in parts):
        return float("inf")
    numbers = [float(part) for part in parts]
    if dash:  # days-hours:minutes:seconds
        hours, mins, seconds = (*numbers, 0.0, 0.0)[:3]
    else:
        hours, mins, seconds = (0.0, 0.0, 0.0, *numbers)[-3:]
    return float(days or 0) * 1440 + hours * 60 + mins + seconds / 60


def nodes(partition: str) -> list[SlurmNode]:
    """Return the nodes of a partition; of several ("a,b") those of all."""
    return read_nodes(ask("sinfo", "-h", "-N", "-p", partition, "-o", "%N|%T|%c|%m|%G|%f|%z"))


def read_nodes(printed: str) -> list[SlurmNode]:
    """Return the nodes of lines "name|state|cpus|memory|...", each once."""
    found = {}
    for line in printed.splitlines():
        name, state, cpus, *others = line.split("|")
        found[name] = SlurmNode(name, int(cpus), "|".join((cpus, *others)), state)
    return list(found.values())


def output(folder: Path, pattern: str) -> str:
    """Return what has sbatch write what a task prints into a folder. pattern: of the file's name, as sbatch reads it."""
    return f"--output={str(folder).replace('%', '%%')}/{pattern}"


def submit(arguments: Iterable[str], script: str) -> str:
    """Submit a script; return the number of its job."""
    return ask("sbatch", "--parsable", *arguments, text=script).strip().partition(";")[0]


def would_take(arguments: Iterable[str]) -> None:
    """Have Slurm check what a job asks for.

    Raises:
        SlurmRefused: It would not take it.
    """
    ask("sbatch", "--test-only", *arguments, text="#!/bin/sh\n")


def tasks(names: Sequence[str]) -> dict[str, SlurmTask]:
    """Return the tasks of this user's jobs of some names: those that wait or run, and those that ended minutes ago."""
    if not names:
        return {}
    listed = ("-h", "-r", "-t", "all", "-o", "%i|%j|%T|%N|%r")
    return read_tasks(ask("squeue", "--me", "-n", ",".join(names), *listed))


def read_tasks(printed: str) -> dict[str, SlurmTask]:
    """Return the tasks of lines "identity|name|state|node|reason"."""
    lines = (line.split("|", 4) for line in printed.splitlines() if line.count("|") >= 4)
    return {identity: SlurmTask(identity, *others) for identity, *others in lines}


def cancel(identities: Sequence[str]) -> None:
    """Take tasks out of the queue, or end them."""
    if identities:
        ask("scancel", *identities)


def given_cpus(identity: str) -> set[int]:
    """Return the numbers of the CPUs of a task that runs here, as Slurm counts them; empty where it does not say."""
    found = re.search(r"\bCPU_IDs=(\S+)", ask("scontrol", "show", "job", "-d", "-o", identity))
    return read_numbers(found[1]) if found else set()


def read_numbers(text: str) -> set[int]:
    """Return the numbers of "0-2,5"."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def task_here() -> str:
    """Return the identity of the task that this process is of."""
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID", "")
