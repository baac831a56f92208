"""The meters of energy, on counters that a test moves."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest
from powercap_tree import Powercap

from harness.errors import NotApplicable
from harness.machine import energy
from harness.machine.energy import Counter, Meter, metered, open_meter


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Powercap:
    powercap = Powercap(tmp_path / "powercap")
    monkeypatch.setattr(energy, "POWERCAP", powercap.folder)
    return powercap


def test_packages_and_their_memory_are_counted_once(tree: Powercap) -> None:
    meter = open_meter("cpu")
    assert meter.says == "package-0 (intel-rapl:0), dram (intel-rapl:0:1), package-1 (intel-rapl:1)"
    tree.set("intel-rapl:0", 1_000_000)
    with meter:
        assert meter.joules() == 0
        for zone in Powercap.NAMES:
            tree.set(zone, 3_500_000)
        assert meter.joules() == pytest.approx(2.5 + 3.5 + 3.5)
        assert meter.joules() == pytest.approx(9.5)


def test_a_counter_that_wraps_goes_on(tree: Powercap) -> None:
    tree.set("intel-rapl:1", 9_000_000)
    with open_meter("cpu") as meter:
        tree.set("intel-rapl:1", 500_000)
        assert meter.joules() == pytest.approx(1.5)


def test_it_is_read_often_enough_to_see_each_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "POLL_SECONDS", 0.001)
    reads, value = [0], [0.0]

    def read() -> float:
        reads[0] += 1
        return value[0]

    with Meter([Counter("it", read, wraps=10.0)]) as meter:
        for joules in (6, 12, 18, 24, 30):
            value[0] = joules % 10
            seen, until = reads[0], time.monotonic() + 10
            while reads[0] < seen + 2 and time.monotonic() < until:
                time.sleep(0.001)
        assert meter.joules() == pytest.approx(30)


@pytest.mark.skipif(sys.platform != "linux", reason="powercap is Linux'")
def test_a_counter_that_may_not_be_read_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        tree = Powercap(Path(name) / "powercap")
        monkeypatch.setattr(energy, "POWERCAP", tree.folder)
        forbidden = tree.folder / "intel-rapl:0" / "energy_uj"
        forbidden.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # nobody: root may read anything
        try:
            with pytest.raises(NotApplicable) as raised:
                open_meter("cpu")
        finally:
            if root:
                os.seteuid(0)
    assert str(raised.value) == (
        f"energy is not available on this machine: {forbidden} cannot be read (Permission denied); "
        "its administrator can allow it: chmod a+r"
    )


def test_a_damaged_counter_is_told(tree: Powercap) -> None:
    (tree.folder / "intel-rapl:1" / "max_energy_range_uj").write_text("many")
    with pytest.raises(NotApplicable, match="intel-rapl:1/energy_uj cannot be read"):
        open_meter("cpu")


def test_a_machine_without_counters_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    with pytest.raises(NotApplicable, match="the kernel shows no RAPL counter"):
        open_meter("cpu")
    with pytest.raises(NotApplicable, match="no meter is known for tpu"):
        open_meter("tpu")
    with metered("cpu", "tpu") as joules:
        assert joules() is None


def test_what_is_metered_is_the_sum_of_what_can_be(tree: Powercap) -> None:
    with metered("cpu", "tpu") as joules:
        tree.set("intel-rapl:0", 2_000_000)
        assert joules() == pytest.approx(2.0)
        (tree.folder / "intel-rapl:0" / "energy_uj").unlink()
        assert joules() is None


@pytest.mark.cuda
def test_a_gpu_is_metered() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with open_meter("cuda:0") as meter:
        matrix = torch.rand(4096, 4096, device="cuda")
        until = time.monotonic() + 1
        while time.monotonic() < until:
            (matrix @ matrix).sum().item()
        assert meter.joules() > 10
