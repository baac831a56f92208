"""What a machine reaches at most: measured, kept for the machine, and read without torch."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from harness.machine.ceilings import (
    COPY,
    MATRIX,
    Ceiling,
    Ceilings,
    ceilings_path,
    hardware_name,
    load_ceilings,
    save_ceilings,
    say_rate,
)
from harness.machine.devices import cpu_count
from harness.machine.environment import describe_environment, describe_machine, read_ceilings
from harness.measure import ceiling_timing
from harness.measure.ceiling_timing import measure_ceilings

MACHINE = {
    "cpu": "A CPU",
    "cores": 4,
    "memory_bytes": 2**33,
    "gpus": [
        {"index": 0, "name": "A GPU", "memory_bytes": 2**34, "driver": "1"},
        {"index": 1, "name": "Another", "memory_bytes": 2**34, "driver": "1"},
    ],
    "libraries": {"torch": "2.13.0+cpu"},
}


def ceiling(kind=MATRIX, precision="fp32", threads=1, value=1e11, **more) -> Ceiling:
    found = {"low": None, "high": None, "n": 9, "size": 512, **more}
    return Ceiling(kind=kind, precision=precision, threads=threads, value=value, **found)


def some() -> Ceilings:
    rates = (
        ceiling(),
        ceiling(threads=4, value=4.371e11),
        ceiling(COPY, "", 1, 2e10, flag="drift"),
    )
    return Ceilings(hardware="A CPU", measured="2026-11-24T00:00:00+00:00", rates=rates)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.exclusive  # a neighbour leaves two threads a thousandth of their rate
def test_they_are_measured_for_each_precision_and_number_of_threads():
    said, before = [], torch.get_num_threads()
    found = measure_ceilings(
        "cpu",
        "A CPU",
        seconds=0.05,
        sides=(64, 128),
        array_bytes=2**22,
        report=lambda *words: said.append(words),
    )
    threads = sorted({1, cpu_count()})
    expected = [(MATRIX, p, t) for p in ("fp32", "bf16") for t in threads]
    expected += [(COPY, "", t) for t in threads]
    assert [(rate.kind, rate.precision, rate.threads) for rate in found.rates] == expected
    assert [part for part, _, _ in said] == list(range(1, 3 * len(expected) + 1))
    assert torch.get_num_threads() == before
    assert torch.backends.cuda.matmul.fp32_precision == "none"
    for rate in found.rates:
        assert rate.low <= rate.value <= rate.high and rate.n >= 7
        assert 1e6 < rate.value < 1e14
        assert rate.size in ((64, 128) if rate.kind == MATRIX else (2**22,))


def test_a_rate_is_work_over_the_median_time(monkeypatch):
    """Each call is said to take 1 ms: 2 n^3 FLOPs, or twice the array's bytes."""
    real = ceiling_timing.time_calls

    def timed(call, **settings):
        return replace(real(call, **settings), samples=(0.001,) * 9, drift="drift: planted")

    monkeypatch.setattr(ceiling_timing, "time_calls", timed)
    found = measure_ceilings("cpu", "A CPU", seconds=0.01, sides=(32,), array_bytes=4000)
    assert found.matrix("fp32", 1).value == pytest.approx(2 * 32**3 / 0.001)
    assert found.copy(1).value == pytest.approx(2 * 4000 / 0.001)
    assert "drift: planted" in found.matrix("bf16", 1).flag


@pytest.mark.parametrize("by_onednn", [True, False])
def test_fp32_is_by_the_faster_library(monkeypatch, by_onednn):
    """Convolutions go through oneDNN on every CPU: where torch's own products are slower, they would exceed the ceiling."""
    monkeypatch.setattr(ceiling_timing, "onednn_is_faster", lambda: by_onednn)
    draws = torch.Generator().manual_seed(48)
    one, other = (torch.randn((48, 48), generator=draws) for _ in range(2))
    with torch.inference_mode(), torch.profiler.profile() as seen:
        found = ceiling_timing._product("cpu", 48, torch.float32)()
    torch.testing.assert_close(found, one @ (other.T if by_onednn else other))
    assert ("mkldnn::_linear_pointwise" in {event.name for event in seen.events()}) == by_onednn


