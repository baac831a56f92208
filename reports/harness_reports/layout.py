"""Which rows and columns are shown, in which order, and the facts around them. No figures made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.api.reporting import (
    CONDITION_AXES,
    ClaimPart,
    Column,
    DatasetInfo,
    JudgedClaim,
    ReportData,
    Row,
    RunTimes,
    ShownSheet,
    TimeShare,
    Unfinished,
    counted,
    list_some,
)
from harness_reports.format import plain, quantity, seconds

STATUSES = ("ok", "cached", "failed", "oom", "timeout", "crashed", "blocked", "skipped")
ENDED_WELL = ("ok", "cached", "skipped")


@dataclass(frozen=True)
class Table:
    """The rows of one data set, best headline first and floors last, and the columns that hold a figure there.

    axes: those of recipe, precision and device in which the run's rows differ.
    """

    dataset: DatasetInfo
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Unfinishing:
    """Jobs that did not end ok for the same reason."""

    status: str
    reason: str
    jobs: tuple[Unfinished, ...]


def tables(report: ReportData) -> tuple[Table, ...]:
    """Return a table for each data set on which something was measured, in the order of `report.datasets`."""
    infos = {info.name: info for info in report.datasets}
    for row in report.rows:
        infos.setdefault(row.dataset, DatasetInfo(name=row.dataset, headline="", counts={}))
    headline = next((column for column in report.columns if column.key == "headline"), None)
    falling = headline is None or headline.better != "lower"
    axes = differing_axes(report)
    found = []
    for info in infos.values():
        rows = [row for row in report.rows if row.dataset == info.name]
        columns = tuple(
            column
            for column in report.columns
            if (not column.datasets or info.name in column.datasets)
            and any(_measured(row, column) for row in rows)
        )
        if columns:
            rows.sort(key=lambda row: _place(row, falling))
            found.append(Table(info, axes, columns, tuple(rows)))
    return tuple(found)


def differing_axes(report: ReportData) -> tuple[str, ...]:
    """Return the axes in which rows differ; the others are said once, in the heading."""
    return tuple(
        axis
        for axis in CONDITION_AXES
        if len({getattr(row, axis) for row in models_of(report.rows)}) > 1
    )


def shared_axes(report: ReportData) -> dict[str, str]:
    """Return what all rows have in common: {"recipe": "plain"}."""
    differing = differing_axes(report)
    rows = models_of(report.rows)
    shared = {axis: getattr(rows[0], axis) for axis in CONDITION_AXES} if rows else {}
    shared.update(report.shared)
    return {axis: value for axis, value in shared.items() if axis not in differing and value}


def models_of(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the suite's models, for which recipe, precision and seeds hold."""
    return [row for row in rows if not row.floor]


def row_name(row: Row) -> str:
    """Return the architecture, and of what is no model of the suite that it is a floor."""
    return f"{row.architecture} (floor)" if row.floor else row.architecture


def groups(row: Row) -> list[str]:
    """Return the group letters of a row, one an entry: "ab" and "a b" are two."""
    return row.group.split() if " " in row.group else list(row.group)


def rank(row: Row) -> str:
    """Return the rank, a range with a dash that is not a minus: "1–3"."""
    return row.rank.replace("-", "–")


def dataset_facts(table: Table) -> str:
    """Return "360 test examples, 3 seeds"."""
    parts = []
    tested = table.dataset.counts.get("test")
    if tested is not None:
        parts.append(counted(tested, "test example"))
    numbers = sorted({len(row.seeds) for row in models_of(table.rows)})
    if numbers and numbers[-1]:
        text = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
        parts.append(f"{text} seed{'' if text == '1' else 's'}")
    return ", ".join(parts)


def started(report: ReportData) -> str:
    """Return when the run started, "2026-03-01 12:30 UTC"; text that is no date as it is."""
    try:
        moment = datetime.fromisoformat(report.started)
    except ValueError:
        return plain(report.started)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def run_facts(report: ReportData) -> list[tuple[str, str]]:
    """Return what to know about the run, as (word, value)."""
    facts = [
        ("suite", report.suite),
        ("status", status_words(report)),
        ("started", started(report)),
        ("took", seconds(report.seconds)),
        ("energy", "" if report.energy is None else quantity(report.energy, "J")),
    ]
    return [(word, value) for word, value in (*facts, *shared_axes(report).items()) if value]


