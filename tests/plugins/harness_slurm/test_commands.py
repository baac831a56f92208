"""What Slurm prints, read."""

from __future__ import annotations

import math

import pytest

from harness_slurm.commands import SlurmTask, minutes, read_numbers, read_tasks, said, task_here


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 0.5),
        ("30:00", 30.0),
        ("4:00:00", 240.0),
        ("2-00:00:00", 2880.0),
        ("1-12", 2160.0),
        ("1-12:30", 2190.0),
        ("infinite", math.inf),
        ("n/a", math.inf),
    ],
)
def test_time_limits_in_minutes(text: str, expected: float) -> None:
    assert minutes(text) == expected


def test_tasks_of_a_queue() -> None:
    printed = (
        "3_0|harness-a|RUNNING|n01|None\n"
        "3_1|harness-a|PENDING||Resources\n"
        "7|harness-b|OUT_OF_MEMORY|n02|launch failed | held\n"
        "slurm_load_jobs error\n"
    )
    found = read_tasks(printed)
    assert list(found) == ["3_0", "3_1", "7"]
    assert found["3_1"] == SlurmTask("3_1", "harness-a", "PENDING", "", "Resources")
    assert found["7"].reason == "launch failed | held"
    assert [task.is_live for task in found.values()] == [True, True, False]


def test_numbers_of_cpus() -> None:
    assert read_numbers("0-2,5") == {0, 1, 2, 5}
    assert read_numbers("7") == {7}


def test_errors_lose_the_names_of_programs_and_are_said_once() -> None:
    text = (
        "sbatch: error: invalid partition specified: nope\n"
        "sbatch: error: invalid partition specified: nope\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    )
    assert said(text) == (
        "invalid partition specified: nope; "
        "Batch job submission failed: Invalid partition name specified"
    )


def test_a_task_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert task_here() == "12"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "11")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert task_here() == "11_0"
