from __future__ import annotations

import pytest

from harness.plan.estimate import Remaining, fitting, make_estimator
from harness.plan.jobs import Job


def job(label: str, *needs: str, **fields: object) -> Job:
    sort = "fit" if label.startswith("fit") else "measure"
    return Job(
        fingerprint=label, sort=sort, label=label, spec={}, needs=needs, axes={}, **fields  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_job_takes_what_the_likest_job_took() -> None:
    estimate = make_estimator({"fit mlp#0 d": 2.0, "fit mlp#1 d": 4.0, "fit vit#0 d": 30.0})
    start = 0.15
    assert estimate(job("fit mlp#0 d")) == pytest.approx(2.0 + start)
    assert estimate(job("fit mlp#9 d")) == pytest.approx(3.0 + start)  # median of the architecture
    assert estimate(job("fit gru#0 d")) == pytest.approx(4.0 + start)  # median of the sort
    assert estimate(job("accuracy gru#0 d")) == pytest.approx(1.0 + start)  # nothing like it


def test_shared_jobs_are_packed_and_exclusive_ones_are_not() -> None:
    jobs = [job(f"fit {n}") for n in range(4)] + [job("throughput x", exclusive=True)]
    remaining = Remaining(jobs, lambda one: 10.0, cpu_slots=2, gpus=0)
    assert remaining.seconds() == pytest.approx(4 * 10 / 2 + 10)
    remaining.discard("fit 0")
    remaining.discard("fit 0")
    assert (len(remaining), remaining.seconds()) == (4, pytest.approx(25.0))
    for one in jobs:
        remaining.discard(one.fingerprint)
    assert remaining.seconds() == 0.0


def test_what_fits_is_taken_with_all_that_it_needs() -> None:
    jobs = [
        job("fit a"),
        job("accuracy a", "fit a"),
        job("fit b"),
        job("accuracy b", "fit b"),
        job("skipped", skip="it makes no sense"),
    ]

    def fits(budget: float, finished: tuple[str, ...] = ()) -> list[str]:
        taken = fitting(jobs, finished, lambda one: 10.0, 1, 0, budget)
        return [one.label for one in taken]

    assert fits(0) == []
    assert fits(10) == ["fit a"]
    assert fits(25) == ["fit a", "accuracy a"]
    assert fits(1000) == ["fit a", "accuracy a", "fit b", "accuracy b"]
    assert fits(10, ("fit a", "accuracy a")) == ["fit b"]
    assert fits(10, ("fit a",)) == ["accuracy a"]