def status_words(report: ReportData) -> str:
    """Return "completed", and of how much of the run that is not the whole truth."""
    bad = sum(count for status, count in report.counts.items() if status not in ENDED_WELL)
    all_jobs = sum(report.counts.values())
    but = (
        f", but {bad:,} of {counted(all_jobs, 'job')} {'is' if bad == 1 else 'are'} not ok"
        if bad
        else ""
    )
    nothing = ": nothing was measured" if all_jobs and not tables(report) else ""
    return f"{report.status}{but}{nothing}"


def count_facts(report: ReportData) -> list[tuple[str, int]]:
    """Return the number of jobs by status, in the order of `STATUSES`, zeros left out."""
    order = {status: place for place, status in enumerate(STATUSES)}
    counts = sorted(report.counts.items(), key=lambda pair: (order.get(pair[0], 99), pair[0]))
    return [(status, count) for status, count in counts if count]


def gallery_facts(report: ReportData) -> list[str]:
    """Return where the example pictures lie, a sentence for each title of a gallery."""
    titles: dict[str, list[ShownSheet]] = {}
    for one in report.galleries():
        if one.sheet.examples:
            titles.setdefault(one.gallery.title, []).append(one)
    return [
        f"{title}: {f'{len(found)} galleries' if len(found) > 1 else 'a gallery'} in the HTML report; "
        f"that of {found[0].series}, {found[0].sheet.title}, is {found[0].path}"
        for title, found in titles.items()
    ]


def unfinished(report: ReportData) -> list[Unfinishing]:
    """Return what failed or was skipped, jobs of one status and reason together.

    What is blocked repeats the reasons of what it needs, which are there already: it is one entry.
    """
    together: dict[tuple[str, str], list[Unfinished]] = {}
    for job in report.unfinished:
        reason = "what they need is not ok" if job.status == "blocked" else job.reason
        together.setdefault((job.status, reason), []).append(job)
    order = {status: place for place, status in enumerate(STATUSES)}
    found = [Unfinishing(*key, jobs=tuple(jobs)) for key, jobs in together.items()]
    return sorted(found, key=lambda one: order.get(one.status, -1))


def some_labels(jobs: tuple[Unfinished, ...], most: int = 3) -> str:
    """Return the first labels: "pgd vit#0, pgd vit#1 and 12 more"."""
    return list_some([plain(job.label) for job in jobs], most)


# What the raw keys of an environment are called, and whether they are bytes.
_FACT_WORDS = {"memory_bytes": "memory", "gpus": "GPUs", "cpu": "CPU", "python": "Python"}


