"""Hardware, as the system tells it and as its files are read."""

import math
import os

import pytest
import torch

from harness.machine import devices
from harness.machine.devices import (
    Gpu,
    cpu_count,
    cpu_model,
    gpus,
    parse_gpus,
    parse_quota,
    select_gpus,
    total_memory,
)
from harness.machine.machines import this_machine

TABLE = """\
GPU-aaaa, 0, NVIDIA H100 80GB HBM3, 81559, 550.54.15
GPU-bbbb, 1, NVIDIA A10, 23028, 550.54.15
GPU-cccc, 2, NVIDIA A10, [N/A], 550.54.15
"""


def test_the_machine_at_hand():
    assert 1 <= cpu_count() <= os.cpu_count()
    assert cpu_model()
    assert total_memory() > 2**28


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity")
def test_affinity_counts():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cpu_count() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", math.inf), ("200000 100000", 2), ("50000 100000", 0.5), ("", math.inf)],
)
def test_cgroup_quota(text, cores):
    assert parse_quota(text) == cores


def test_half_a_core_is_one(monkeypatch):
    monkeypatch.setattr(devices, "_cpu_quota", lambda: 0.5)
    assert cpu_count() == 1


def test_the_table_of_gpus():
    found = parse_gpus(TABLE + "No devices were found\n")
    assert [uuid for uuid, _ in found] == ["GPU-aaaa", "GPU-bbbb", "GPU-cccc"]
    assert found[0][1] == Gpu(0, "NVIDIA H100 80GB HBM3", 81559 * 2**20, "550.54.15")
    assert found[2][1].memory_bytes == 0


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["NVIDIA H100 80GB HBM3", "NVIDIA A10", "NVIDIA A10"]),
        ("", []),
        ("-1", []),
        ("1", ["NVIDIA A10"]),
        ("1,0", ["NVIDIA A10", "NVIDIA H100 80GB HBM3"]),
        ("0,7,1", ["NVIDIA H100 80GB HBM3"]),  # what is not there ends the list
        ("GPU-bb", ["NVIDIA A10"]),
    ],
)
def test_visible_gpus(visible, names):
    found = select_gpus(parse_gpus(TABLE), visible)
    assert [gpu.name for gpu in found] == names
    assert [gpu.index for gpu in found] == list(range(len(names)))


def fake_smi(folder, body: str):
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


@pytest.fixture
def no_cache():
    devices._query_gpus.cache_clear()
    yield
    devices._query_gpus.cache_clear()


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
def test_gpus_are_asked_for_once(monkeypatch, tmp_path, no_cache):
    fake_smi(tmp_path, f"echo x >> {tmp_path}/asked\nprintf '%s' '{TABLE}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert gpus()[0].name == "NVIDIA A10"
    here = this_machine()
    assert here.hardware("cuda:1") == {"gpu": "NVIDIA H100 80GB HBM3", "driver": "550.54.15"}
    assert here.hardware("cuda") == {"gpu": "NVIDIA A10", "driver": "550.54.15"}
    assert here.hardware("cuda:5")["gpu"] == "unknown"
    assert (tmp_path / "asked").read_text() == "x\n"


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
@pytest.mark.parametrize("body", ["exit 9", "exec sleep 20"])
def test_a_broken_or_hanging_driver_means_no_gpus(monkeypatch, tmp_path, no_cache, body):
    fake_smi(tmp_path, body)
    monkeypatch.setattr(devices, "_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpus() == ()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_gpus_agree_with_torch():
    assert len(gpus()) == torch.cuda.device_count()
