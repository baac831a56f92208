"""What a fit took: evaluation is left out, idle time takes no cores, an earlier attempt counts."""

import time

import pytest

from harness.train.clock import TIMES, Clock


def work(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_looking_counts_as_neither_training_nor_its_cores() -> None:
    begun = time.process_time()
    clock = Clock()
    work(0.02)
    time.sleep(0.02)
    with clock.looking():
        work(0.03)
    took = clock.state()
    assert tuple(took) == TIMES
    assert 0.02 <= took["core_seconds"] <= time.process_time() - begun - 0.03
    assert took["seconds"] >= 0.07
    assert took["seconds"] - took["training_seconds"] >= 0.03
    assert took["training_seconds"] >= 0.04


def test_it_goes_on_from_an_earlier_attempt() -> None:
    before = {"seconds": 100.0, "training_seconds": 80.0, "core_seconds": 60.0}
    assert Clock(before).state() == pytest.approx(before, abs=5)
    assert all(value >= before[name] for name, value in Clock(before).state().items())
