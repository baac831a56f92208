"""Needs, one batch first, blocking, slots and locks: what may start, and where. No processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.execute.schedule import DeviceLocks, Queue, Slots, Step
from harness.plan.jobs import Job


def job(name: str, sort: str, *needs: str, **more: Any) -> Job:
    axes = {"architecture": more.pop("architecture", ""), "seed": more.pop("seed", 0)}
    return Job(fingerprint=name, sort=sort, label=name, spec={}, needs=needs, axes=axes, **more)


def plan() -> list[Job]:
    found = [job("data", "prepare")]
    for architecture in ("a", "b"):
        for seed in (0, 1):
            fit = f"fit {architecture}{seed}"
            found.append(job(fit, "fit", "data", architecture=architecture, seed=seed))
            found.append(job(f"score {architecture}{seed}", "measure", "data", fit))
        found.append(job(f"flops {architecture}", "measure", "data"))
        found.append(job(f"time {architecture}", "measure", "data", exclusive=True))
    return found


def ready(queue: Queue, exclusive: bool = False, device: str = "cpu") -> list[Step]:
    found = []
    while queue.has_ready(device, exclusive):
        found.append(queue.take(device, exclusive))
    return found


def keys(steps: list[Step]) -> list[str]:
    return [step.key for step in steps]


def test_needs_come_first_then_one_batch_then_fits_then_measures() -> None:
    queue = Queue(plan(), ())
    assert len(queue) == 15  # 13 jobs and a batch of each architecture
    (data,) = ready(queue)
    assert data.key == "data" and ready(queue, exclusive=True) == []
    queue.succeed(data)
    assert keys(ready(queue, exclusive=True)) == ["time a", "time b"]
    first_a, first_b, *others = ready(queue)
    assert (first_a.key, first_a.trying) == ("try fit a0", True)
    assert (first_b.key, first_b.trying) == ("try fit b0", True)
    assert keys(others) == ["flops a", "flops b"]
    queue.succeed(first_a)
    assert ready(queue) == []  # no fit before the last batch was tried
    queue.succeed(first_b)
    fits = ready(queue)
    assert keys(fits) == ["fit a0", "fit a1", "fit b0", "fit b1"]
    queue.succeed(fits[2])
    assert keys(ready(queue)) == ["score b0"]


def test_a_failed_batch_blocks_all_seeds_and_lets_the_others_go() -> None:
    queue = Queue(plan(), ())
    queue.succeed(ready(queue)[0])
    first_a, first_b, *_ = ready(queue)
    queue.succeed(first_b)
    assert keys(queue.fail(first_a)) == ["fit a0", "score a0", "fit a1", "score a1"]
    assert keys(ready(queue)) == ["fit b0", "fit b1"]


def test_failed_data_block_everything() -> None:
    queue = Queue(plan(), ())
    blocked = queue.fail(ready(queue)[0])
    assert len(blocked) == 14 and len(queue) == 0
    assert ready(queue) == ready(queue, exclusive=True) == []


def test_what_is_finished_is_left_out_and_not_tried() -> None:
    queue = Queue(plan(), {"data", "fit a0", "fit a1", "fit b0", "score a0"})
    assert keys(ready(queue)) == ["try fit b1", "score a1", "flops a", "score b0", "flops b"]


def test_a_step_may_be_put_back() -> None:
    queue = Queue(plan(), ())
    (data,) = ready(queue)
    queue.put_back(data)
    assert ready(queue) == [data]


def test_a_need_that_is_no_job_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs nothing, which is no job before it"):
        Queue([job("one", "measure", "nothing")], ())


def test_many_jobs_are_blocked_quickly() -> None:
    jobs = [job("data", "prepare")]
    jobs += [job(f"measure {n}", "measure", "data") for n in range(100_000)]
    queue = Queue(jobs, ())
    assert len(queue.fail(ready(queue)[0])) == 100_000


def test_cpu_slots_are_pinned_to_different_cores() -> None:
    cores = sorted(os.sched_getaffinity(0))
    slots = Slots(None, 1)
    assert slots.total["cpu"] == len(slots.cores) >= 1
    assert [slot.cpus for slot in slots.free("cpu")] == [(core,) for core in slots.cores]
    assert set(slots.cores) <= set(cores)
    assert [len(slot.cpus) for slot in Slots(1, len(slots.cores)).free("cpu")] == [len(slots.cores)]
    assert Slots(5, 1).total["cpu"] == 5  # more than cores: they share


def test_an_exclusive_job_waits_for_all_slots_and_takes_all_cores() -> None:
    slots = Slots(2, 1)
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


TWO_GPUS = """#!/bin/sh
echo "GPU-aaaa, 0, A GPU, 16000, 555.1"
echo "GPU-bbbb, 1, A GPU, 16000, 555.1"
"""
ON_TWO_GPUS = """
from harness.execute.schedule import Slots
slots = Slots(None, 1)
first, second = slots.free("cuda")
assert (first.gpu, second.gpu) == (GPUS)
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
    ("visible", "expected"), [(None, '"0", "1"'), ("1,0", '"1", "0"'), ("GPU-b,0", '"GPU-b", "0"')]
)
def test_each_of_two_gpus_is_a_slot(tmp_path: Path, visible: str | None, expected: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(TWO_GPUS)
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_GPUS.replace("GPUS", expected)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def locks_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_locks_are_shared_or_alone(locks_here: Path) -> None:
    here, there = DeviceLocks(), DeviceLocks()  # two open files: as two processes have them
    assert here.acquire("cpu", exclusive=False)
    assert here.acquire("cpu", exclusive=False)
    assert there.acquire("cpu", exclusive=False)
    assert not there.acquire("cpu", exclusive=True)  # it holds it shared itself
    there.release("cpu")
    assert not there.acquire("cpu", exclusive=True)
    here.release("cpu")
    assert not there.acquire("cpu", exclusive=True)
    here.release("cpu")
    assert there.acquire("cpu", exclusive=True)
    assert not there.acquire("cpu", exclusive=False)
    assert not here.acquire("cpu", exclusive=False)
    assert here.acquire("gpu-0", exclusive=True)  # another device
    there.release("cpu")
    assert here.acquire("cpu", exclusive=False)
    here.close()
    there.close()


def test_a_lock_goes_with_its_process(locks_here: Path) -> None:
    code = (
        "import tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from harness.execute.schedule import DeviceLocks\n"
        "locks = DeviceLocks(); print(locks.acquire('cpu', True), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(locks_here)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        locks = DeviceLocks()
        assert not locks.acquire("cpu", exclusive=False)
        other.kill()
        other.wait()
        assert locks.acquire("cpu", exclusive=True)
        locks.close()


def test_a_folder_of_locks_that_cannot_be_used_is_explained(locks_here: Path) -> None:
    from harness.errors import UsageError

    (locks_here / f"model-harness-{os.getuid()}").write_text("a file")
    with pytest.raises(UsageError, match="name another place by TMPDIR"):
        DeviceLocks().acquire("cpu", exclusive=True)
