"""The tasks that Slurm has for a run: how they are, and how many more are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness_slurm.chunks import task_minutes, tasks_wanted
from harness_slurm.commands import SlurmTask, submit, tasks
from harness_slurm.nodes import command
from harness_slurm.options import SlurmOptions
from harness_slurm.pools import Pool

_ARRAY = 1000  # tasks of one array: Slurm's own limit is 1001 where nobody has changed it


class TaskQueue:
    """The tasks of pools, as Slurm said at the last look."""

    def __init__(self, options: SlurmOptions, most_minutes: float, shared: Path) -> None:
        """Take what tasks ask for, and how long one may take at most."""
        self._options, self._most_minutes, self._shared = options, most_minutes, shared
        self._tasks: dict[str, SlurmTask] = {}

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

    def send(self, pools: Iterable[Pool], likely: Mapping[str, float | None]) -> None:
        """Submit the tasks that pools want; let those go that wait for jobs where others wait for a place.

        likely: seconds of jobs, by their names in pools.

        Raises:
            SlurmRefused: Slurm does not take them.
        """
        pools = list(pools)
        for pool in pools:
            self._send(pool, likely)
        if any(map(self.pending, pools)):
            for pool in pools:
                if self._own(pool) and not (pool.queued() or pool.busy()):
                    pool.close()

    def _own(self, pool: Pool) -> list[SlurmTask]:
        return [one for one in self._tasks.values() if one.name == pool.job_name and one.is_live]

    def _send(self, pool: Pool, likely: Mapping[str, float | None]) -> None:
        """Submit as many tasks as a pool wants beside those that it has."""
        entries = [pool.entry(name) for name in pool.queued_entries()]
        if not entries:
            return
        setting, busy, own = pool.setting(), pool.busy(), self._own(pool)
        free = sum(task.identity not in busy for task in own)
        seconds = [likely.get(entry.name) for entry in entries]
        most = 1 if setting["alone"] else self._options.tasks
        new = min(tasks_wanted(seconds), most - (len(own) - free)) - free
        if new <= 0:
            return
        allowed = [entry.limits().allowed for entry in entries]
        minutes = task_minutes(allowed, seconds, new, self._most_minutes)
        script = command("harness_slurm.worker", str(pool.folder), str(60 * minutes - 30))
        how = [
            f"--job-name={pool.job_name}",
            f"--time={minutes}",
            f"--output={pool.folder}/out/%A_%a.txt",
            "--open-mode=append",
            "--requeue",
            f"--chdir={self._shared}",
        ]
        for first in range(0, new, _ARRAY):
            array = f"--array=0-{min(new - first, _ARRAY) - 1}"
            submit([*setting["requested"], *how, array], script)
