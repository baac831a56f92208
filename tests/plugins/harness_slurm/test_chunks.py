"""How many tasks jobs get, and for how long."""

from __future__ import annotations

import math

from harness_slurm.chunks import allowance, task_minutes, tasks_wanted


def test_a_task_for_a_minute_of_work_and_for_each_job_of_which_nothing_is_known() -> None:
    assert tasks_wanted([]) == 0
    assert tasks_wanted([1.0] * 20) == 1
    assert tasks_wanted([30.0] * 20) == 10
    assert tasks_wanted([900.0, 900.0]) == 2
    assert tasks_wanted([None, None, 1.0]) == 3


def test_a_job_is_allowed_more_than_it_is_likely_to_take_and_no_more_than_its_limit() -> None:
    assert allowance(100.0, 3600.0) == 300.0
    assert allowance(1.0, 3600.0) == 60.0
    assert allowance(100.0, 30.0) == 30.0
    assert allowance(None, 3600.0) == 900.0
    assert allowance(None, 10.0) == 10.0


def test_a_tasks_limit_is_for_the_longest_job_and_its_part_of_all() -> None:
    # 120 s to start, twice the longest, three times 20 jobs of 30 s on 10 tasks
    assert task_minutes([90.0] * 20, [30.0] * 20, 10, math.inf) == math.ceil((120 + 180 + 180) / 60)
    assert task_minutes([900.0], [None], 1, math.inf) == 32
    assert task_minutes([900.0], [None], 1, 5.0) == 5
    assert task_minutes([900.0], [None], 1, 0.5) == 1