def test_the_best_size_counts_and_slow_ones_are_not_tried(monkeypatch):
    """Said to take 1, 2, 20 ms: 64 is the fastest in FLOP/s; eight times 20 ms is not waited for."""
    took = {32: 0.001, 64: 0.002, 128: 0.02}
    tried = []

    def product(device, side, dtype):
        tried.append(side)
        return lambda: side

    monkeypatch.setattr(ceiling_timing, "_product", product)
    monkeypatch.setattr(ceiling_timing, "_once", lambda call, wait: took[call()])
    found = measure_ceilings(
        "cpu", "A CPU", seconds=0.005, sides=(32, 64, 128, 256), array_bytes=4000
    )
    assert {rate.size for rate in found.rates if rate.kind == MATRIX} == {64}
    assert 128 in tried and 256 not in tried


def test_the_fastest_round_counts(monkeypatch):
    """A neighbour is said to slow down the first and the third round."""
    rates, taken = iter([1e9] * 6 + [3e9] * 6 + [2e9] * 6), []
    monkeypatch.setattr(ceiling_timing, "cpu_count", lambda: 2)

    def found(device, part, *_):
        taken.append(part)
        return ceiling(part.kind, part.precision, part.threads, value=next(rates))

    monkeypatch.setattr(ceiling_timing, "_matrix", found)
    monkeypatch.setattr(ceiling_timing, "_copy", found)
    best = measure_ceilings("cpu", "A CPU")
    assert {rate.value for rate in best.rates} == {3e9} and len(best.rates) == 6
    assert taken[:6] == taken[6:12] == taken[12:] and len(set(taken)) == 6


def test_settings_are_put_back_where_a_measurement_fails(monkeypatch):
    def fail(*_):
        raise RuntimeError("no memory")

    before = torch.get_num_threads()
    monkeypatch.setattr(ceiling_timing, "_copy", fail)
    with pytest.raises(RuntimeError):
        measure_ceilings("cpu", "A CPU", seconds=0.01, sides=(32,))
    assert torch.get_num_threads() == before


def test_an_array_is_larger_than_caches_and_smaller_than_memory(monkeypatch):
    monkeypatch.setattr(ceiling_timing, "_last_level_cache", lambda: 2**26)
    monkeypatch.setattr(ceiling_timing, "total_memory", lambda: 2**36)
    assert ceiling_timing._array_bytes("cpu") == 2**29
    monkeypatch.setattr(ceiling_timing, "total_memory", lambda: 2**30)
    assert ceiling_timing._array_bytes("cpu") == 2**26


def test_what_is_kept_is_read_again():
    assert load_ceilings("cpu", MACHINE) is None
    path = save_ceilings(some(), "cpu", MACHINE)
    assert load_ceilings("cpu", MACHINE) == some()
    assert "A CPU" not in path.name and list(path.parent.iterdir()) == [path]
    assert load_ceilings("cpu", MACHINE).matrix("fp32", 4).value == 4.371e11
    assert load_ceilings("cpu", MACHINE).copy(1).flag == "drift"
    assert some().matrix("fp32", 3) is some().matrix("bf16", 1) is some().copy(4) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.371e11, "437 GFLOP/s"),
        (9.996e11, "1 TFLOP/s"),
        (9.9e14, "990 TFLOP/s"),
        (2e7, "0.02 GFLOP/s"),
    ],
)
def test_rates_in_words(value, text):
    assert say_rate(value, "FLOP/s") == text


def test_a_gpu_has_no_threads():
    rate = ceiling(precision="bf16", threads=None)
    found = Ceilings(hardware="A GPU", measured="", rates=(rate,))
    assert found.matrix("bf16", 1) is found.matrix("bf16", 16) is rate
    assert rate.title == "bf16"


@pytest.mark.parametrize(
    "change",
    [
        {"cpu": "Another CPU"},
        {"cores": 8},
        {"memory_bytes": 2**34},
        {"libraries": {"torch": "2.13.0+cu130"}},
        {"libraries": {"torch": "2.14.0+cpu"}},
    ],
)
def test_another_machine_or_torch_has_others(change):
    save_ceilings(some(), "cpu", MACHINE)
    assert load_ceilings("cpu", MACHINE | change) is None


