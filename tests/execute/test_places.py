"""The places of a machine: CPU cores, alone or shared, and GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.execute.places import LocalPlaces


def test_cpu_slots_are_pinned_to_different_cores() -> None:
    cores = sorted(os.sched_getaffinity(0))
    slots = LocalPlaces(None, 1)
    assert slots.total["cpu"] == len(slots.cores) >= 1
    assert [slot.cpus for slot in slots.free("cpu")] == [(core,) for core in slots.cores]
    assert set(slots.cores) <= set(cores)
    assert [len(slot.cpus) for slot in LocalPlaces(1, len(slots.cores)).free("cpu")] == [
        len(slots.cores)
    ]
    assert LocalPlaces(5, 1).total["cpu"] == 5  # more than cores: they share


def test_jobs_that_share_the_cpu_have_no_core_beyond_their_slots() -> None:
    assert LocalPlaces(1, 1).shared == LocalPlaces(None, 1).cores[:1]
    assert LocalPlaces(None, 1).shared == LocalPlaces(None, 1).cores


def test_an_exclusive_job_waits_for_all_slots_and_takes_all_cores() -> None:
    slots = LocalPlaces(2, 1)
    shared = slots.free("cpu")[0]
    slots.take(shared)
    assert slots.free("cpu", exclusive=True) == []
    slots.give_back(shared)
    (alone,) = slots.free("cpu", exclusive=True)
    assert alone.cpus == slots.cores
    slots.take(alone)
    assert slots.free("cpu") == slots.free("cpu", exclusive=True) == []
    slots.give_back(alone)
    assert [slot.name for slot in slots.free("cpu")] == ["cpu0", "cpu1"]


def test_a_fit_on_two_devices_takes_two_slots_at_once() -> None:
    slots = LocalPlaces(3, 1)
    (both,) = slots.free("cpu", count=2)
    assert both.name == "cpu0+cpu1" and both.gpu is None
    assert both.cpus == tuple(sorted({*slots.free("cpu")[0].cpus, *slots.free("cpu")[1].cpus}))
    slots.take(both)
    (last,) = slots.free("cpu")
    assert slots.free("cpu", count=2) == slots.free("cpu", exclusive=True) == []
    slots.take(last)
    slots.give_back(both)
    assert slots.free("cpu", count=2) == [both] and slots.free("cpu", count=3) == []
    slots.give_back(last)
    assert [slot.name for slot in slots.free("cpu")] == ["cpu0", "cpu1", "cpu2"]


TWO_GPUS = """#!/bin/sh
echo "GPU-aaaa, 0, A GPU, 16000, 555.1"
echo "GPU-bbbb, 1, A GPU, 16000, 555.1"
"""
ON_TWO_GPUS = """
from harness.execute.places import LocalPlaces
slots = LocalPlaces(None, 1)
first, second = slots.free("cuda")
assert (first.gpu, second.gpu) == (GPUS)
assert (first.device, second.device) == (LOCKS)  # whatever a run calls them
(both,) = slots.free("cuda", count=2)
assert both.gpu == ",".join(GPUS) and both.devices == (LOCKS)
slots.take(both)
assert slots.free("cuda") == []
slots.give_back(both)
slots.take(first)
assert slots.free("cuda") == slots.free("cuda", exclusive=True) == [second]
assert slots.free("cpu", exclusive=True)  # the CPU is another device
slots.take(second)
assert slots.free("cuda") == []
slots.give_back(second)
slots.give_back(first)
assert slots.free("cuda") == [first, second]
"""


@pytest.mark.parametrize(
    ("visible", "gpus", "uuids"),
    [
        (None, ("0", "1"), "ab"),
        ("1,0", ("1", "0"), "ba"),
        ("GPU-b,0", ("GPU-b", "0"), "ba"),
    ],
)
def test_each_of_two_gpus_is_a_place(
    tmp_path: Path, visible: str | None, gpus: tuple[str, str], uuids: str
) -> None:
    locks = tuple(f"gpu-GPU-{sign * 4}" for sign in uuids)
    program = tmp_path / "nvidia-smi"
    program.write_text(TWO_GPUS)
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ON_TWO_GPUS.replace("GPUS", repr(gpus)).replace("LOCKS", repr(locks)),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
