"""Answers come in the order of the things, from any number of threads, and what is ahead of the caller is bounded."""

import random
import threading
import time

import pytest

from harness.data.in_parallel import AHEAD, in_parallel


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_the_order_is_that_of_the_things(workers):
    draw = random.Random(0)
    waits = [draw.random() / 1000 for _ in range(100)]

    def slow(number):
        time.sleep(waits[number])
        return number

    assert list(in_parallel(slow, iter(range(100)), workers)) == list(range(100))


@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_ahead_is_bounded_and_ends_with_the_caller(workers):
    begun = []
    found = in_parallel(begun.append, range(1000), workers)
    next(found)
    time.sleep(0.02)
    assert len(begun) <= AHEAD * workers + 1
    found.close()
    assert len(begun) <= AHEAD * workers + 1
    assert not any("ThreadPool" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("workers", [0, 2])
def test_the_first_error_is_raised_in_its_place(workers):
    found = in_parallel(lambda number: 1 / (2 - number), range(10), workers)
    assert [next(found), next(found)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_nothing_of_nothing():
    assert list(in_parallel(len, [])) == []
