from __future__ import annotations

from dataclasses import replace

import pytest

from harness.plan.estimate import Likely, Remaining, fitting
from harness.plan.jobs import Job


def job(label: str, *needs: str, **fields: object) -> Job:
    sort = "fit" if label.startswith("fit") else "measure"
    spec = fields.pop("spec", {})
    return Job(
        fingerprint=label, sort=sort, label=label, spec=spec, needs=needs, axes={}, **fields  # type: ignore[arg-type]
    )  # fmt: skip


START = 0.15


def test_a_job_takes_what_the_likest_job_took() -> None:
    likely = Likely({"fit mlp#0 d": 2.0, "fit mlp#1 d": 4.0, "fit vit#0 d": 30.0})
    assert likely(job("fit mlp#0 d")) == pytest.approx(2.0 + START)
    assert likely(job("fit mlp#9 d")) == pytest.approx(3.0 + START)  # median of the architecture
    assert likely(job("fit gru#0 d")) == pytest.approx(4.0 + START)  # median of the sort
    assert likely(job("accuracy gru#0 d")) == pytest.approx(0.5 + START)  # nothing like it


def test_a_fit_like_none_before_takes_what_its_epochs_and_its_data_make_likely() -> None:
    sizes = {"small": (1000, 5), "large": (10_000, 3072), "unknown": None}
    likely = Likely({"fit mlp#0 other": 9.0}, extents=lambda label: sizes[label])

    def fit(data: str, epochs: int | None, device: str = "cpu", **training: float) -> Job:
        made = job(
            f"fit net#0 {data}",
            spec={"training": {"epochs": epochs, "batch_size": 60, **training}},
            device=device,
        )
        return replace(made, axes={"dataset": data})

    start = START + 0.2
    assert likely(fit("small", 10)) == pytest.approx(start + 10 * 600 * 2e-5)
    assert likely(fit("large", 10)) == pytest.approx(start + 10 * 6000 * 3072 * 2e-6)
    assert likely(fit("small", None)) == pytest.approx(start + 50 * 600 * 2e-5)  # 500 steps of 10
    assert likely(fit("small", 10, train_share=0.1)) == pytest.approx(start + 10 * 60 * 2e-5)
    assert likely(fit("small", 0)) == pytest.approx(start)  # weights are loaded
    assert likely(fit("unknown", 10)) == likely(fit("small", 10, "cuda")) == 9.0 + START
    likely.learn(fit("large", 10), 4.0)
    assert likely(fit("small", 10)) == pytest.approx(4.0 + START)  # others of this run


def test_a_fit_takes_as_much_longer_as_it_has_more_epochs() -> None:
    def fit(label: str, epochs: int | None) -> Job:
        return job(label, spec={"training": {"epochs": epochs}})

    likely = Likely({"fit mlp#0 d": 2.0}, {"fit mlp#0 d": (20, 30)})
    assert likely(fit("fit mlp#0 d", 20)) == pytest.approx(2 + START)
    assert likely(fit("fit mlp#0 d", 40)) == pytest.approx(4 + START)
    assert likely(fit("fit mlp#0 d", None)) == pytest.approx(3 + START)  # the default length
    assert likely(fit("fit mlp#7 d", 40)) == pytest.approx(4 + START)  # another seed
    assert likely(fit("fit vit#0 d", 40)) == pytest.approx(2 + START)  # nothing is known of it


def test_what_is_learnt_in_this_run_comes_first() -> None:
    """Options may be others than before, so that even the same label takes another time."""
    likely = Likely({"fit mlp#0 d": 2.0, "fit vit#0 d": 30.0})
    for number, seconds in enumerate((100.0, 300.0, 120.0)):
        likely.learn(job(f"fit mlp#{number} d"), seconds)
    assert likely(job("fit mlp#0 d")) == pytest.approx(120.0 + START)
    assert likely(job("fit vit#0 d")) == pytest.approx(30.0 + START)  # its own past
    assert likely(job("fit gru#0 d")) == pytest.approx(120.0 + START)  # nothing like it but these
    likely.learn(job("fit mlp#3 d"), 200.0)
    assert likely(job("fit mlp#0 d")) == pytest.approx(160.0 + START)


def test_no_measure_takes_less_than_its_options_ask_for() -> None:
    """Sixty seconds of timing were estimated as one, or as what half a second had taken before."""
    long = job("throughput mlp digits", spec={"asked_seconds": 60.0})
    assert Likely({})(long) == pytest.approx(60.65)
    assert Likely({"throughput mlp digits": 2.0})(long) == pytest.approx(60.15)
    assert Likely({"throughput lenet digits": 2.0})(long) == pytest.approx(60.15)
    assert Likely({"throughput mlp digits": 70.0})(long) == pytest.approx(70.15)


def test_shared_jobs_are_packed_and_exclusive_ones_are_not() -> None:
    jobs = [job(f"fit {n}") for n in range(4)] + [job("throughput x", exclusive=True)]
    likely = Likely({"fit 0": 10.0 - START, "throughput x": 10.0 - START})
    remaining = Remaining(jobs, likely, cpu_slots=2, gpus=0)
    assert remaining.seconds() == pytest.approx(4 * 10 / 2 + 10)
    remaining.discard("fit 0")
    remaining.discard("fit 0")
    assert (len(remaining), remaining.seconds()) == (4, pytest.approx(25.0))
    for one in jobs:
        remaining.discard(one.fingerprint)
    assert remaining.seconds() == pytest.approx(0.0)


def test_what_is_left_takes_what_its_like_took_in_this_run() -> None:
    jobs = [job(f"adversarial {name}#{n} d") for name in ("mlp", "vit") for n in range(3)]
    jobs += [job("accuracy mlp#0 d")]
    likely = Likely({jobs[0].label: 1.0, jobs[3].label: 5.0})
    remaining = Remaining(jobs, likely, cpu_slots=1, gpus=0)
    # of the others of an architecture the one that ran before tells
    assert remaining.seconds() == pytest.approx(3 * 1 + 3 * 5 + 0.5 + 7 * START)
    remaining.discard(jobs[0].fingerprint)
    remaining.learn(jobs[0], 60.0)
    assert remaining.seconds() == pytest.approx(2 * 60 + 3 * 5 + 0.5 + 6 * START)
    for one in jobs[3:6]:
        remaining.discard(one.fingerprint)
    assert remaining.seconds() == pytest.approx(2 * 60 + 0.5 + 3 * START)


def test_the_estimate_of_many_jobs_is_each_job_s_likely_time() -> None:
    jobs = [
        job(f"{sort} {name}#{n} d", exclusive=sort == "throughput")
        for sort in ("fit", "accuracy", "throughput")
        for name in ("mlp", "vit", "gru")
        for n in range(5)
    ]
    likely = Likely({jobs[3].label: 7.0, jobs[4].label: 8.0, jobs[16].label: 3.0})
    remaining = Remaining(jobs, likely, cpu_slots=2, gpus=0)
    for one, seconds in ((jobs[0], 50.0), (jobs[20], 2.0), (jobs[31], 4.0), (jobs[32], 6.0)):
        remaining.discard(one.fingerprint)
        remaining.learn(one, seconds)
        each = sum(likely(one) / (1 if one.exclusive else 2) for one in remaining.jobs())
        assert remaining.seconds() == pytest.approx(each)


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
