"""Processes of one job: what they answer, and what becomes of the others when one does not."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness.execute.rank_processes import Answer, RankLost, in_ranks
from harness.machine.processes import children_of, data_bytes
from harness.train.ranks import Notice, Ranks


def test_all_know_what_each_has(tmp_path: Path) -> None:
    def work(ranks: Ranks) -> Answer:
        sums = ranks.sums([ranks.rank, 0.5])
        everybodys = ranks.everybodys([ranks.rank])
        mine = ranks.gathered({"rank": ranks.rank, "cores": sorted(os.sched_getaffinity(0))})
        return Answer([sums, everybodys, mine])

    before = sorted(os.sched_getaffinity(0))
    sums, everybodys, (first, second) = in_ranks(2, tmp_path, "cpu", work)
    assert sums == [1.0, 1.0] and everybodys == [[0.0], [1.0]]
    assert (first["rank"], second["rank"]) == (0, 1)
    if len(before) > 1:
        assert not set(first["cores"]) & set(second["cores"])
    assert sorted(os.sched_getaffinity(0)) == before
    assert list(tmp_path.iterdir()) == [] and not _children()


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """Leave aside what tests of other files have started in the same process."""
    _BEFORE[:] = children_of(os.getpid())
    yield
    _BEFORE.clear()


_BEFORE: list[int] = []


def _children() -> list[int]:
    now = set(children_of(os.getpid())).difference(_BEFORE)
    return [one for one in now if b"python" in _command(one)]


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _killed() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _left() -> NoReturn:
    os._exit(7)


def _raises() -> NoReturn:
    raise ArithmeticError("nothing to divide")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (_killed, r"process {} of the 2 .* crashed by signal 9 \(SIGKILL\)"),
        pytest.param(
            _left, "process {} of the 2 .* ended with exit code 7", marks=pytest.mark.slow
        ),
        pytest.param(
            _raises, "process {} of the 2 .* ended with exit code 1", marks=pytest.mark.slow
        ),
    ],
)
def test_one_that_dies_ends_all(
    tmp_path: Path, which: int, end: Callable[[], None], words: str, capfd: Any
) -> None:
    """The other waits for it, in a collective."""

    def work(ranks: Ranks) -> Answer:
        ranks.sums([1.0])
        if ranks.rank == which:
            end()
        ranks.sums([1.0])
        return Answer("not to be")

    started = time.monotonic()
    with pytest.raises(RankLost, match=words.format(which)):
        in_ranks(2, tmp_path, "cpu", work)
    assert time.monotonic() - started < 10.0
    assert not _children()
    capfd.readouterr()


def test_what_failed_first_is_the_answer(tmp_path: Path) -> None:
    """The first process fails too, as the other one has gone: that is not what was wrong."""

    def work(ranks: Ranks) -> Answer:
        ranks.sums([1.0])
        if ranks.rank == 1:
            return Answer("out of memory", time.monotonic())
        try:
            ranks.sums([1.0])
        except RuntimeError as error:
            return Answer(str(error), time.monotonic())
        return Answer("not to be")

    assert in_ranks(2, tmp_path, "cpu", work) == "out of memory"


def test_each_has_its_part_of_the_memory(tmp_path: Path) -> None:
    def work(ranks: Ranks) -> Answer:
        limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
        return Answer((limit - data_bytes()) / 2**20)

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + 2**30, before[1]))
    try:
        found = in_ranks(2, tmp_path, "cpu", work)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
    assert 300 < found < 530  # MiB, less what joining the others took


def test_a_step_is_made_known_before_it_is_begun(tmp_path: Path) -> None:
    """No message is sent: the memory is shared."""
    notice = Notice()
    assert notice.read() == -1
    process = os.fork()
    if process == 0:
        notice.write(2**40)
        os._exit(0)
    os.waitpid(process, 0)
    assert notice.read() == 2**40