def environment_facts(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured where, as (name, text) pairs: sizes with units, lists in words."""
    pairs: list[tuple[str, str]] = []
    for name, value in environment.items():
        if value is None or value == "" or value == [] or value == {}:
            continue
        words = _FACT_WORDS.get(name, name.removesuffix("_bytes").replace("_", " "))
        pairs.append((words, _fact(name, value)))
    return pairs


def _fact(name: str, value: Any) -> str:
    if name.endswith("_bytes") and isinstance(value, int | float):
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(key).removesuffix('_bytes').replace('_', ' ')} {_fact(str(key), part)}"
            for key, part in value.items()
            if part is not None and part != ""
        )
    if isinstance(value, list | tuple):
        return "; ".join(_fact(name, part) for part in value)
    return str(value)


def provenance_facts(report: ReportData) -> list[tuple[str, str]]:
    """Return the command and commit of a run, those that are known."""
    found = report.provenance
    pairs = [("command", found.command), ("commit", found.commit)]
    return [(name, value) for name, value in pairs if value]


def claim_words(part: ClaimPart) -> str:
    """Return what a run says of a claim under one condition: "digits: 97.4 % against 95.1 %, +2.3 pt (+1.1 pt to +3.5 pt)"."""
    percent = " %" if part.unit == "fraction" else ""
    left, right = (quantity(value, part.unit) + percent for value in (part.left, part.right))
    sides = f"{left} against {right}"
    words = _difference(part.value, part)
    if part.low is None or part.high is None:
        words += f", {part.method}"
    elif part.low != part.high:
        words += f" ({_difference(part.low, part)} to {_difference(part.high, part)})"
    if part.seeds == 1 and part.low != part.high:
        words += ", one seed"
    if part.subset:
        words += f", of {part.subset}"
    if part.seeds_needed:
        words += (
            f"; {part.seeds_needed} seeds would tell such a difference, should their spread stay"
        )
    if part.doubt:
        words += f"; doubtful: {part.doubt}"
    if part.caution:
        words += f"; but {part.caution}"
    return f"{part.where}: {sides}, {words}" if part.where else f"{sides}, {words}"


def _difference(value: float, part: ClaimPart) -> str:
    if part.relative or part.unit == "fraction":
        return f"{100 * value:+.1f}{' %' if part.relative else ' pt'}"
    return ("-" if value < 0 else "+") + quantity(abs(value), part.unit)


def claim_lines(claim: JudgedClaim) -> list[str]:
    """Return what is known of a claim beside its outcome, a line each."""
    said = claim.says + (f" ({claim.source})" if claim.source and claim.says else claim.source)
    lines = (claim.reason, *claim_part_lines(claim), *claim_notes(claim), said)
    return [line for line in lines if line]


def claim_part_lines(claim: JudgedClaim) -> list[str]:
    """Return what a run says of a claim under each condition, with the outcome where there are several."""
    if len(claim.parts) == 1:
        return [claim_words(claim.parts[0])]
    return [f"{part.outcome}: {claim_words(part)}" for part in claim.parts]


def claim_notes(claim: JudgedClaim) -> list[str]:
    """Return where the verdict does not tell two models apart that the claim does."""
    return [_beside_verdict(part) for part in claim.parts if part.tied is not None]


def claim_counts(report: ReportData) -> str:
    """Return "5 confirmed, 2 contradicted, 1 undecided" of a run's claims, in this order."""
    found = Counter(claim.outcome for claim in report.claims)
    order = ("confirmed", "contradicted", "undecided", "not judged")
    return ", ".join(f"{found[outcome]} {outcome}" for outcome in order if found[outcome])


def _beside_verdict(part: ClaimPart) -> str:
    """Say which of two to believe, where a claim tells two rows apart and the verdict does not."""
    tie = part.tied
    assert tie is not None
    one, other = tie.rows
    mine = "" if part.p_value is None else f" (p = {part.p_value:.2g})"
    if tie.p_value is None:
        return (
            f"The verdict goes by intervals, and those of {one} and {other} reach each other, as they may where a test of the "
            f"difference{mine} tells the two apart: believe the test."
        )
    said = f"The verdict does not tell {one} from {other} (p = {tie.p_value:.2g})"
    if part.p_value is None or tie.p_value > 1.001 * tie.pairs * part.p_value:
        return f"{said}: it goes by another test than this one, {part.method}; count on neither."
    return (
        f"{said}, as it looks at {counted(tie.pairs, 'pair')} at once and this claim at one{mine}: believe the claim of these two "
        "alone, and only where it was written before the figures were known; believe the verdict where you choose among all."
    )


def time_tables(times: RunTimes | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return where a run's time went as tables of (what, "12.3 s, 40 %"), each with a title; none of no times."""
    if times is None:
        return []
    found = [("wall time", times.wall)]
    found += [(f"seconds of jobs by {axis}", shares) for axis, shares in times.jobs.items()]
    tables = [(title, _time_table(shares)) for title, shares in found if shares]
    if len(times.chain) > 1:
        chain = (" \N{RIGHTWARDS ARROW} ".join(times.chain), f"{times.chain_seconds:.1f} s")
        tables.append(("the longest chain of jobs", [chain]))
    return tables


def _time_table(shares: Sequence[TimeShare]) -> list[tuple[str, str]]:
    whole = sum(one.seconds for one in shares)
    rows = []
    for one in shares:
        jobs = f" ({counted(one.jobs, 'job')})" if one.jobs else ""
        rows.append((one.what + jobs, f"{one.seconds:.1f} s, {100 * one.seconds / whole:.0f} %"))
    return rows


def _place(row: Row, falling: bool) -> tuple[bool, bool, float, str]:
    figure = row.figures.get("headline")
    missing = figure is None or math.isnan(figure.value)
    value = 0.0 if figure is None or missing else figure.value
    return row.floor, missing, -value if falling else value, row.architecture


def _measured(row: Row, column: Column) -> bool:
    figure = row.figures.get(column.key)
    return figure is not None and not math.isnan(figure.value)
