"""The tasks that Slurm has for a run: how they are, and how many more are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness_slurm.chunks import task_minutes, tasks_wanted
from harness_slurm.commands import SlurmRefused, SlurmTask, output, submit, tasks, would_take
from harness_slurm.nodes import command
from harness_slurm.options import SlurmOptions
from harness_slurm.pools import Pool

_ARRAY = 1000  # tasks of one array: Slurm's own limit is 1001 where nobody has changed it


_OF_CPUS = ("--cpus-per-task=", "--exclusive")  # what jobs ask beside what the run does


@dataclass(frozen=True)
class Refusal:
    """What Slurm has said to the tasks of a pool. for_good: as long as its nodes are what they are."""

    words: str
    for_good: bool


class TaskQueue:
    """The tasks of pools, as Slurm said at the last look."""

    def __init__(self, options: SlurmOptions, most_minutes: float, shared: Path) -> None:
        """Take what tasks ask for, and how long one may take at most."""
        self._options, self._most_minutes, self._shared = options, most_minutes, shared
        self._tasks: dict[str, SlurmTask] = {}
        self._taken: set[Pool] = set()  # whose tasks some node could run, as Slurm says

    def look(self, pools: Iterable[Pool]) -> None:
        """Ask Slurm how the tasks of pools are.

        Raises:
            SlurmRefused: It does not answer.
        """
        self._tasks = tasks([pool.job_name for pool in pools])

    def task(self, taken: str) -> SlurmTask | None:
        """Return the task that has taken a job; None where Slurm knows it no more."""
        return self._tasks.get(taken.partition("@")[2])

    def pending(self, pool: Pool) -> str:
        """Say what keeps all tasks of a pool waiting; "" where one runs."""
        own = self._own(pool)
        if not own or any(task.state != "PENDING" for task in own):
            return ""
        return f"Slurm to start it ({own[0].reason})"

    def send(
        self, pools: Iterable[Pool], likely: Mapping[str, float | None]
    ) -> dict[Pool, Refusal]:
        """Submit the tasks that pools want; let those go that wait for jobs where others wait for a place.

        The pools with the fewest tasks come first. likely: seconds of jobs, by their names in pools.

        Returns:
            What Slurm said to the pools whose tasks it does not take.
        """
        pools = sorted(pools, key=lambda pool: len(self._own(pool)))
        room = self._options.tasks - sum(len(self._own(pool)) for pool in pools)
        refused = {}
        for pool in pools:
            try:
                room -= self._send(pool, likely, room)
            except SlurmRefused as error:
                refused[pool] = Refusal(str(error), self._is_for_good(pool))
        if room <= 0 or any(map(self.pending, pools)):
            for pool in pools:
                if self._own(pool) and not (pool.queued() or pool.busy()):
                    pool.close()
        return refused

    def _is_for_good(self, pool: Pool) -> bool:
        """Whether Slurm would take such a task, but not on so many CPUs; else a limit or a node stands in the way."""
        requested = [*pool.setting()["requested"], "--time=1"]
        try:
            would_take([one for one in requested if not one.startswith(_OF_CPUS)])
        except SlurmRefused:
            return False
        try:
            would_take(requested)
        except SlurmRefused:
            return True
        return False

    def _own(self, pool: Pool) -> list[SlurmTask]:
        return [one for one in self._tasks.values() if one.name == pool.job_name and one.is_live]

    def _send(self, pool: Pool, likely: Mapping[str, float | None], room: int) -> int:
        """Submit as many tasks as a pool wants beside those that it has, as far as there is room; return how many."""
        entries = [pool.entry(name) for name in pool.queued_entries()]
        if not entries:
            return 0
        setting, busy, own = pool.setting(), pool.busy(), self._own(pool)
        free = sum(task.identity not in busy for task in own)
        seconds = [likely.get(entry.name) for entry in entries]
        new = min(tasks_wanted(seconds) - free, room)
        if setting["alone"]:
            new = min(new, 1 - len(own))
        if new <= 0:
            return 0
        if pool not in self._taken:  # by itself sbatch takes what waits for ever
            would_take([*setting["requested"], "--time=1"])
            self._taken.add(pool)
        allowed = [entry.limits().allowed for entry in entries]
        minutes = task_minutes(allowed, seconds, new, self._most_minutes)
        script = command("harness_slurm.worker", str(pool.folder), str(60 * minutes - 30))
        how = [
            f"--job-name={pool.job_name}",
            f"--time={minutes}",
            output(pool.folder / "out", "%A_%a.txt"),
            "--open-mode=append",
            "--requeue",
            f"--chdir={self._shared}",
        ]
        for first in range(0, new, _ARRAY):
            array = f"--array=0-{min(new - first, _ARRAY) - 1}"
            submit([*setting["requested"], *how, array], script)
        return new
