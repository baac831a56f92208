"""When a wait for another run is worth a word."""

from __future__ import annotations

import pytest

from harness.execute import waits
from harness.execute.waits import Waits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(waits.time, "monotonic", lambda: now[0])
    return now


def test_a_short_wait_is_not_told(clock: list[float]) -> None:
    found = Waits("r-1")
    assert found.look(["a"]) is None
    clock[0] += 0.9
    assert found.look(["a"]) is None
    assert found.look([]) is None  # nor is its end
    clock[0] += 0.9
    assert found.look(["a"]) is None  # another wait begins anew


def test_a_long_wait_is_told_when_it_changes_and_now_and_then(clock: list[float]) -> None:
    found = Waits("r-1")
    found.look(["a", "a", "b"])
    clock[0] += 1.5
    event = found.look(["a", "a", "b"])
    assert event is not None
    assert (event.run, event.waits_for, event.seconds) == ("r-1", ("a", "b"), 1.5)
    clock[0] += 1.0
    assert found.look(["a", "b"]) is None
    changed = found.look(["b"])
    assert changed is not None and changed.waits_for == ("b",)
    clock[0] += 10.0
    again = found.look(["b"])
    assert again is not None and again.seconds == 12.5
    clock[0] += 0.5
    over = found.look([])
    assert over is not None and over.waits_for == () and over.seconds == 13.0
    assert found.look([]) is None