def test_each_kind_of_gpu_has_its_own():
    save_ceilings(some(), "cuda:1", MACHINE)
    assert load_ceilings("cuda:0", MACHINE) is None and load_ceilings("cpu", MACHINE) is None
    alone = [dict(MACHINE["gpus"][1], index=0)]  # as CUDA_VISIBLE_DEVICES=1 shows it
    assert load_ceilings("cuda", MACHINE | {"gpus": alone, "cores": 1}) == some()
    assert [hardware_name(d, MACHINE) for d in ("cpu", "cuda", "cuda:1", "cuda:7")] == [
        "A CPU",
        "A GPU",
        "Another",
        "unknown cuda",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '{"format": 2}',
        '{"format": 1, "hardware": "", "measured": "", "rates": []}',
        '{"format": 2, "hardware": "", "measured": "", "rates": [{"kind": "matrix"}]}',
        '{"format": 2, "hardware": "", "measured": "", "rates": [3]}',
        json.dumps(some().to_json()).replace("100000000000.0", '"fast"'),
        json.dumps(some().to_json()).replace("100000000000.0", "0"),
        json.dumps(some().to_json()).replace("100000000000.0", "NaN"),
        json.dumps(some().to_json()).replace('"matrix"', '"other"'),
        "\udcff",
    ],
)
def test_a_broken_file_is_as_good_as_none(text):
    path = ceilings_path("cpu", MACHINE)
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert load_ceilings("cpu", MACHINE) is None


def test_they_are_kept_with_the_environment():
    assert "ceilings" not in describe_environment("cpu")
    save_ceilings(some(), "cpu", describe_machine())
    assert read_ceilings("cpu") == some()
    found = describe_environment("cpu")["ceilings"]
    assert found == {
        "measured": "2026-11-24T00:00:00+00:00",
        "fp32, 1 thread": "100 GFLOP/s",
        "fp32, 4 threads": "437 GFLOP/s",
        "copy, 1 thread": "20 GB/s",
    }
    assert json.loads(json.dumps(found)) == found


def test_reading_them_imports_no_torch_and_holds_for_a_pinned_process():
    save_ceilings(some(), "cpu", describe_machine())
    code = (
        "import os, sys; from harness.machine.environment import describe_machine, read_ceilings; "
        "describe_machine(); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "print(read_ceilings('cpu') is not None, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.cuda
def test_a_gpu_has_a_rate_for_each_precision():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU on this machine")
    found = measure_ceilings("cuda:0", "A GPU", seconds=0.2)
    values = {rate.precision: rate.value for rate in found.rates}
    assert list(values) == ["fp32", "tf32", "bf16", "fp16", ""]
    assert all(rate.threads is None for rate in found.rates)
    assert values["bf16"] > values["fp32"] > 1e11 and values[""] > 1e10


def _rates(**of_two: float | None) -> Ceilings:
    """Rates of one thread and of two; those of two as given."""
    given = {"kind": "matrix", "precision": "fp32", "n": 9, "size": 64}
    two = {"value": 60e9, "low": 59e9, "high": 61e9} | of_two
    rates = (
        Ceiling(threads=1, value=34.9e9, low=34e9, high=36e9, **given),
        Ceiling(threads=2, **two, **given),
    )
    return Ceilings(hardware="", measured="now", rates=rates)


@pytest.mark.parametrize(
    ("of_two", "words"),
    [
        ({}, ""),
        ({"value": 32e9, "low": 31e9, "high": 33e9}, ""),  # about as much as one: bound by memory
        ({"low": None, "high": None}, ""),
        ({"high": 76e9}, "no ceiling, as its interval is wider than 25 %"),
        ({"low": 44e9}, "no ceiling, as its interval is wider than 25 %"),
        (
            {"value": 31e9, "low": 31e9, "high": 31e9},
            "no ceiling, as 1 thread reached 34.9 GFLOP/s",
        ),
        (
            {"value": 1.2e9, "low": 1.1e9, "high": 2.66e9},
            "no ceiling, as its interval is wider than 25 %",
        ),
    ],
)
def test_what_was_disturbed_is_no_ceiling(of_two: dict[str, float | None], words: str) -> None:
    """On a busy machine two threads reached 1.2 GFLOP/s, +121.7 %, where one reached 34.9."""
    found = _rates(**of_two)
    assert found.problem(found.rates[1]) == words and found.problem(found.rates[0]) == ""
    assert (found.matrix("fp32", 2) is None) == bool(words)
    assert ("fp32, 2 threads" in found.describe()) == (not words)
    assert found.matrix("fp32", 1) is not None
