"""Reports that differ from the sample: a small one, a large one, and one whose texts try to break out."""

from __future__ import annotations

import dataclasses
from typing import Any

from made_rows import table_row
from sample_charts import hostile_charts, large_charts
from sample_findings import hostile_findings
from sample_galleries import hostile_galleries
from sample_report import COLUMNS, sample_report

from harness.api import DataNote
from harness.api.reporting import (
    ClaimPart,
    Column,
    DatasetInfo,
    Figure,
    JudgedClaim,
    ReportData,
    RunTimes,
    Tie,
    TimeShare,
    Unfinished,
)


def small_report(**changes: Any) -> ReportData:
    """Return a report of one row that was measured with one figure, changed as told."""
    figure = Figure(value=0.9, low=0.88, high=0.92, n=360)
    row = table_row("mlp", group="a", rank="1", figures={"headline": figure})
    fields: dict[str, Any] = {
        "rows": (row,),
        "columns": COLUMNS,
        "datasets": (DatasetInfo(name="digits", headline="accuracy", counts={"test": 360}),),
        "charts": (),
        "unfinished": (),
        "verdicts": (),
        "shared": {},
        "findings": (),
        "audited": 0,
        "galleries": tuple,
    }
    return dataclasses.replace(sample_report(), **(fields | changes))


def large_report(number: int = 200) -> ReportData:
    """Return a report of many rows on two data sets, with series for every architecture."""
    report = sample_report()
    models = [row for row in report.rows if row.dataset == "digits"]
    names = [f"timm/model_{place:03}.in1k" for place in range(number // 2)]
    rows = []
    for dataset in ("digits", "textures"):
        for place, name in enumerate(names):
            row = models[place % len(models)]
            figures = dict(row.figures)
            value = 0.99 - 0.004 * place
            figures["headline"] = Figure(value=value, low=value - 0.02, high=value + 0.009, n=360)
            rows.append(
                dataclasses.replace(
                    row, architecture=name, series=name, dataset=dataset, figures=figures
                )
            )
    textures = DatasetInfo(name="textures", headline="accuracy", counts={"test": 1})
    return dataclasses.replace(
        report,
        rows=tuple(rows),
        columns=COLUMNS,
        datasets=(report.datasets[0], textures),
        charts=large_charts(report.charts, "vit", names),
    )


HOSTILE = (
    "<script>alert(1)</script>",
    "[red]x[/red]",
    "a|b`c*d",
    "</script><!--",
    'q"o\'t">',
    "\x1b[31mred\nnext",
)


def hostile_report() -> ReportData:
    """Return a report in which every name and text from outside tries to break out."""
    script, markup, pipes, comment, quote, _ = HOSTILE
    report = sample_report()
    first = report.rows[0]
    rows = tuple(
        dataclasses.replace(first, architecture=name, series=name, dataset=dataset, recipe=name)
        for dataset in (script, quote)
        for name in HOSTILE
    )
    part = ClaimPart(
        where=script, outcome="undecided", unit="s", left=1.0, right=2.0, value=-0.5, low=None, high=None,
        relative=True, method=markup, seeds=1, doubt=comment,
        p_value=0.01, tied=Tie(dataset=script, column="x", rows=(pipes, quote), pairs=3, p_value=0.03),
    )  # fmt: skip
    metrics = report.metrics.assign(architecture=script, recipe=comment)
    note = dataclasses.replace(first.figures["fit_seconds"], note=script)
    return dataclasses.replace(
        report,
        run=script,
        suite=comment,
        status=markup,
        started=script,
        environment={script: {markup: comment}, "list": [quote, pipes]},
        datasets=(
            DatasetInfo(
                name=script,
                headline="accuracy",
                counts={script: 1, "test": 2},
                notes=(DataNote(title=script, header=(markup, quote), rows=((pipes, script),)),),
            ),
            DatasetInfo(name=quote, headline="r2", counts={}),
        ),
        columns=(
            *COLUMNS,
            Column(key="x", title=script, unit=comment, better="", meaning=quote),
        ),
        rows=tuple(
            dataclasses.replace(
                row,
                figures={**row.figures, "fit_seconds": note, "x": Figure(value=12.5, exact=True)},
            )
            for row in rows
        ),
        charts=hostile_charts(report.charts, "resnet", HOSTILE),
        verdicts=HOSTILE,
        unfinished=tuple(
            Unfinished(label=name, fingerprint=script, status="failed", reason=name)
            for name in HOSTILE
        ),
        metrics=metrics,
        findings=hostile_findings(HOSTILE),
        galleries=lambda: hostile_galleries(HOSTILE, script),
        claims=tuple(
            JudgedClaim(
                expect=name, says=name, source=name, outcome=outcome, reason=name, parts=(part,)
            )
            for name in HOSTILE
            for outcome in ("confirmed", "contradicted", "undecided", "not judged")
        ),
        times=RunTimes(
            seconds=1.0,
            places=1,
            wall=(TimeShare(what=script, seconds=1.0),),
            jobs={"architecture": tuple(TimeShare(what=name, seconds=1.0) for name in HOSTILE)},
            chain=HOSTILE,
            chain_seconds=1.0,
            advice=HOSTILE,
        ),
    )
