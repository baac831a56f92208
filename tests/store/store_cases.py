"""Jobs, plans and outcomes for tests of the store."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from harness.measure.metric import Metric
from harness.plan.jobs import Job, Plan
from harness.store.records import FileRead, Outcome
from harness.store.store import Store


def make_job(number: int, label: str = "", measure: str = "accuracy", sort: str = "measure") -> Job:
    return Job(
        fingerprint=f"{number:064x}",
        sort=sort,
        label=label or f"job {number}",
        spec={"number": number},
        needs=(),
        axes={"measure": measure},
    )


def make_plan(*jobs: Job, suite: str = "tiny") -> Plan:
    return Plan(suite=suite, jobs=jobs, trials=1, hardware={})


def outcome(job: Job, status: str = "ok", **more: object) -> Outcome:
    return Outcome(fingerprint=job.fingerprint, status=status, **more)  # type: ignore[arg-type]


_SECONDS = itertools.count(0.5)  # what is timed is never the same


def do(
    store: Store, values: dict[int, float], *, finish: bool = True, sorts: Mapping[int, str] = {}
) -> str:
    """Make a run whose jobs (by number) end with a value each; those with an outcome in the store are linked."""
    jobs = {number: make_job(number, sort=sorts.get(number, "measure")) for number in values}
    run, name = store.start_run(make_plan(*jobs.values()), {"suite": {"name": "tiny"}})
    done = store.finished(job.fingerprint for job in jobs.values())
    store.link(run, done)
    for number, value in values.items():
        if (job := jobs[number]).fingerprint not in done:
            folder = store.new_attempt(job.fingerprint)
            (folder / "log.txt").write_text(f"{value}\n")
            (folder / "deep").mkdir()
            (folder / "deep" / "weights.bin").write_bytes(b"w" * 10)
            (folder / "link").symlink_to("/etc/hostname")
            store.add_outcome(
                run,
                outcome(
                    job,
                    metrics=(
                        Metric(name="accuracy", value=value, where={"epsilon": 0.5}),
                        Metric(name="fit_seconds", value=next(_SECONDS), unit="s"),
                    ),
                    folder=str(folder.relative_to(store.folder)),
                    environment={"cpu": "c"},
                    files_read=(FileRead("/a/file", "digest"),),
                    basis="basis",
                    state="state",
                ),
            )
    if finish:
        store.finish_run(run, "completed", 1.0, {"ok": len(values)})
    return name
