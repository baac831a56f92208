"""Two processes that time take turns, A B A B ..., so that what disturbs one disturbs both.

Each waits, asleep, on a pipe of its own until the other one has written that it is done. The turns'
medians are kept in a file, a list for each series, for `ratio` to compare in pairs. Both processes must
time the same series in the same order.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PAIRS = 12  # of processes for a comparison
TURNS = 12  # of each process in a series
SLICE_SECONDS = 0.03  # of a turn, at least: a baton is passed in some 0.05 ms
_TURN, _ALONE = b"t", b"a"


class Alternation:
    """This process's side of the alternation."""

    def __init__(self, mine: int, theirs: int, log: Path | None = None) -> None:
        """Take the pipe to wait on, that to write to, and the file for the turns' medians."""
        self._mine, self._theirs, self._log = mine, theirs, log
        self._alone = False
        self._series: list[dict[str, object]] = []

    @classmethod
    def open(cls, sides: Mapping[str, str], log: Path) -> Alternation:
        """Open the named pipes of a side; neither end waits for the other to be opened."""
        flags = os.O_RDWR | os.O_CLOEXEC
        return cls(os.open(sides["mine"], flags), os.open(sides["theirs"], flags), log)

    def wait(self) -> None:
        """Sleep until it is this side's turn; at once where the other side has ended."""
        while not self._alone:
            word = os.read(self._mine, 1)
            if word == _TURN:
                return
            self._alone = word in (_ALONE, b"")

    def pass_on(self) -> None:
        """Give the turn to the other side."""
        if not self._alone:
            os.write(self._theirs, _TURN)

    def sample(self, series: str, block: Callable[[], float], calls: int) -> list[float]:
        """Return the samples of `TURNS` turns, and write their medians down under a name.

        block: times a block of so many `calls` and returns seconds a call.
        """
        turns: list[list[float]] = []
        for _ in range(TURNS):
            self.wait()
            samples, spent = list[float](), 0.0
            while spent < SLICE_SECONDS:
                samples.append(block())
                spent += samples[-1] * calls
            turns.append(samples)
            self.pass_on()
        self._keep(series, turns)
        return [sample for samples in turns for sample in samples]

    def _keep(self, series: str, turns: Sequence[Sequence[float]]) -> None:
        medians = [statistics.median(samples) for samples in turns]
        self._series.append({"series": series, "medians": medians})
        if self._log is not None:
            self._log.write_text(json.dumps(self._series), encoding="utf-8")


def begin(pipe: int) -> None:
    """Let the side that waits on `pipe` take the first turn."""
    os.write(pipe, _TURN)


def leave_alone(pipe: int) -> None:
    """Tell the side that waits on `pipe` that the other one has ended."""
    os.write(pipe, _ALONE)


current: Alternation | None = None
"""The turns of this process, where it is one of two; set once, before anything is timed."""
