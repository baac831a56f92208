"""`harness doctor --measure` measures, keeps and shows what the machine reaches at most."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.doctor_command import _show_ceilings, command
from harness.machine import doctor
from harness.machine.ceilings import Ceiling, Ceilings
from harness.machine.devices import cpu_count
from harness.machine.environment import read_ceilings
from harness.measure import ceiling_timing

UNKNOWN = "cpu: not measured: harness doctor --measure"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder; measurements are short and small."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(ceiling_timing, "CPU_SIDES", (64, 128))
    monkeypatch.setattr(ceiling_timing, "_array_bytes", lambda device: 2**22)
    for module in (doctor, ceiling_timing):
        monkeypatch.setattr(module, "ceiling_devices", lambda: ("cpu",))
    monkeypatch.setattr(
        ceiling_timing, "measure_machine", partial(ceiling_timing.measure_machine, seconds=0.02)
    )
    return tmp_path / "cache"


def test_it_measures_and_keeps(cache: Path) -> None:
    before = CliRunner().invoke(command)
    assert UNKNOWN in before.stdout and not cache.exists()
    assert json.loads(CliRunner().invoke(command, ["--json"]).stdout)["ceilings"] == {"cpu": None}

    measured = CliRunner().invoke(command, ["--measure"])
    assert measured.exit_code == 0, measured.output
    rates = 3 * len({1, cpu_count()})
    parts = 3 * rates  # rounds
    assert f"cpu [1/{parts}] fp32 matrix products, 1 thread\n" in measured.stderr
    assert f"cpu [{parts}/{parts}] copy" in measured.stderr
    lines = measured.stdout.splitlines()
    for title in ("fp32, 1 thread", "bf16, 1 thread"):
        (line,) = (line for line in lines if line.strip().startswith(title))
        assert "GFLOP/s" in line and "95 % interval" in line
    assert any("copy, 1 thread" in line and "GB/s" in line for line in lines)

    again = CliRunner().invoke(command)  # shows what is kept
    assert again.stdout == measured.stdout and again.stderr == ""
    found = json.loads(CliRunner().invoke(command, ["--json"]).stdout)["ceilings"]["cpu"]
    assert Ceilings.from_json(found) == read_ceilings("cpu")
    assert len(found["rates"]) == rates


@pytest.mark.slow
def test_a_broken_file_is_measured_anew(cache: Path) -> None:
    CliRunner().invoke(command, ["--measure"])
    (file,) = cache.rglob("ceilings/*.json")
    file.write_text('{"format": 2, "rates": [{}]}')
    assert UNKNOWN in CliRunner().invoke(command).stdout
    assert UNKNOWN not in CliRunner().invoke(command, ["--measure"]).stdout
    assert read_ceilings("cpu") is not None


def test_a_cache_that_cannot_be_written_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file")
    failed = CliRunner().invoke(command, ["--measure"])
    assert failed.exit_code != 0
    assert "cpu [1/" not in failed.stderr  # said at once, not after a minute of measuring
    assert "set XDG_CACHE_HOME" in str(failed.exception)


def test_what_was_disturbed_is_said_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    rate = Ceiling(
        kind="matrix", precision="fp32", threads=2, value=1.2e9, low=1.1e9, high=2.66e9, n=9, size=8
    )
    _show_ceilings("cpu", Ceilings(hardware="x", measured="now", rates=(rate,)).to_json())
    line = capsys.readouterr().out.splitlines()[1]
    assert "+121.7 %" in line
    assert (
        "no ceiling, as its interval is wider than 25 %: measure again while nothing else" in line
    )
