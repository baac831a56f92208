"""Processes that work on one job together, forked from its own, which waits for them.

They are forked and not started anew: what the server has imported is there, and they are members of the job's group, so
what ends the job ends them. It must be done before the process has used CUDA, and before it computes on several threads.

The process that waits computes nothing, so it can tell at once that one of them has died. Whoever sits in the
middle of a collective then cannot: on gloo it is told within a second or two, on nccl perhaps never.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from harness.errors import HarnessError
from harness.execute.server_process import describe_exit
from harness.machine import load
from harness.machine.processes import data_bytes, oom_kills
from harness.train.ranks import Notice, Ranks, together

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 3.0  # for the one in trouble to be told from those that fail as it has gone
_POLL_SECONDS = 0.01


class RankLost(HarnessError):
    """A process of a job has died, or has raised something around its work.

    signal: that ended it, or 0. out_of_memory: whether the kernel did, as the machine had no more.
    """

    def __init__(self, rank: int, count: int, status: int, traceback: str = "") -> None:
        """Take which of how many it was, its wait status, and what it has raised."""
        code = os.waitstatus_to_exitcode(status)
        end = describe_exit(code)
        how = (
            f"it crashed by {end}"
            if code < 0
            else f"its process ended with {end} and left no outcome"
        )
        who = (
            f"process {rank} of the {count} that work together (0 is the first): "
            if count > 1
            else ""
        )
        super().__init__(who + how)
        self.signal, self.traceback, self.out_of_memory = max(0, -code), traceback, False


@dataclass(frozen=True)
class Answer:
    """What a process has to say at its end.

    failed: when, of those that did not do what they should. traceback: of what was raised around the work.
    """

    value: Any
    failed: float | None = None
    traceback: str = ""


def in_ranks(count: int, folder: Path, device: str, work: Callable[[Ranks], Answer]) -> Any:
    """Do a piece of work in `count` processes at once; return the value of the first, in JSON values.

    Where one has failed, return the value of the one that failed first; the others are ended then.

    folder: where a file may be as long as they run. device: "cpu" or "cuda".

    Raises:
        RankLost: One has died, or has ended without an answer.
    """
    meeting, kills = folder / ".ranks", oom_kills()
    meeting.unlink(missing_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        files: list[IO[bytes]] = []
        files += (stack.enter_context(tempfile.TemporaryFile()) for _ in range(count))
        stack.callback(meeting.unlink, missing_ok=True)
        ended = _run_all(_Start(count, meeting, device, work), files)
    for rank, (status, answer) in ended.items():
        if answer is None and os.WIFSIGNALED(status):
            lost = RankLost(rank, count, status)
            lost.out_of_memory = lost.signal == signal.SIGKILL and oom_kills() > kills
            raise lost
    failed = [one for one in ended.items() if one[1][1] is None or one[1][1].failed is not None]
    if failed:
        rank, (status, answer) = min(failed, key=_when)
        if answer is None or answer.traceback:
            raise RankLost(rank, count, status, "" if answer is None else answer.traceback)
        return answer.value
    answers = {rank: answer for rank, (_, answer) in ended.items()}
    assert answers[0] is not None
    return answers[0].value


def _when(ended: tuple[int, tuple[int, Answer | None]]) -> float:
    """Return when a process has failed; one that has not said so has gone before those that have."""
    answer = ended[1][1]
    return 0.0 if answer is None else answer.failed or 0.0


@dataclass(frozen=True)
class _Start:
    """What all processes of a job are started with."""

    count: int
    meeting: Path
    device: str
    work: Callable[[Ranks], Answer]


def _run_all(start: _Start, files: list[IO[bytes]]) -> dict[int, tuple[int, Answer | None]]:
    """Fork a process for each file, to write its answer to; wait, and leave none behind. Return how they ended."""
    notice, memory, parent = Notice(), _share_of_memory(start.count), os.getpid()
    running: dict[int, int] = {}  # {process: rank}
    try:
        for rank, file in enumerate(files):
            with warnings.catch_warnings():
                # A job's process has one thread; that which runs tests may have others, which a fork does without.
                warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
                process = os.fork()
            if process == 0:
                _be_one(Ranks(rank, start.count, notice), start, parent, memory, file)
            running[process] = rank
        return _wait(running, files)
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in running:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


def _wait(running: dict[int, int], files: list[IO[bytes]]) -> dict[int, tuple[int, Answer | None]]:
    """Wait until all have ended or one has not done what it should; return how they ended, by rank.

    What is left in `running` has not ended.
    """
    ended: dict[int, tuple[int, Answer | None]] = {}
    until = 0.0  # from when on the others are not waited for
    while running and (not until or time.monotonic() < until):
        process, status = os.waitpid(-1, os.WNOHANG if until else 0)
        if process == 0:
            time.sleep(_POLL_SECONDS)
            continue
        rank = running.pop(process, None)
        if rank is None:  # what one of them has started and left
            continue
        answer = _read(files[rank])
        ended[rank] = status, answer
        if answer is None and os.WIFSIGNALED(status):
            break
        if (answer is None or answer.failed is not None) and not until:
            until = time.monotonic() + _GRACE_SECONDS
    return ended


def _read(file: IO[bytes]) -> Answer | None:
    file.seek(0)
    try:
        return Answer(**json.loads(file.read()))
    except ValueError:
        return None


def _be_one(
    ranks: Ranks, start: _Start, parent: int, memory: int | None, file: IO[bytes]
) -> NoReturn:
    """Be one of the processes, from fork to end."""
    try:
        _die_with(parent)
        _take_own_cores(ranks)
        if memory is not None:
            limit = data_bytes() + memory
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if not ranks.is_first:  # one speaks for all; what goes wrong all may say
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        with together(ranks, start.meeting, start.device):
            everybody = [int(process) for (process,) in ranks.everybodys([os.getpid()])]
            load.companions = tuple(one for one in everybody if one != os.getpid())
            answer = start.work(ranks)
            file.write(json.dumps(vars(answer)).encode())
            file.flush()
            if answer.failed is not None:  # the others may wait for it: it does not part from them
                _leave(1)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
            raised = Answer(None, time.monotonic(), traceback.format_exc())
            file.seek(
                0
            )  # an answer may be there already, where parting from the others is what failed
            file.truncate()
            file.write(json.dumps(vars(raised)).encode())
            file.flush()
        _leave(1)
    _leave(0)


def _leave(code: int) -> NoReturn:
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _die_with(parent: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _take_own_cores(ranks: Ranks) -> None:
    """Stay on this process's part of the job's cores, where there is one for each."""
    with contextlib.suppress(OSError, AttributeError):
        cores = sorted(os.sched_getaffinity(0))
        each = len(cores) // ranks.count
        if each:
            os.sched_setaffinity(0, cores[ranks.rank * each : (ranks.rank + 1) * each])


def _share_of_memory(count: int) -> int | None:
    """Return the bytes of its own that each process may take of what the job may; None where there is no limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if limit == resource.RLIM_INFINITY else max(0, limit - data_bytes()) // count
