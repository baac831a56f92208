"""What a report must satisfy."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.catalogue.gallery import Bar, Gallery, GalleryExample, Pane, Sheet, Trace
from harness.catalogue.references import call
from harness.catalogue.run_kinds import Report
from harness.contracts.subject import Broken, Subject, require
from harness.data.notes import DataNote
from harness.summary.chart_data import (
    ChartData,
    CurveChart,
    CurvePoint,
    GridCell,
    GridChart,
    Limit,
    Scale,
    ScatterChart,
    ScatterPoint,
    Told,
)
from harness.summary.figure import Figure
from harness.summary.report_data import (
    Column,
    DatasetInfo,
    ModelFinding,
    ReportData,
    Row,
    ShownSheet,
    Unfinished,
)

_HOSTILE = "<script>alert('contract')</script>[bold]|`\n\u2028&"


def _sample(name: str = "tiny") -> ReportData:
    """Return a run of two architectures, one of which bears a name of your choice."""
    figure = Figure(value=0.91, low=0.88, high=0.94, n=360)
    count = Figure(value=4321.0, exact=True)
    rows = tuple(
        Row(
            architecture=architecture,
            dataset="digits",
            recipe="plain",
            precision="fp32",
            device="cpu",
            seeds=(0, 1),
            group="a",
            rank="1-2",
            figures={"headline": figure, "parameters": count},
        )
        for architecture in (name, "other")
    )
    return ReportData(
        run="contract-0001",
        suite="contract",
        status="finished",
        started="2026-01-01T00:00:00+00:00",
        seconds=12.5,
        counts={"ok": 9, "failed": 1},
        environment={"cpu": name, "torch": "2"},
        datasets=(
            DatasetInfo(
                name="digits",
                headline="accuracy",
                counts={"train": 1149, "validation": 288, "test": 360},
                notes=(DataNote(title=name, header=(name,), rows=((name,),)),),
            ),
        ),
        columns=(
            Column(key="headline", title="accuracy", unit="fraction", better="higher", meaning="x"),
            Column(key="parameters", title=name, unit="count", better="lower", meaning=name),
        ),
        rows=rows,
        charts=_charts(name, figure),
        verdicts=(f"Most accurate: {name}.",),
        unfinished=(
            Unfinished(label=name, fingerprint="0" * 64, status="failed", reason=f"{name} broke"),
        ),
        metrics=_metrics(name),
        findings=(
            ModelFinding(
                dataset="digits", series=name, code="x", flag=name, sentence=name, advice=name
            ),
        ),
        audited=1,
        shared={"recipe": "plain", "precision": "fp32", "device": "cpu"},
        galleries=lambda: (_gallery(name),),
    )


def _charts(name: str, figure: Figure) -> tuple[ChartData, ...]:
    """Return a chart of each kind, with a name of your choice wherever one stands."""
    scale = Scale(title=name, unit="fraction", better="higher")
    told = (Told(scale=scale, figure=figure),)
    said: Any = {"dataset": "digits", "title": name, "caption": name}
    return (
        CurveChart(
            **said,
            x=Scale(title=name),
            y=scale,
            points=tuple(
                CurvePoint(series=name, x=x, x_text=f"{name}{x:g}", y=figure) for x in (0.0, 0.1)
            ),
        ),
        GridChart(
            **said,
            x=Scale(title=name),
            y=Scale(title=name),
            z=Scale(title=name),
            value=scale,
            rows=("margin", name, "other"),
            columns=(name, "other"),
            facets=(name, "second"),
            cells=tuple(
                GridCell(row=row, column=name, facet=facet, figure=figure, beside=figure)
                for row in ("margin", name)
                for facet in (name, "second")
            ),
            beside=scale,
            margin="margin",
        ),
        ScatterChart(
            **said,
            x=Scale(title=name, unit="1/s", log=True),
            y=scale,
            points=(
                ScatterPoint(
                    series=name, condition=name, label=name, x=figure, y=figure, tells=told
                ),
            ),
            limits=(Limit(name=name, most=1.0, slope=2.0),),
            limit_scales=(scale, scale),
            front=True,
        ),
    )


def _gallery(name: str) -> ShownSheet:
    example = GalleryExample(
        caption=name,
        panes=(Pane(title=name, name=name, words=name),),
        traces=(Trace(title=name, steps=2, lines={name: (0.0, 1.0)}),),
        bars=(Bar(title=name, share=0.5, words=name),),
        note=name,
    )
    return ShownSheet(
        dataset="digits",
        series=name,
        seed=0,
        gallery=Gallery(title=name, caption=name),
        path=name,
        sheet=Sheet(title=name, count=name, notes=(name,), examples=(example,)),
    )


def _metrics(*architectures: str) -> Any:
    import pandas as pd

    from harness.plan.axes import JOB_AXES

    axes = {axis: None for axis in JOB_AXES} | {"dataset": "digits", "seed": 0}
    figure = {"name": "accuracy", "value": 0.91, "unit": "fraction", "low": 0.88, "high": 0.94}
    rows = [
        {"run": "contract-0001"}
        | axes
        | {"architecture": architecture}
        | figure
        | {"n": 360, "exact": False, "where": "{}", "examples": "[]", "samples": ""}
        | {"fingerprint": "0" * 64}
        for architecture in architectures
    ]
    last = ["n", "exact", "where", "examples", "samples", "fingerprint"]
    columns = ["run", *JOB_AXES, *figure, *last]
    numbers = {"value": "float64", "low": "float64", "high": "float64", "n": "Int64"}
    return pd.DataFrame(rows, columns=columns).astype(numbers | {"seed": "Int64"})


def _render(subject: Subject, report: ReportData) -> str | bytes:
    item = subject.item
    assert isinstance(item, Report)
    found = call(item.render, report=report)
    if not isinstance(found, str | bytes):
        raise Broken(f"it returned a {type(found).__name__}, not str or bytes")
    require(found, "it returned nothing")
    return found


def _text(found: str | bytes) -> str:
    return found if isinstance(found, str) else found.decode("utf-8", errors="replace")


def check_renders(subject: Subject) -> None:
    """It renders a finished run to text or bytes that can be written to a file."""
    found = _render(subject, _sample())
    if isinstance(found, str):
        found.encode("utf-8")
        require("tiny" in found, "the architecture 'tiny' of the run is not in it")


def check_suffix(subject: Subject) -> None:
    """The suffix of its files starts with a dot."""
    item = subject.item
    assert isinstance(item, Report)
    require(
        item.suffix.startswith(".") and "/" not in item.suffix, f"the suffix is {item.suffix!r}"
    )


def check_same_twice(subject: Subject) -> None:
    """The same run is rendered the same way twice."""
    require(
        _render(subject, _sample()) == _render(subject, _sample()),
        "rendered twice, the same run gives different files",
    )


def check_hostile_names(subject: Subject) -> None:
    """Names with markup in them are escaped."""
    item = subject.item
    assert isinstance(item, Report)
    text = _text(_render(subject, _sample(_HOSTILE)))
    if item.suffix in (".html", ".htm", ".svg", ".xml"):
        require("<script>alert(" not in text, "a name's <script> stands in the page as it is")


def check_empty_run(subject: Subject) -> None:
    """A run in which nothing was measured is rendered too."""
    _render(
        subject,
        dataclasses.replace(
            _sample(),
            columns=(),
            rows=(),
            charts=(),
            verdicts=(),
            datasets=(),
            unfinished=(),
            findings=(),
            audited=0,
            counts={},
            metrics=_metrics(),
            galleries=tuple,
        ),
    )


CONTRACTS = (check_renders, check_suffix, check_same_twice, check_hostile_names, check_empty_run)
