"""Times on steps of one length, and those that are on none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets.time_grid import TimeGrid, grid_of


def grid(words: list[str], series: list[int] | None = None) -> TimeGrid:
    times = np.array([datetime.fromisoformat(w).replace(tzinfo=UTC).timestamp() for w in words])
    codes = np.array(series or [0] * len(words))
    return grid_of(times, codes, lambda row: f"line {row + 2}", words, dates=True)


@pytest.mark.parametrize(
    ("words", "steps", "season", "said", "fourth"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-05"], [0, 1, 4], 7, "1 day", "2024-01-04"),
        (
            ["2024-01-01 05:00", "2024-01-01 06:00", "2024-01-01 08:00"],
            [0, 1, 3], 24, "1 hour", "2024-01-01 08:00:00",
        ),
        (["2023-12-01", "2024-01-01", "2024-03-01"], [0, 1, 3], 12, "1 month", "2024-03"),
        (["2023-12-31", "2024-01-31", "2024-02-29"], [0, 1, 2], 12, "1 month", "2024-03"),
        (["2023-01-01", "2023-04-01", "2024-01-01"], [0, 1, 4], 4, "3 months", "2023-10"),
        (["2021-06-30", "2022-06-30", "2023-06-30"], [0, 1, 2], 1, "12 months", "2024-06"),
        (["2024-01-01", "2024-01-08", "2024-01-15"], [0, 1, 2], 52, "1 week", "2024-01-22"),
        (["2024-01-03", "2024-01-01", "2024-01-02"], [2, 0, 1], 7, "1 day", "2024-01-04"),
    ],
)  # fmt: skip
def test_times_are_steps(words, steps, season, said, fourth):
    found = grid(words)
    assert found.steps.tolist() == steps and (found.season, found.words) == (season, said)
    assert found.when(3) == fourth


def test_numbers_are_steps_of_their_own():
    found = grid_of(np.array([1990.0, 1992.0, 1991.0]), np.zeros(3), str, list("abc"), dates=False)
    assert found.steps.tolist() == [0, 2, 1] and found.season == 1 and found.when(2) == "1992"


def test_two_series_may_have_the_same_times_and_must_lie_on_the_same_steps():
    words = ["2024-01-01", "2024-01-02", "2024-01-01", "2024-01-02"]
    assert grid(words, [0, 0, 1, 1]).steps.tolist() == [0, 1, 0, 1]
    with pytest.raises(
        DataError, match="line 4: '2024-01-01' is there a second time, after line 2"
    ):
        grid(words)
    words[2:] = ["2024-01-01 12:00", "2024-01-02 12:00"]
    with pytest.raises(DataError, match="line 4: '2024-01-01 12:00' lies between two steps; most"):
        grid(words, [0, 0, 1, 1])


def test_what_lies_between_two_steps_is_refused_by_its_row():
    words = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04 06:30", "2024-01-05"]
    with pytest.raises(
        DataError,
        match="line 5: '2024-01-04 06:30' lies between two steps after '2024-01-03' in line 4; most are 1 day apart, counted "
        "from 2024-01-01, and 1 time does not fit",
    ):
        grid(words)
    with pytest.raises(DataError, match="no series has two times"):
        grid(["2024-01-01"])


def test_thousandths_of_a_second_are_steps():
    words = [f"2024-01-01 00:00:00.{place:03d}" for place in range(1000)]
    found = grid(words)
    assert found.steps.tolist() == list(range(1000)) and found.length == 0.001


def test_numbers_with_fractions_after_many_digits_are_steps():
    times = 1.7e9 + np.arange(500) * 0.01
    found = grid_of(times, np.zeros(500, int), str, [str(t) for t in times], dates=False)
    assert found.steps.tolist() == list(range(500))


@pytest.mark.parametrize("rate", [30, 60])
def test_times_that_were_rounded_are_steps(rate):
    steps = np.delete(np.arange(20 * rate), np.arange(5, 400, 7))
    times = 1.7e9 + (steps / rate).round(6)
    found = grid_of(times, np.zeros(len(steps), int), str, [str(t) for t in times], dates=True)
    assert found.steps.tolist() == steps.tolist()
    assert found.length == pytest.approx(1 / rate, rel=1e-6)


def test_two_times_of_one_step_are_refused():
    times = np.array([0.0, 1, 2, 3, 2.00001])
    with pytest.raises(DataError, match=r"4: '2.00001' is there a second time, after 2"):
        grid_of(times, np.zeros(5, int), str, [f"{t:g}" for t in times], dates=False)


def test_a_time_that_would_leave_all_steps_but_few_empty_is_refused_by_its_row():
    words = [f"2024-01-01 00:00:{place:02d}" for place in range(60)] + ["2500-01-01 00:00:00"]
    with pytest.raises(DataError, match=r"line 62: '2500-01-01 00:00:00' is far .* in line 61"):
        grid(words)


def test_the_last_day_that_dates_have_is_a_time():
    assert grid(["9999-12-29", "9999-12-30", "9999-12-31"]).steps.tolist() == [0, 1, 2]
