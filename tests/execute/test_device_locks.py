"""Locks on devices, across stores and runs: shared or alone, first come first served, and whose they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness_process import until

from harness.execute import device_locks
from harness.execute.device_locks import DeviceLocks


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
        "from harness.execute.device_locks import DeviceLocks\n"
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


def test_a_job_that_must_be_alone_is_the_next(locks_here: Path) -> None:
    shares, times = DeviceLocks("shares-0001", "one"), DeviceLocks("times-0001", "two")
    assert shares.acquire("cpu", False, "fit a")
    assert not times.acquire("cpu", True, "throughput b")
    assert not shares.acquire("cpu", False, "fit c")  # though the lock itself is shared
    assert not DeviceLocks().acquire("cpu", False)  # nor does a third run start
    shares.release("cpu", "fit a")
    assert times.acquire("cpu", True, "throughput b")
    times.release("cpu", "throughput b")
    assert shares.acquire("cpu", False, "fit c")
    shares.close()
    times.close()


def test_two_runs_that_time_take_turns(locks_here: Path) -> None:
    both = [DeviceLocks(), DeviceLocks()]
    order = []
    assert both[0].acquire("cpu", True)
    for number in (1, 0, 1, 0):
        assert not both[number].acquire("cpu", True)  # it is the next from now on
        both[1 - number].release("cpu")
        assert not both[1 - number].acquire("cpu", True)
        assert both[number].acquire("cpu", True)
        order.append(number)
        both[number].withdraw()
    assert order == [1, 0, 1, 0]


def test_shared_jobs_do_not_wait_for_ever_either(
    locks_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares, times = DeviceLocks(), DeviceLocks()
    assert times.acquire("cpu", True)
    assert not shares.acquire("cpu", False)
    times.release("cpu")
    assert times.acquire("cpu", True)  # one after another, for a while
    monkeypatch.setattr(device_locks, "_PATIENCE_SECONDS", 0.0)
    assert not shares.acquire("cpu", False)
    times.release("cpu")
    assert not times.acquire("cpu", True)
    assert shares.acquire("cpu", False)


def test_who_wants_a_device_no_more_is_not_the_next(locks_here: Path) -> None:
    shares, times = DeviceLocks(), DeviceLocks()
    assert shares.acquire("cpu", False)
    assert not times.acquire("cpu", True)
    times.withdraw()  # it has asked since the last time
    assert not shares.acquire("cpu", False)
    times.withdraw()
    assert shares.acquire("cpu", False)


def test_others_are_told_whose_a_device_is(locks_here: Path) -> None:
    shares, times, asks = (DeviceLocks(f"run-{n}", f"store-{n}") for n in range(3))
    process = os.getpid()
    assert asks.words("cpu") == "another run on cpu"  # nobody says that it is theirs
    assert shares.acquire("cpu", False, "fit a") and shares.acquire("cpu", False, "fit b")
    assert asks.words("cpu") == f"fit a and 1 more of run-0 (process {process}, store store-0)"
    assert not times.acquire("cpu", True, "latency c")
    assert asks.words("cpu").endswith(
        f"; latency c of run-1 (process {process}, store store-1), which is the next to run"
    )
    shares.release("cpu", "fit a")
    shares.release("cpu", "fit b")
    assert times.acquire("cpu", True, "latency c")
    alone = f"latency c of run-1 (process {process}, store store-1), which runs alone"
    assert asks.words("cpu") == alone
    assert times.words("cpu") == "another run on cpu"  # of itself it does not tell
    times.close()
    assert asks.holders("cpu") == []


def test_a_run_that_is_stopped_or_dead_is_told_of(locks_here: Path) -> None:
    code = (
        "import tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from harness.execute.device_locks import DeviceLocks\n"
        "locks = DeviceLocks('r', 's'); print(locks.acquire('cpu', True, 'job'), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(locks_here)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        locks = DeviceLocks()
        other.send_signal(signal.SIGSTOP)
        advice = f"which runs alone; it is stopped: kill -CONT {other.pid}"
        assert until(lambda: locks.words("cpu").endswith(advice), 5.0)
        notes = len(list(locks_here.glob("*/*.run")))
        other.kill()
        other.wait()
        assert locks.holders("cpu") == []
        assert (
            len(list(locks_here.glob("*/*.run"))) == notes - 1
        )  # what the dead left is cleared away
