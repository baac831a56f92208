"""Needs, one batch first, blocking: what may start, and when. No processes and no places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.execute.schedule import Queue, Step
from harness.plan.jobs import Job


def job(name: str, sort: str, *needs: str, **more: Any) -> Job:
    axes = {"architecture": more.pop("architecture", ""), "seed": more.pop("seed", 0)}
    return Job(fingerprint=name, sort=sort, label=name, spec={}, needs=needs, axes=axes, **more)


def plan() -> list[Job]:
    found = [job("data", "prepare")]
    for architecture in ("a", "b"):
        for seed in (0, 1):
            fit = f"fit {architecture}{seed}"
            found.append(job(fit, "fit", "data", architecture=architecture, seed=seed))
            found.append(job(f"score {architecture}{seed}", "measure", "data", fit))
        found.append(job(f"flops {architecture}", "measure", "data"))
        found.append(job(f"time {architecture}", "measure", "data", exclusive=True))
    return found


def ready(queue: Queue, exclusive: bool = False, device: str = "cpu") -> list[Step]:
    found = []
    while queue.has_ready(device, exclusive):
        found.append(queue.take(device, exclusive))
    return found


def keys(steps: list[Step]) -> list[str]:
    return [step.key for step in steps]


def test_needs_come_first_then_one_batch_then_fits_then_measures() -> None:
    queue = Queue(plan(), ())
    assert len(queue) == 15  # 13 jobs and a batch of each architecture
    (data,) = ready(queue)
    assert data.key == "data" and ready(queue, exclusive=True) == []
    queue.succeed(data)
    assert keys(ready(queue, exclusive=True)) == ["time a", "time b"]
    first_a, first_b, *others = ready(queue)
    assert (first_a.key, first_a.trying) == ("try fit a0", True)
    assert (first_b.key, first_b.trying) == ("try fit b0", True)
    assert keys(others) == ["flops a", "flops b"]
    queue.succeed(first_a)
    assert ready(queue) == []  # no fit before the last batch was tried
    queue.succeed(first_b)
    fits = ready(queue)
    assert keys(fits) == ["fit a0", "fit a1", "fit b0", "fit b1"]
    queue.succeed(fits[2])
    assert keys(ready(queue)) == ["score b0"]


def test_a_failed_batch_blocks_all_seeds_and_lets_the_others_go() -> None:
    queue = Queue(plan(), ())
    queue.succeed(ready(queue)[0])
    first_a, first_b, *_ = ready(queue)
    queue.succeed(first_b)
    assert keys(queue.fail(first_a)) == ["fit a0", "score a0", "fit a1", "score a1"]
    assert keys(ready(queue)) == ["fit b0", "fit b1"]


def test_failed_data_block_everything() -> None:
    queue = Queue(plan(), ())
    blocked = queue.fail(ready(queue)[0])
    assert len(blocked) == 14 and len(queue) == 0
    assert ready(queue) == ready(queue, exclusive=True) == []


def comparing(*fits: str) -> list[Job]:
    jobs = [one for fit in fits for one in (job(fit, "fit"), job(f"shift {fit}", "measure", fit))]
    needs = [one.fingerprint for one in jobs]
    models = [{"fit": fit, "kept": f"shift {fit}"} for fit in fits]
    return [*jobs, replace(job("mce", "measure", *needs), spec={"fits": models})]


def test_a_measure_of_several_models_takes_those_that_are_left() -> None:
    queue = Queue(comparing("a", "b", "c"), {"a", "b", "c", "shift a"})
    b, c = ready(queue)
    assert queue.fail(b) == [] and ready(queue) == []  # it waits for the third model
    queue.succeed(c)
    assert keys(ready(queue)) == ["mce"]
    queue = Queue(comparing("a", "b", "c"), {"a", "b", "shift a", "shift b"})
    assert keys(queue.fail(ready(queue)[0])) == ["shift c"]
    assert keys(ready(queue)) == ["mce"]


def searching(trials: int, in_turn: bool) -> list[Job]:
    jobs = [job("data", "prepare")]
    tried = [f"trial {number}" for number in range(trials)]
    for number, trial in enumerate(tried):
        before = tried[:number] if in_turn else []
        spec = {"search": {}, "searched": before}
        jobs.append(replace(job(trial, "fit", "data", *before), spec=spec))
    jobs.append(replace(job("best", "fit", "data", *tried), spec={"searched": tried}))
    again = {"trained": jobs[-1].spec}
    return [*jobs, replace(job("again", "measure", "best", *jobs[-1].needs), spec=again)]


@pytest.mark.parametrize("in_turn", [True, False])
def test_a_search_goes_on_without_a_trial_that_failed(in_turn: bool) -> None:
    queue = Queue(searching(3, in_turn), {"data"})
    queue.succeed(ready(queue)[0])  # one batch
    seen = []
    while len(queue):
        for step in ready(queue):
            seen.append(step.key)
            if step.key == "trial 1":
                assert queue.fail(step) == []
            else:
                queue.succeed(step)
    assert seen == ["trial 0", "trial 1", "trial 2", "best", "again"]


@pytest.mark.parametrize("in_turn", [True, False])
def test_a_search_all_of_whose_trials_failed_blocks_its_fit(in_turn: bool) -> None:
    queue = Queue(searching(2, in_turn), {"data"})
    queue.succeed(ready(queue)[0])
    blocked = []
    while len(queue):
        for step in ready(queue):
            blocked.append(keys(queue.fail(step)))
    assert blocked == [[], ["best", "again"]]
    queue = Queue(searching(2, in_turn), {"data"})
    assert keys(queue.fail(ready(queue)[0])) == ["trial 0", "trial 1", "best", "again"]


def test_one_model_that_is_left_is_compared_with_nothing() -> None:
    queue = Queue(comparing("a", "b"), {"a", "b", "shift a"})
    assert keys(queue.fail(ready(queue)[0])) == ["mce"]
    jobs = [job("data", "prepare"), *comparing("a", "b", "c")]
    jobs[-1] = replace(jobs[-1], needs=("data", *jobs[-1].needs))
    queue = Queue(jobs, {one.fingerprint for one in jobs} - {"data", "mce"})
    assert keys(queue.fail(ready(queue)[0])) == ["mce"]  # data are none of its models


def test_what_is_finished_is_left_out_and_not_tried() -> None:
    queue = Queue(plan(), {"data", "fit a0", "fit b0", "score a0"})
    assert keys(ready(queue)) == ["try fit a1", "try fit b1", "flops a", "score b0", "flops b"]


def test_a_step_may_be_put_back() -> None:
    queue = Queue(plan(), ())
    (data,) = ready(queue)
    queue.put_back(data)
    assert ready(queue) == [data]


def test_a_need_that_is_no_job_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs nothing, which is no job before it"):
        Queue([job("one", "measure", "nothing")], ())


def test_many_jobs_are_blocked_quickly() -> None:
    jobs = [job("data", "prepare")]
    jobs += [job(f"measure {n}", "measure", "data") for n in range(100_000)]
    queue = Queue(jobs, ())
    assert len(queue.fail(ready(queue)[0])) == 100_000


def test_what_has_not_started_can_be_dropped() -> None:
    queue = Queue(plan(), ())
    (data,) = ready(queue)
    queue.succeed(data)
    first_a, *_ = ready(queue)
    dropped = keys(queue.drop({first_a.key}))
    assert len(dropped) == 13 and dropped[0] == "fit a0" and first_a.key not in dropped
    assert len(queue) == 1 and not ready(queue) and not ready(queue, exclusive=True)
    queue.succeed(first_a)
    assert len(queue) == 0 and ready(queue) == []


def test_one_fit_alone_is_its_own_first_batch() -> None:
    queue = Queue(plan()[:3], ())
    (data,) = ready(queue)
    queue.succeed(data)
    assert [(step.key, step.trying) for step in ready(queue)] == [("fit a0", False)]
    rest = Queue(plan(), ("data", "fit a0", "fit a1", "fit b0"))
    assert not any(step.trying for step in ready(rest))


def test_of_one_sort_the_longest_starts_first_and_equals_in_the_order_of_the_plan() -> None:
    seconds = {"fit a1": 2.0, "fit b0": 9.0, "score a0": 99.0}
    queue = Queue(plan(), ("data",), lambda job: seconds.get(job.label, 1.0))
    first_a, first_b, *_ = ready(queue)
    assert (first_a.key, first_b.key) == ("try fit a0", "try fit b0")  # one batch each
    queue.succeed(first_a)
    queue.succeed(first_b)
    fits = ready(queue)
    assert keys(fits) == ["fit b0", "fit a1", "fit a0", "fit b1"]
    seconds["score b0"] = 100.0  # learnt meanwhile
    for fit in fits[::2]:
        queue.succeed(fit)
    assert keys(ready(queue)) == ["score b0", "score a0"]
    queue.succeed(fits[3])
    queue.put_back(fits[1])  # another run is at the longest
    assert keys(ready(queue)) == ["fit a1", "score b1"]


def test_copies_under_one_shift_are_taken_together() -> None:
    def copy(shift: str, severity: int) -> Job:
        name = f"{shift}@{severity}"
        spec = {"data": "data", "shift": {"name": shift}, "severity": severity, "seed": 0}
        return Job(name, "prepare", name, spec, ("data",), {})

    copies = [copy(shift, severity) for severity in (1, 2, 3) for shift in ("fog", "frost")]
    queue = Queue([job("data", "prepare"), *copies], finished=["frost@2"])
    data = queue.take("cpu", False)
    assert queue.take_alike(data, 2) == []
    queue.succeed(data)
    first = queue.take("cpu", False)
    assert first.key == "fog@1" and keys(queue.take_alike(first, 2)) == ["fog@2", "fog@3"]
    first = queue.take("cpu", False)
    assert first.key == "frost@1" and keys(queue.take_alike(first, 2)) == ["frost@3"]
    assert not queue.has_ready("cpu", False)


def test_a_measure_that_can_refuse_is_asked_before_the_first_fit() -> None:
    asked = {"spec": {"data": "data", "checked": True}}
    jobs = [job("data", "prepare"), job("copy", "prepare", "data"), job("fit", "fit", "data")]
    for seed in (0, 1):
        made = job(f"proof {seed}", "measure", "data", "copy", "fit", seed=seed)
        jobs.append(replace(made, **asked))
    queue = Queue(jobs, ())
    queue.succeed(ready(queue)[0])
    copy, refusal = sorted(ready(queue), key=lambda step: step.trying)
    assert copy.key == "copy" and (refusal.key, refusal.trying) == ("try proof 0", True)
    queue.succeed(copy)
    assert ready(queue) == []  # a single fit, too, waits for the answer
    assert keys(queue.fail(refusal)) == ["proof 0", "proof 1"]
    assert keys(queue.drop_unwanted()) == ["fit"] and queue.drop_unwanted() == []
    assert ready(queue) == [] and len(queue) == 0
    assert [step.trying for step in ready(Queue(jobs, ("data", "copy", "fit")))] == [False, False]


def test_a_fit_that_another_measure_takes_is_made_although_one_refuses_it() -> None:
    asked = {"spec": {"data": "data", "checked": True}}
    jobs = [job("data", "prepare"), job("fit", "fit", "data")]
    jobs += [replace(job("proof", "measure", "data", "fit"), **asked)]
    queue = Queue([*jobs, job("score", "measure", "data", "fit")], ("data",))
    (refusal,) = ready(queue)
    assert keys(queue.fail(refusal)) == ["proof"] and queue.drop_unwanted() == []
    assert keys(ready(queue)) == ["fit"]
    assert Queue([*jobs[:2]], ("data",)).drop_unwanted() == []  # asked for as it is


def test_measures_of_one_model_are_taken_in_turn_as_long_as_no_place_is_left_without() -> None:
    def measure(name: str, model: str) -> Job:
        spec = {"data": "d", "precision": "fp32", "fit": "", "shares_process": True}
        return Job(name, "measure", name, spec | {"architecture": {"name": model}}, (), {})

    def queue(seconds: float, others: int) -> Queue:
        jobs = [measure(f"a{k}", "a") for k in range(6)]
        jobs += [measure(f"b{k}", f"b{k}") for k in range(others)]
        return Queue(jobs, (), lambda job: seconds)

    for seconds, others, places, taken in (
        (0.1, 0, 2, ["a1", "a2"]),  # half of all, with the first
        (0.1, 0, 1, ["a1", "a2", "a3", "a4", "a5"]),
        (0.1, 6, 2, ["a1", "a2", "a3", "a4", "a5"]),
        (4.0, 60, 2, ["a1"]),  # ten seconds at most
        (40.0, 60, 2, []),
    ):
        made = queue(seconds, others)
        first = made.take("cpu", False)
        assert first.key == "a0" and keys(made.take_alike(first, places)) == taken
        left = keys(ready(made))
        assert sorted([first.key, *taken, *left]) == [
            *(f"a{k}" for k in range(6)),
            *(f"b{k}" for k in sorted(range(others), key=str)),
        ]
    made = queue(0.1, 0)
    first = made.take("cpu", False)
    [second] = made.take_alike(first, 3)
    made.put_back(second)
    assert keys(ready(made)) == ["a1", "a2", "a3", "a4", "a5"] and not made.has_ready("cpu", False)
    assert made.take_alike(first, 1) == []
