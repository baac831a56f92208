"""Which machines Slurm has for a run: its nodes, and what is known of them.

Slurm knows no model of a CPU or GPU, which a figure that is timed depends on. So a task of a second looks at a node, once
for each; the shared folder keeps what it found.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from harness.api import UsageError
from harness.api.running import Machine, this_machine
from harness_slurm.commands import (
    SlurmNode,
    SlurmRefused,
    cancel,
    nodes,
    partitions,
    submit,
    tasks,
    would_take,
)
from harness_slurm.commands import output as output_request
from harness_slurm.options import SlurmOptions
from harness_slurm.pools import digest, read, write

_log = logging.getLogger("harness.engine")
_SILENT_SECONDS = 10.0  # that a node is waited for without a word
_LOOK_SECONDS = 2.0  # between questions to Slurm
_MINUTES = 5  # for a look at a node


def shared_folder(options: SlurmOptions) -> Path:
    """Return the folder that nodes share with this machine.

    Raises:
        UsageError: It cannot be written.
    """
    folder = Path(options.folder or "~/.cache/model-harness/slurm").expanduser().absolute()
    try:
        for name in ("nodes", "looks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "no permission to write")
    except OSError as error:
        raise UsageError(
            f"the shared folder {str(folder)!r} cannot be used: {error.strerror}"
        ) from None
    return folder


def gpu_request(gpus: int) -> list[str]:
    """Return what asks sbatch for GPUs."""
    return [f"--gres=gpu:{gpus}"] if gpus else []


def settled(options: SlurmOptions) -> tuple[SlurmOptions, float]:
    """Return the options with the partition named, and how many minutes a task may take there.

    Raises:
        UsageError: There is no such partition.
    """
    known = partitions()
    if not known:
        raise UsageError("Slurm has no partition for this user: sinfo -a lists them")
    named = options.partition or next(iter(known))
    for one in named.split(","):
        if one not in known:
            near = get_close_matches(one, known, 1)
            mean = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"Slurm has no partition {one!r}; it has {', '.join(sorted(known))}{mean}"
            )
    most = min(known[one] for one in named.split(","))
    return options.model_copy(update={"partition": named}), min(options.time or most, most)


def machines(options: SlurmOptions) -> Sequence[Machine]:
    """Return the nodes of which it is known what they are: at least one, at which a task looks if need be.

    Raises:
        UsageError: Slurm would not take the run's tasks, or a node cannot run the harness.
    """
    options, _ = settled(options)
    folder = shared_folder(options)
    try:
        would_take([*options.requested(), *gpu_request(options.gpus), f"--time={_MINUTES}"])
    except SlurmRefused as error:
        raise UsageError(f"Slurm would not take the tasks of this run: {error}") from None
    there = nodes(options.partition)
    known = known_machines(folder, there, options.gpus)
    if not known:
        _look_at_one(folder, options)
        known = known_machines(folder, there, options.gpus)
    if not known:
        raise UsageError(
            f"a task has looked at a node of Slurm, and nothing of it is in {str(folder)!r}: name a folder that nodes "
            "share with this machine, --engine slurm:folder=PATH"
        )
    return known


def known_machines(folder: Path, there: Sequence[SlurmNode], gpus: int) -> list[Machine]:
    """Return those of the nodes where tasks start and that one has looked at, as Slurm still describes them."""
    found = []
    for node in there:
        if node.is_out:
            continue
        values = json.loads(read(_record(folder, node.name, gpus)) or "{}")
        if values and values["described"] == node.described:
            machine = Machine.from_json(values["machine"])
            cores = min(machine.cores, node.cpus)
            found.append(replace(machine, cores=cores, cpu_slots=cores))
    return found


def look_here(folder: Path, gpus: int) -> None:
    """Write down what this node is, where that is not known; it runs in a task."""
    name = os.environ["SLURMD_NODENAME"]
    here = [one for one in nodes(os.environ["SLURM_JOB_PARTITION"]) if one.name == name]
    if not here or known_machines(folder, here, gpus):
        return
    machine = this_machine(name)
    machine = replace(
        machine, cores=os.cpu_count() or 1, gpus=machine.gpus[:gpus]
    )  # all: a job that times has them
    values = {"described": here[0].described, "machine": machine.to_json()}
    write(_record(folder, name, gpus), json.dumps(values))


def _record(folder: Path, node: str, gpus: int) -> Path:
    return folder / "nodes" / f"{digest(node)}-{gpus}.json"


def command(*arguments: str) -> str:
    """Return a script that runs a module of ours as this Python would."""
    return f"#!/bin/sh\nexec {shlex.join([sys.executable, '-m', *arguments])}\n"


def _look_at_one(folder: Path, options: SlurmOptions) -> None:
    name = f"harness-look-{os.getpid()}"
    output = folder / "looks" / f"{name}.txt"
    output.unlink(missing_ok=True)
    asked = [*options.requested(), *gpu_request(options.gpus), f"--time={_MINUTES}"]
    how = [f"--job-name={name}", output_request(output.parent, output.name), f"--chdir={folder}"]
    script = command("harness_slurm.nodes", str(folder), str(options.gpus))
    identity = submit([*asked, *how], script)
    began = told = time.monotonic()
    try:
        while True:
            time.sleep(0.2 if time.monotonic() - began < _LOOK_SECONDS else _LOOK_SECONDS)
            task = tasks([name]).get(identity)
            if task is None or not task.is_live:
                break
            if time.monotonic() - told > _SILENT_SECONDS:
                told = time.monotonic() + 5 * _SILENT_SECONDS
                _log.warning(
                    "waits for a node of Slurm, to see what figures will be timed on: task %s is %s (%s)",
                    identity,
                    task.state,
                    task.reason,
                )
    except BaseException:
        cancel([identity])
        raise
    if task is not None and task.state != "COMPLETED":
        lines = (read(output) or "").strip().splitlines()
        words = lines[-1] if lines else f"{task.state}, and its folder has no word of it"
        raise UsageError(f"node {task.node or 'of Slurm'} cannot run the harness: {words}")
    output.unlink(missing_ok=True)


if __name__ == "__main__":
    look_here(Path(sys.argv[1]), int(sys.argv[2]))
