"""What a plan holds: how many jobs of each kind, and which are skipped and why."""

from __future__ import annotations

from collections import Counter

from harness.plan.jobs import Job, Plan


def kind(job: Job) -> str:
    return str(job.axes.get("measure", job.sort))


def kinds(plan: Plan, *, skipped: bool = False) -> dict[str, int]:
    return dict(Counter(kind(job) for job in plan.jobs if bool(job.skip) == skipped))


def skips(plan: Plan) -> dict[str, str]:
    return {job.label: job.skip for job in plan.jobs if job.skip}
