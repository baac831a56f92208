"""What of a plan has another fingerprint than before."""

from __future__ import annotations

from harness.plan.jobs import Plan


def prints(plan: Plan) -> dict[str, str]:
    """Return {label: fingerprint}."""
    assert len({job.label for job in plan.jobs}) == len(plan.jobs)
    return {job.label: job.fingerprint for job in plan.jobs}


def changed(before: Plan, after: Plan) -> set[str]:
    """Return the labels whose fingerprint is another one; both plans have the same labels."""
    old, new = prints(before), prints(after)
    assert old.keys() == new.keys()
    return {label for label in old if old[label] != new[label]}


def labels(plan: Plan, *words: str) -> set[str]:
    return {job.label for job in plan.jobs if any(word in job.label for word in words)}
