"""Where the time of a run went: parts that add up, whatever ran at once, and what would shorten it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from made_rows import job_row

from harness.summary.run_times import read_times

BEGAN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def job(label, start, seconds, *, needs=(), exclusive=False, cached=False, **axes):
    sort = label.split()[0]
    started = (BEGAN + timedelta(seconds=start)).isoformat(timespec="milliseconds")
    return job_row(
        sort,
        fingerprint=label,
        label=label,
        axes=axes,
        seconds=seconds,
        needs=needs,
        exclusive=exclusive,
        shared=not exclusive,
        cached=cached,
        started=started,
    )


def times(jobs, seconds):
    found = read_times(
        SimpleNamespace(jobs=tuple(jobs), seconds=seconds, started=BEGAN.isoformat())
    )
    assert found is not None
    assert sum(part.seconds for part in found.wall) == pytest.approx(seconds)
    return found, {part.what.split(",")[0].split(":")[0]: part.seconds for part in found.wall}


def test_the_parts_of_a_run_on_two_places():
    """2 s of start, data, two fits at once and the longer one on, a pause, one that is timed, 3 s at the end."""
    jobs = [
        job("prepare digits", 2, 4),
        job("fit cnn", 6, 30, needs=("prepare digits",), architecture="cnn"),
        job("fit mlp", 6, 10, needs=("prepare digits",), architecture="mlp"),
        job("measure speed", 37, 10, needs=("fit cnn",), exclusive=True, measure="speed"),
        job("fit old", 0, 99, cached=True, architecture="old"),
    ]
    found, wall = times(jobs, 50.0)
    assert found.places == 2
    assert wall == pytest.approx({
        "before the first job": 2.0,
        "2 jobs at once": 10.0,
        "a job that is timed or weighed": 10.0,
        "fewer than 2 jobs": 20.0,
        "no job": 1.0,
        "after the last job": 3.0,
    })  # fmt: skip
    assert [(one.what, one.seconds, one.jobs) for one in found.jobs["sort"]] == [
        ("fit", 40.0, 2), ("measure", 10.0, 1), ("prepare", 4.0, 1),
    ]  # fmt: skip
    assert [one.what for one in found.jobs["architecture"]] == ["cnn", "mlp"]
    assert found.chain == ("prepare digits", "fit cnn", "measure speed")
    assert found.chain_seconds == 44.0
    assert found.advice[0].startswith("Timed alone: 10 s of 50 s (speed)")
    assert "a place was idle, as measure speed was left" in found.advice[1]
    assert len(found.advice) == 3 and "down to 44 s at best" in found.advice[2]


def test_jobs_that_share_a_process_are_one():
    shared = [job(f"measure {n}", 0, 2.5, measure="shift") for n in range(4)]
    found, wall = times(shared, 10.0)
    assert found.places == 1 and wall == {"a job": 10.0}
    assert found.jobs["measure"][0].seconds == 10.0 and found.jobs["measure"][0].jobs == 4


def test_a_chain_as_long_as_the_run_gains_nothing_by_places():
    jobs = [job(f"fit {n}", 10 * n, 10, needs=(f"fit {n - 1}",)) for n in range(5)]
    found, _ = times(jobs, 50.0)
    assert found.advice == (
        "More places would not help: the longest chain of jobs that need one another takes 50 s of 50 s.",
    )


def test_a_run_that_did_nothing_has_no_times():
    cached = job("fit old", 0, 9, cached=True)
    assert read_times(SimpleNamespace(jobs=(cached,), seconds=1.0, started="")) is None


def test_a_late_first_job_may_be_due_to_another_run():
    found, _ = times([job("fit cnn", 20, 10)], 30.0)
    assert "20 s passed before the first job" in found.advice[0]
    assert "another run had the machine" in found.advice[0]
