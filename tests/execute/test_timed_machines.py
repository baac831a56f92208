"""Which machine the jobs that time run on, where there are several."""

from dataclasses import replace

from harness.execute.timed_machines import TimedMachines
from harness.machine.machines import Machine
from harness.plan.jobs import Job

A = Machine(name="a", cpu="EPYC", cores=8, memory_bytes=0, cpu_slots=4)
B, C = replace(A, name="b"), replace(A, name="c", cpu="Xeon")
TIMED = Job("0", "measure", "throughput x", {}, (), {"dataset": "digits"}, exclusive=True)
KIND = {"cpu": {"cpu": "EPYC", "cores": 8}}


def test_all_that_is_timed_on_a_data_set_runs_on_one_machine() -> None:
    timed = TimedMachines(KIND)
    assert timed.allowed(TIMED, [A, B, C]) == ("a", "b")
    timed.settle(TIMED, "b")
    assert timed.allowed(replace(TIMED, label="latency y"), [A, B, C]) == ("b",)
    assert timed.allowed(replace(TIMED, axes={"dataset": "wine"}), [A, B, C]) == ("a", "b")
    assert timed.allowed(replace(TIMED, device="cuda"), [A, B, C]) == ("a", "b", "c")


def test_what_shares_a_machine_may_run_anywhere_and_settles_nothing() -> None:
    timed = TimedMachines(KIND)
    shared = replace(TIMED, exclusive=False)
    timed.settle(shared, "a")
    assert timed.allowed(shared, [A, B, C]) == ()
    assert timed.allowed(TIMED, [A, B, C]) == ("a", "b")


def test_another_machine_of_the_kind_goes_on_where_one_is_gone() -> None:
    timed = TimedMachines(KIND)
    timed.settle(TIMED, "b")
    assert timed.allowed(TIMED, [A, C]) == ("a",)
    assert timed.allowed(TIMED, [C]) is None
    assert timed.words(TIMED) == "cpu EPYC, cores 8"
