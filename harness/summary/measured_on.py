"""Which machine a timed or weighed figure was taken on: where they were several, each has columns of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.catalogue.counts import counted
from harness.catalogue.shown import Shown
from harness.store.run_data import JobRow
from harness.summary.metric_rows import MetricRow

Shows = tuple[str, Shown, list[MetricRow]]  # a measure, what is shown of it, and the metrics


def machine_words(environment: Mapping[str, Any]) -> str:
    """Return what a machine is called: by its name, or by what it has where it has none."""
    if environment.get("machine"):
        return str(environment["machine"])
    gpus = [str(gpu.get("name", "")) for gpu in environment.get("gpus", ())]
    cores = counted(int(environment.get("cores", 0)), "core")
    return ", ".join([f"{environment.get('cpu', 'unknown')}, {cores}", *gpus])


class MeasuredOn:
    """The machines that the exclusive jobs of a run ran on; what shares a machine is the same wherever it runs."""

    def __init__(
        self, jobs: Iterable[JobRow], environments: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Take the jobs of a run, and its environments by digest."""
        names = {digest: machine_words(found) for digest, found in environments.items()}
        self._machines = {
            job.fingerprint: names[job.environment]
            for job in jobs
            if job.exclusive and job.status == "ok" and job.environment in names
        }

    def apart(self, shown: Iterable[Shows]) -> list[Shows]:
        """Return columns such that none has figures of two machines that stand beside each other, on one data set."""
        found: list[Shows] = []
        for measure, one, metrics in shown:
            parts = self._parts(metrics)
            if len(parts) == 1:
                found.append((measure, one, metrics))
                continue
            for machine, mine in parts.items():
                title = f"{one.title or one.metric.replace('_', ' ')}, on {machine}"
                verdict = one.verdict and replace(
                    one.verdict, words=f"{one.verdict.words} on {machine}"
                )
                key = f"{one.key or one.metric}@{machine}"
                found.append((measure, replace(one, key=key, title=title, verdict=verdict), mine))
        return found

    def sentences(self) -> tuple[str, ...]:
        """Say on how many machines was timed and weighed, where it was not one."""
        machines = sorted(set(self._machines.values()))
        if len(machines) < 2:
            return ()
        where = f"{counted(len(machines), 'machine')}: {'; '.join(machines)}"
        apart = "those of one data set have a column for each, and stand together in charts"
        return (f"Timed and weighed on {where}. Of figures from several, {apart}.",)

    def _parts(self, metrics: Sequence[MetricRow]) -> dict[str, list[MetricRow]]:
        """Return metrics by machine, where a data set has them of more than one; else all as one."""
        by_dataset: dict[str | None, set[str]] = {}
        for one in metrics:
            by_dataset.setdefault(one.at[1], set()).add(self._machines.get(one.fingerprint, ""))
        if all(len(machines) == 1 for machines in by_dataset.values()):
            return {"": list(metrics)}
        parts: dict[str, list[MetricRow]] = {}
        for one in metrics:
            parts.setdefault(self._machines.get(one.fingerprint, ""), []).append(one)
        return parts
