"""The one loop of all attacks: a batch of active examples, which leave when they are fooled and are replaced.

A search is written for a batch of examples of different ages. The loop keeps the batch full: an
example that is fooled leaves at once, one that has used up its steps leaves or begins another run, and others take their rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from harness_attacks.attack_problem import AttackProblem, spread

State = dict[str, Tensor]

REFILL_SHARE = 0.125  # of the places are free before others are let in: copying costs, too
MOST_UNSEEN = 4  # evaluations that a GPU may have begun since the last that was looked at


class Search(Protocol):
    """A search by single evaluations of the model.

    The state has a row for each example in the batch, among them "x", the point that is evaluated next, and
    "age", the number of evaluations so far in this run ``(batch,)``; the loop counts it. "host_age" is the same
    on the CPU, for what must not wait for a GPU; the loop keeps it up to date. A search whose runs may end
    before their steps are used up keeps "done" ``(batch,)`` bool: which rows end theirs with what `last` returns. What is
    done stays so.
    """

    @property
    def steps(self) -> int:
        """Evaluations of a run."""
        ...

    def begin(self, examples: Tensor, run: Tensor) -> State:
        """Return the state in which examples ``examples (batch,)`` begin their runs, numbered from 0."""
        ...

    def evaluate(self, state: State) -> Tensor:
        """Ask the model about "x"; return which are fooled there, inside the ball: ``(batch,)`` bool."""
        ...

    def advance(self, state: State) -> None:
        """Put another "x" in its place, by what was found; the old tensor is not written to."""
        ...

    def last(self, state: State) -> Tensor:
        """Return what examples leave with that were not fooled when their steps were used up."""
        ...


@dataclass(frozen=True)
class SearchResult:
    """Where a search ended.

    perturbed: ``(examples, *shape)``. fooled: ``(examples,)`` bool, those known to be misclassified. Where the problem has larger balls,
    both have a first dimension of balls, and who is fooled in one is where it was fooled in those that follow.
    """

    perturbed: Tensor
    fooled: Tensor


def search_examples(
    problem: AttackProblem,
    search: Search,
    *,
    runs: int = 1,
    settle: bool = False,
    seen: bool = False,
) -> SearchResult:
    """Attack all examples, each in at most `runs` runs in each ball of the problem, one ball after the other.

    settle: ask the model also about the point that the last step of a run led to (a forward pass for each
    example that is still robust); else it is not known whether that point fools. Between two runs it is asked anyway.
    seen: the search has asked about all that a run ends with, so it is not asked again.
    """
    active = _ActiveBatch(problem, search, runs, settle, seen)
    while active.is_going_on():
        active.let_in()
        active.step()
    return active.result()


class _ActiveBatch:
    def __init__(
        self, problem: AttackProblem, search: Search, runs: int, settle: bool, seen: bool
    ) -> None:
        balls = len(problem.balls)
        self.problem, self.search = problem, search
        self.in_a_ball, self.runs = runs, runs * balls
        self.settle, self.seen = settle, seen
        self.device = problem.inputs.device
        self.perturbed = torch.stack([problem.inputs.detach()] * balls)
        self.fooled = torch.zeros(balls, len(problem), dtype=torch.bool, device=self.device)
        self.waiting = deque((example, 0) for example in range(len(problem)))
        self.state: State = {}
        self.examples = np.zeros(0, dtype=np.int64)  # the rows of the state, as the host knows them
        self.run = self.examples.copy()
        self.age = self.examples.copy()
        self.watch = self.new_watch()

    def new_watch(self) -> _Watch:
        """A judge may say no, and a row must not have been left in place till then."""
        return _Watch(waits=self.problem.judge is not None)

    def result(self) -> SearchResult:
        """Return where all are, those that were fooled in a smaller ball too."""
        if not self.problem.larger:
            return SearchResult(self.perturbed[0], self.fooled[0])
        for smaller in range(len(self.fooled) - 1):
            fooled = self.fooled[smaller]
            self.perturbed[smaller + 1, fooled] = self.perturbed[smaller, fooled]
            self.fooled[smaller + 1] |= fooled
        return SearchResult(self.perturbed, self.fooled)

    def is_going_on(self) -> bool:
        return bool(self.waiting) or len(self.examples) > 0

    def let_in(self) -> None:
        """Fill free places, if there are enough of them."""
        free = self.problem.width - len(self.examples)
        if not self.waiting or free < max(1, REFILL_SHARE * self.problem.width):
            return
        pairs = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        new = np.array(pairs, dtype=np.int64)
        examples, run = (torch.from_numpy(column.copy()).to(self.device) for column in new.T)
        state = self.search.begin(examples, run)
        state["age"] = torch.zeros_like(examples)
        if "fooled" in self.state:
            state["fooled"] = torch.zeros_like(examples, dtype=torch.bool)
        self.state.pop("host_age", None)
        self.state = (
            {name: torch.cat([rows, state[name]]) for name, rows in self.state.items()}
            if len(self.examples)
            else state
        )
        self.examples = np.concatenate([self.examples, new[:, 0]])
        self.run = np.concatenate([self.run, new[:, 1]])
        self.age = np.concatenate([self.age, np.zeros(len(new), dtype=np.int64)])
        self.state["host_age"] = torch.from_numpy(self.age)  # one memory

    def step(self) -> None:
        """Evaluate, remove those that are fooled, move the others, remove those whose steps are used up."""
        fooled = self.search.evaluate(self.state)
        if "fooled" in self.state:
            fooled |= self.state.pop("fooled")
        if self.watch.access(fooled | self.state["done"] if "done" in self.state else fooled):
            fooled = self.remove(fooled)
            if not len(self.examples):
                return
        before = self.state["x"]
        self.search.advance(self.state)
        self.state["age"] += 1
        self.age += 1
        if self.watch.lags:
            # a row that is fooled or done, and not known to be yet, stays where it was
            rows = spread(fooled | self.state["done"] if "done" in self.state else fooled, before)
            self.state["x"] = torch.where(rows, before, self.state["x"])
            self.state["fooled"] = fooled
        if (self.age >= self.search.steps).any():
            self.expire(fooled)

    def remove(self, fooled: Tensor) -> Tensor:
        """Let those leave who are fooled by the judge's word, too, or done; return who of the rest is fooled."""
        fooled = self.confirm(fooled)
        leaving, points = fooled, self.state["x"]
        if "done" in self.state:
            leaving = fooled | self.state["done"]
            rows = spread(fooled, points)
            points = torch.where(rows, points, self.search.last(self.state))
            self.queue((leaving & ~fooled).cpu().numpy() & (self.run + 1 < self.runs))
        if self.problem.judge is not None and not leaving.any():
            return leaving
        self.leave(leaving, points, fooled)
        return torch.zeros(len(self.examples), dtype=torch.bool, device=self.device)

    def confirm(self, fooled: Tensor) -> Tensor:
        judge = self.problem.judge
        if judge is None:
            return fooled
        (rows,) = fooled.nonzero(as_tuple=True)
        if not len(rows):
            return fooled
        targets = self.problem.targets[torch.from_numpy(self.examples).to(self.device)[rows]]
        confirmed = fooled.clone()
        confirmed[rows] = ~judge(self.state["x"][rows], targets)
        return confirmed

    def expire(self, fooled: Tensor) -> None:
        """See off whose steps are used up; a further run begins at the end of the queue."""
        fooled = self.confirm(fooled)
        points = torch.where(
            spread(fooled, self.state["x"]),
            self.state["x"],
            self.search.last(self.state),
        )
        over = self.age >= self.search.steps
        again = over & (self.run + 1 < self.runs)
        ends = over & (again | self.settle) & (not self.seen)
        asked = torch.from_numpy(ends).to(self.device) & ~fooled
        (rows,) = asked.nonzero(as_tuple=True)
        if len(rows):
            targets = self.problem.targets[torch.from_numpy(self.examples).to(self.device)[rows]]
            fooled = fooled.clone()
            fooled[rows] = ~self.problem.correct(points[rows], targets)
        self.queue(again & ~fooled.cpu().numpy())
        self.leave(torch.from_numpy(over).to(self.device) | fooled, points, fooled)

    def queue(self, again: Any) -> None:
        """Let rows, ``(batch,)`` bool on the host, begin another run at the end of the queue."""
        pairs = zip(self.examples[again].tolist(), (self.run[again] + 1).tolist(), strict=True)
        self.waiting.extend(pairs)

    def leave(self, leaving: Tensor, points: Tensor, fooled: Tensor) -> None:
        """Write down where rows are, and drop them."""
        gone = leaving.cpu().numpy()
        (rows,) = leaving.nonzero(as_tuple=True)
        ball, examples = (
            torch.from_numpy(one[gone]).to(self.device)
            for one in (self.run // self.in_a_ball, self.examples)
        )
        self.perturbed[ball, examples] = points[rows]
        self.fooled[ball, examples] = fooled[rows]
        (stay,) = (~leaving).nonzero(as_tuple=True)
        self.state.pop("fooled", None)
        self.state.pop("host_age")
        self.state = {name: rows[stay] for name, rows in self.state.items()}
        self.examples, self.run, self.age = self.examples[~gone], self.run[~gone], self.age[~gone]
        self.state["host_age"] = torch.from_numpy(self.age)
        self.watch = self.new_watch()


class _Watch:
    """Tells whether anybody is fooled; on a GPU some evaluations late, unless the host waits for it."""

    def __init__(self, waits: bool) -> None:
        self.unseen: deque[tuple[Any, Tensor]] = deque()
        self.waits, self.lags = waits, False

    def access(self, fooled: Tensor) -> bool:
        """Take the newest flags ``(batch,)``; return whether flags that have arrived show anybody."""
        if self.waits or fooled.device.type != "cuda":
            return bool(fooled.any())
        self.lags = True
        flag = torch.empty((), dtype=torch.bool, pin_memory=True)
        flag.copy_(fooled.any(), non_blocking=True)
        event: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self.unseen.append((event, flag))
        seen = False
        while self.unseen and (len(self.unseen) > MOST_UNSEEN or self.unseen[0][0].query()):
            event, flag = self.unseen.popleft()
            event.synchronize()
            seen |= bool(flag)
        return seen
