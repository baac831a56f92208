"""Being alone on a device: waiting for it in words, and giving it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.execute import alone, waits
from harness.execute.alone import alone_on, alone_on_machine
from harness.execute.device_locks import DeviceLocks


def test_it_says_what_it_waits_for_and_gives_the_device_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(waits, "_SILENT_SECONDS", 0.05)
    monkeypatch.setattr(alone, "_LOOK_SECONDS", 0.02)
    mine, theirs = DeviceLocks("mine-0001"), DeviceLocks("theirs-0001")
    assert theirs.acquire("cpu", False, "fit a")
    said: list[str] = []

    def report(words: str) -> None:
        said.append(words)
        theirs.release("cpu", "fit a")

    with alone_on("cpu", "latency b", mine, report):
        assert not theirs.acquire("cpu", False, "fit c")
    assert len(said) == 1 and said[0].startswith("waits for fit a of theirs-0001 (process ")
    assert theirs.acquire("cpu", True, "fit c")


def test_the_whole_machine_is_held_from_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    theirs = DeviceLocks()
    with alone_on_machine("the measuring of ceilings", "harness doctor", print):
        assert not theirs.acquire("cpu", False)
        words = "the measuring of ceilings of harness doctor (process "
        assert theirs.words("cpu").startswith(words)
    assert theirs.acquire("cpu", False)
