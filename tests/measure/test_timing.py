"""What is said of a series against known ones, the loop against a virtual clock."""

import gc
import os
import random
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.machine import gpu_load, load
from harness.machine.load import (
    CpuTimes,
    foreign_cores,
    parse_cpu_times,
    read_cpu_times,
    steal_share,
)
from harness.measure.timing import (
    Timing,
    describe_drift,
    is_steady,
    synchroniser,
    time_calls,
)


def test_steady_is_two_windows_alike():
    assert not is_steady([1.0] * 9)
    assert is_steady([1.0] * 10)
    assert is_steady([9.0] * 5 + [1.0] * 5 + [1.04] * 5)
    assert not is_steady([1.0] * 5 + [1.1] * 5)
    assert is_steady([1.0] * 5 + [1.0, 1.0, 50.0, 1.0, 1.0])  # one slow call


def test_drift_is_told_in_words():
    source = random.Random(1)
    level = [1 + 0.02 * source.random() for _ in range(200)]
    assert describe_drift(level) == ""
    assert "slower" in describe_drift([t * (1 + i / 400) for i, t in enumerate(level)])
    assert "faster" in describe_drift([t * (2 - i / 400) for i, t in enumerate(level)])
    assert describe_drift([1.0, 2.0, 3.0]) == ""


def test_steal_is_read_from_proc_stat():
    text = "cpu  10 0 20 60 0 0 0 10 5 0\ncpu0 1 2 3\n"
    before = parse_cpu_times(text)
    assert before == CpuTimes(total=100, steal=10, busy=30)
    assert steal_share(before, CpuTimes(300, 30)) == pytest.approx(0.1)
    assert steal_share(before, before) is None
    assert steal_share(None, before) is None
    assert parse_cpu_times("intr 5") is None
    assert read_cpu_times() is None or read_cpu_times().total > 0


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def timed(seconds_of, **options) -> tuple[Timing, int]:
    clock, calls = Clock(), 0

    def run() -> None:
        nonlocal calls
        clock.now += seconds_of(calls)
        calls += 1

    return time_calls(run, clock=clock, **options), calls


def test_a_level_series():
    timing, calls = timed(lambda i: 0.01, seconds=1.0)
    assert timing.warm_up_calls == 10 and timing.steady
    assert len(timing.samples) in (100, 101) and calls == 10 + len(timing.samples)
    assert timing.median == pytest.approx(0.01)
    assert timing.interval == pytest.approx((0.01, 0.01))
    assert timing.variation == pytest.approx(0, abs=1e-9)
    assert timing.drift == ""


def test_the_warm_up_lasts_until_calls_are_steady():
    timing, _ = timed(lambda i: max(0.001, 0.01 * 0.7**i), seconds=1.0)
    assert timing.steady and timing.warm_up_calls > 10
    assert max(timing.samples) == pytest.approx(0.001, rel=0.1)


def test_the_warm_up_is_bounded_in_time():
    timing, _ = timed(lambda i: 0.01 * 1.1 ** min(i, 30), seconds=1.0)
    assert timing.warm_up_calls <= 51
    assert not timing.steady or timing.drift == ""
    timing, calls = timed(lambda i: 10.0, seconds=1.0, minimum_samples=3)
    assert (timing.warm_up_calls, len(timing.samples), calls) == (1, 3, 4)
    assert not timing.steady and "not steady" in timing.flags[0]


def test_blocks_of_calls():
    timing, calls = timed(lambda i: 0.01, seconds=1.0, calls_per_block=20)
    assert len(timing.samples) in (7, 8)
    assert timing.median == pytest.approx(0.01)
    assert calls == timing.warm_up_calls + 20 * len(timing.samples)


def test_the_device_is_waited_for_on_both_sides():
    clock, events = Clock(), []

    def run() -> None:
        events.append("run")
        clock.now += 1.0

    time_calls(
        run, seconds=1.0, minimum_samples=2, clock=clock, synchronise=lambda: events.append("wait")
    )
    assert events == ["wait", "run", "wait"] * 3


def test_other_processes_are_counted_in_cores():
    ticks = os.sysconf("SC_CLK_TCK")
    before, after = CpuTimes(0, 0, 0), CpuTimes(4 * ticks, 0, 3 * ticks)
    assert foreign_cores(before, after, own_seconds=2.0, seconds=2.0) == pytest.approx(0.5)
    assert foreign_cores(before, after, own_seconds=4.0, seconds=2.0) == 0.0
    assert foreign_cores(None, after, 1.0, 1.0) is None


@pytest.mark.skipif(read_cpu_times() is None, reason="there is no /proc/stat here")
def test_a_busy_neighbour_is_told():
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        timing = time_calls(lambda: time.sleep(0.01), seconds=0.6)
    finally:
        neighbour.kill()
        neighbour.wait()
    assert timing.foreign > 0.3
    assert any(flag.startswith("shared: other processes kept") for flag in timing.flags)


