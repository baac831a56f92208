"""Two sides that take turns: the order, what is kept, and a side whose neighbour ends."""

import json
import os
import threading

import pytest

from harness.measure import alternation
from harness.measure.timing import time_calls


@pytest.fixture
def pipes(tmp_path):
    paths = [str(tmp_path / name) for name in "ab"]
    for path in paths:
        os.mkfifo(path)
    handles = [os.open(path, os.O_RDWR) for path in paths]
    yield paths, handles
    for handle in handles:
        os.close(handle)


def test_two_sides_alternate(pipes, tmp_path):
    (a, b), handles = pipes
    order, logs = [], [tmp_path / "a.json", tmp_path / "b.json"]

    def side(name, mine, theirs, log):
        def block():
            order.append(name)
            return alternation.SLICE_SECONDS  # a turn is one block

        taken = alternation.Alternation.open({"mine": mine, "theirs": theirs}, log).sample(
            "batch 1", block, 1
        )
        assert len(taken) == alternation.TURNS

    threads = [
        threading.Thread(target=side, args=("A", a, b, logs[0])),
        threading.Thread(target=side, args=("B", b, a, logs[1])),
    ]
    for thread in threads:
        thread.start()
    alternation.begin(handles[0])
    for thread in threads:
        thread.join(20)
    assert "".join(order) == "AB" * alternation.TURNS
    for log in logs:
        assert json.loads(log.read_text()) == [
            {"series": "batch 1", "medians": [alternation.SLICE_SECONDS] * alternation.TURNS}
        ]


def test_a_side_whose_neighbour_ended_goes_on_alone(pipes):
    (a, b), handles = pipes
    own = alternation.Alternation.open({"mine": a, "theirs": b}, log=None)
    alternation.leave_alone(handles[0])
    assert len(own.sample("", lambda: alternation.SLICE_SECONDS, 1)) == alternation.TURNS


def test_timing_takes_its_turns(pipes, monkeypatch, tmp_path):
    (a, b), handles = pipes
    log = tmp_path / "turns.json"
    monkeypatch.setattr(
        alternation, "current", alternation.Alternation.open({"mine": a, "theirs": b}, log)
    )
    monkeypatch.setattr(alternation, "SLICE_SECONDS", 0.001)
    alternation.leave_alone(handles[0])
    timing = time_calls(lambda: None, seconds=0.01, calls_per_block=100, series="batch 4")
    (kept,) = json.loads(log.read_text())
    assert kept["series"] == "batch 4"
    assert len(kept["medians"]) == alternation.TURNS <= len(timing.samples)
