"""What was noticed about the models of a run, gathered over seeds and measures, and about its data."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from harness.catalogue.finding import Finding, read_findings
from harness.catalogue.left_out import read_left_out
from harness.store.run_data import JobRow
from harness.summary.report_data import THE_DATA, ModelFinding

THE_MODELS = "models beside one another"  # what a measure says that compares several
_Model = tuple[str, str]  # data set, series


@dataclass(frozen=True)
class _Look:
    """What one job noticed; measure: "" where it is about the data or the fit itself. audited: it looked for something."""

    model: _Model
    measure: str
    seed: int | None
    findings: tuple[Finding, ...]
    audited: bool


def gather_findings(
    jobs: Iterable[JobRow], series: Callable[[JobRow], str | None]
) -> tuple[tuple[ModelFinding, ...], int]:
    """Return the findings of a run's jobs, and how many of its measures looked for any.

    Findings of one sort that concern the same figures of a model are one over its seeds, in the words
    of the lowest seed; measures that say the same of a model are one, too.

    series: the name of a job's model; None where it has no place in the report.
    """
    looks = [look for job in jobs if (look := _look(job, series)) is not None]
    merged: dict[tuple[Any, ...], ModelFinding] = {}
    for found in _over_seeds(looks):
        key = (found.dataset, found.series, found.code, found.sentence, found.advice)
        before = merged.setdefault(key, found)
        if before is not found:
            merged[key] = _join(before, found)
    return tuple(merged.values()), sum(look.audited and bool(look.measure) for look in looks)


def _look(job: JobRow, series: Callable[[JobRow], str | None]) -> _Look | None:
    of_data = job.sort == "prepare"
    if job.status != "ok" or not (job.sort in ("fit", "measure") or of_data):
        return None
    try:
        found = read_findings(job.folder)
    except (OSError, ValueError, TypeError) as error:
        found = (_unreadable(error),)
    left_out: tuple[Finding, ...] = ()
    with contextlib.suppress(OSError, ValueError, TypeError):  # no figure is doubtful without it
        left_out = read_left_out(job.folder)
    if found is None and not left_out:
        return None
    seed = job.axes.get("seed")
    return _Look(
        model=(
            str(job.axes.get("dataset")),
            THE_DATA if of_data else series(job) or str(job.axes.get("architecture", THE_MODELS)),
        ),
        measure=str(job.axes.get("measure")) if job.sort == "measure" else "",
        seed=None if seed is None else int(seed),
        findings=(*(found or ()), *left_out),
        audited=found is not None,
    )


def _unreadable(error: Exception) -> Finding:
    return Finding(
        code="unreadable",
        sentence=f"What was found cannot be read: {type(error).__name__}: {error}",
        advice="Measure again, with --fresh and the measure's name.",
        flag="findings cannot be read",
    )


def _over_seeds(looks: Iterable[_Look]) -> Iterable[ModelFinding]:
    groups: dict[tuple[_Model, str], list[_Look]] = {}
    for look in sorted(looks, key=lambda look: -1 if look.seed is None else look.seed):
        groups.setdefault((look.model, look.measure), []).append(look)
    several = {model: [m for other, m in groups if m and other == model] for model, _ in groups}
    for (model, measure), mine in groups.items():
        sorts: dict[tuple[str, int], list[tuple[int | None, Finding]]] = {}
        for look in mine:
            before: Counter[str] = Counter()  # two of a sort in one job are two findings
            for finding in look.findings:
                where = {  # the first of several, which is the attack itself and not the worst case
                    key: value[0] if isinstance(value, list) and value else value
                    for key, value in finding.where.items()
                }
                sort = json.dumps([finding.code, where], sort_keys=True)
                before[sort] += 1
                sorts.setdefault((sort, before[sort]), []).append((look.seed, finding))
        for found in sorts.values():
            first = found[0][1]
            yield ModelFinding(
                dataset=model[0],
                series=model[1],
                code=first.code,
                flag=first.flag,
                sentence=first.sentence,
                advice=first.advice,
                seeds=tuple(dict.fromkeys(seed for seed, _ in found if seed is not None)),
                looked=len(mine),
                measures=(measure,) if measure and len(several[model]) > 1 else (),
                of_fit=not measure and model[1] != THE_DATA,
            )


def _join(one: ModelFinding, other: ModelFinding) -> ModelFinding:
    """Return one finding for two measures that say the same."""
    return replace(
        one,
        seeds=tuple(sorted({*one.seeds, *other.seeds})),
        measures=tuple(dict.fromkeys((*one.measures, *other.measures))),
    )