@pytest.mark.exclusive
def test_the_harness_is_measured_where_its_processes_are_known(monkeypatch):
    assert time_calls(lambda: None, seconds=0.01).harness_cores is None
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.3)  # both have started
        cores = {}
        for child in (busy, idle):
            monkeypatch.setattr(load, "harness_processes", (child.pid,))
            cores[child] = time_calls(lambda: time.sleep(0.01), seconds=0.4).harness_cores
    finally:
        for child in (busy, idle):
            child.kill()
            child.wait()
    assert cores[busy] > 0.3 and cores[idle] < 0.05
    monkeypatch.setattr(load, "harness_processes", (busy.pid,))  # it is gone
    assert time_calls(lambda: None, seconds=0.01).harness_cores is None


@pytest.mark.exclusive
def test_a_process_has_spent_what_it_says_itself():
    spent = load.process_seconds(os.getpid())
    assert spent == pytest.approx(time.process_time(), abs=0.1)
    assert load.process_seconds(2**22 + 1) is None  # above the largest id that Linux gives
    stat = "7 (a (b) c) S 1 7 7 0 -1 4 5 6 7 8 120 30 0 0 20 0 1 0"
    assert load.parse_process_ticks(stat) == 150


def test_two_readings_make_a_load():
    ticks = os.sysconf("SC_CLK_TCK")
    before = load.Reading(at=10.0, own=1.0, harness=5.0, machine=CpuTimes(0, 0, 0))
    after = load.Reading(
        at=12.0, own=2.0, harness=5.01, machine=CpuTimes(4 * ticks, ticks, 2 * ticks)
    )
    found = load.between(before, after)
    assert found.steal == 0.25 and found.foreign == pytest.approx(0.5)
    assert found.harness == pytest.approx(0.005) and found.gpu == ()
    unknown = load.between(load.Reading(at=1.0, own=0.0), load.Reading(at=2.0, own=0.5))
    assert (unknown.steal, unknown.foreign, unknown.harness) == (None, None, None)


class Nvml:
    """A driver's library, as nvidia-ml-py has it."""

    def __init__(self, mask: int = 0, processes: tuple[int, ...] = ()) -> None:
        self.mask, self.processes, self.now = mask, processes, {0: 0, 1: 0}

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        return uuid

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        return self.mask

    def nvmlDeviceGetViolationStatus(self, handle: str, policy: int) -> SimpleNamespace:
        return SimpleNamespace(violationTime=self.now[policy])  # the other policies: KeyError

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(pid=process) for process in self.processes]


def test_a_gpu_that_throttles_or_is_shared_is_told(monkeypatch):
    nvml = Nvml(mask=0x80 | 0x01, processes=(os.getpid(), 4, 5))
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(gpu_load, "_uuid", lambda device: f"GPU-{device}")
    before = gpu_load.read("cuda:0")
    nvml.now = {0: 600_000_000, 1: 1_000_000}
    after = gpu_load.read("cuda:0")
    assert gpu_load.describe(before, after, 1.0) == (
        "throttled: power cap (60%), power brake",
        "shared: 2 other processes computed on the GPU",
    )
    quiet = Nvml(mask=0x01, processes=(77,))  # idle; in a container, this process by another id
    monkeypatch.setitem(sys.modules, "pynvml", quiet)
    assert gpu_load.describe(gpu_load.read("cuda"), gpu_load.read("cuda"), 1.0) == ()


def test_a_gpu_of_which_nothing_is_known_is_not_talked_of(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_load.read("cuda:0") is None and gpu_load.read("cpu") is None
    assert gpu_load.describe(None, None, 1.0) == ()
    timing = Timing(
        samples=(1.0,),
        calls_per_block=1,
        warm_up_calls=1,
        steady=True,
        drift="",
        steal=None,
        gpu=("throttled: heat",),
    )
    assert timing.flags == ("throttled: heat",)


def test_percentiles_and_flags():
    samples = tuple(float(i) for i in range(1, 1001))
    timing = Timing(
        samples=samples, calls_per_block=1, warm_up_calls=3, steady=True, drift="", steal=0.05
    )
    assert timing.percentile(99) == pytest.approx(np.percentile(samples, 99))
    low, high = timing.percentile_interval(99)
    assert low < timing.percentile(99) < high
    assert timing.variation == pytest.approx(np.std(samples, ddof=1) / np.mean(samples))
    assert timing.flags == ("steal: 5% of the CPU time went to other machines",)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_off_meanwhile_and_left_as_it_was(enabled):
    seen = []
    was = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        time_calls(lambda: seen.append(gc.isenabled()), seconds=0.01)
        assert gc.isenabled() is enabled
        with pytest.raises(ZeroDivisionError):
            time_calls(lambda: 1 / 0, seconds=0.01)
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if was else gc.disable()
    assert not any(seen)


def test_a_real_call():
    matrix = torch.ones(64, 64)
    timing = time_calls(
        lambda: matrix @ matrix, seconds=0.05, synchronise=synchroniser(torch.device("cpu"))
    )
    assert len(timing.samples) >= 7
    assert 0 < timing.percentile(10) <= timing.median <= timing.percentile(99) < 0.05


@pytest.mark.parametrize("options", [{"seconds": 0}, {"minimum_samples": 0}])
def test_senseless_settings_are_refused(options):
    with pytest.raises(ValueError):
        time_calls(lambda: None, **options)
