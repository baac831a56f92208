"""One offline page: a table that sorts and filters, charts, and how the figures came about."""

from __future__ import annotations

import json
import math
from importlib import resources
from importlib.metadata import version as version_of
from typing import Any

import altair
import jinja2
import vl_convert
from markupsafe import Markup

from harness.api.reporting import (
    ClaimPart,
    Column,
    Figure,
    JudgedClaim,
    ReportData,
    Row,
    cached_text,
)
from harness_reports import csv
from harness_reports.charts import draw
from harness_reports.colours import Colouring, colouring
from harness_reports.findings import doubts, summary
from harness_reports.format import (
    DASH,
    Marks,
    cell,
    describe,
    has_interval,
    plain_text,
    titled,
)
from harness_reports.galleries import draw_galleries
from harness_reports.gallery_charts import CHART
from harness_reports.layout import (
    Table,
    claim_counts,
    claim_notes,
    claim_part_lines,
    count_facts,
    dataset_facts,
    environment_facts,
    groups,
    models_of,
    provenance_facts,
    rank,
    run_facts,
    tables,
    time_tables,
    unfinished,
)

MOST_OPEN = 3  # sheets of a model that are open as soon as the model is
SPARE = 0.12  # of a claim's bar, beyond what it shows, on either side
BARRED = ("fraction", "", "ratio")  # units whose intervals are drawn as bars in the table


def render(report: ReportData) -> str:
    """Return the page; it asks the network for nothing."""
    shown = tables(report)
    colours = colouring(report)
    charts = draw(report, colours)
    columns = _columns(shown)
    marks = Marks()
    bodies = [_body(table, list(columns), colours, marks) for table in shown]
    return _PAGE.render(
        report=report,
        facts=run_facts(report),
        counts=count_facts(report),
        axes=shown[0].axes if shown else (),
        headers=[_header(mine) for mine in columns.values()],
        bodies=bodies,
        notes=[(one.name, note) for one in report.datasets for note in one.notes],
        ranked=any(row.rank for row in report.rows),
        floors=any(row.floor for row in report.rows),
        marks=marks.legend(),
        charts=charts,
        chips=[(name, place) for place, name in enumerate(colours.names)],
        others=colours.others,
        galleries=draw_galleries(report, shown, colours),
        chart_size=CHART,
        most_open=MOST_OPEN,
        doubts=doubts(report),
        findings_summary=summary(report),
        unfinished=unfinished(report),
        environment=environment_facts(report.environment),
        provenance=provenance_facts(report),
        claims=[(claim, _claim_parts(claim), claim_notes(claim)) for claim in report.claims],
        claim_counts=claim_counts(report),
        time_tables=time_tables(report.times),
        specs=embed([chart.spec for chart in charts]),
        metrics=embed({"name": f"{report.run}.csv", "text": csv.render(report)}),
        style=Markup(_own("report.css")),
        script=Markup(_own("report.js")),
        bundle=Markup(bundle()),
        dash=DASH,
    )


def embed(data: Any) -> Markup:
    """Return JSON that is safe inside a script element: no "<", no "&", no line separator."""
    text = json.dumps(data, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def bundle() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, in a scope of its own.

    Making it takes over a second, so it is kept for each version of the libraries.
    """
    version = altair.SCHEMA_VERSION.lstrip("v").rsplit(".", 1)[0]
    known = vl_convert.get_vegalite_versions()
    chosen = version if version in known else known[-1]

    def make() -> str:
        script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=chosen)
        return f"(() => {{{script}\n}})();"

    return cached_text(f"vega/{version_of('vl-convert-python')}-{chosen}.js", make)


_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("harness_reports"),
    autoescape=True,
    finalize=plain_text,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
).get_template("report.html.jinja")


def _own(name: str) -> str:
    return (resources.files("harness_reports") / "templates" / name).read_text(encoding="utf-8")


def _columns(shown: tuple[Table, ...]) -> dict[str, list[Column]]:
    """Return the columns of all tables by key; a key has several where data sets have other metrics."""
    found: dict[str, list[Column]] = {}
    for table in shown:
        for column in table.columns:
            mine = found.setdefault(column.key, [])
            mine += [] if column in mine else [column]
    return found


def _header(columns: list[Column]) -> dict[str, Any]:
    """Return a header's words: "accuracy %" over "or r²" where data sets have other metrics."""
    first, *others = dict.fromkeys(titled(column) for column in columns)
    name, _, condition = first.partition(", ")
    words = " ".join([condition, *(f"or {title}" for title in others)])
    return {"column": columns[0], "name": name, "condition": words.strip()}


def _body(table: Table, keys: list[str], colours: Colouring, marks: Marks) -> dict[str, Any]:
    columns = {column.key: column for column in table.columns}
    scales = {column.key: _scale(table, column) for column in table.columns}
    rows = []
    for row in table.rows:
        figures = [_figure(row, columns.get(key), scales.get(key), marks) for key in keys]
        rows.append(
            {
                "row": row,
                "axes": [str(getattr(row, axis)) for axis in table.axes],
                "colour": colours.index(colours.architecture(row.series)),
                "groups": groups(row),
                "rank": rank(row),
                "figures": figures,
            }
        )
    return {"dataset": table.dataset, "facts": dataset_facts(table), "rows": rows}


def _figure(
    row: Row, column: Column | None, scale: tuple[float, float] | None, marks: Marks
) -> dict[str, Any]:
    figure = None if column is None else row.figures.get(column.key)
    unit = "" if column is None else column.unit
    known = figure is not None and math.isfinite(figure.value)
    text, arms = cell(figure, unit), ""
    if unit not in BARRED:
        whole, text = text, cell(figure, unit, interval=False)
        arms = whole.removeprefix(text).strip()
    return {
        "text": text,
        "arms": arms,
        "marks": marks.of(figure),
        "title": describe(figure, unit),
        "value": repr(float(figure.value)) if figure is not None and known else "",
        "bar": _bar(figure, scale) if figure is not None and scale else None,
    }


def _scale(table: Table, column: Column) -> tuple[float, float] | None:
    """Return the ends that the interval bars of a column's models share; None where it has no bars.

    Floors lie far below models, beside which every model's bar would be a speck.
    """
    if column.unit not in BARRED:
        return None
    figures = [row.figures.get(column.key) for row in models_of(table.rows)]
    ends = [
        end
        for figure in figures
        if figure is not None and has_interval(figure)
        for end in (figure.low, figure.value, figure.high)
        if end is not None
    ]
    return (min(ends), max(ends)) if ends and min(ends) < max(ends) else None


def _bar(figure: Figure, scale: tuple[float, float]) -> dict[str, str] | None:
    """Return the bar's left end, width and point as CSS percentages; of a floor, what lies on the models' scale."""
    if figure.low is None or figure.high is None or not has_interval(figure):
        return None
    low, high, value = (
        100 * (end - scale[0]) / (scale[1] - scale[0])
        for end in (figure.low, figure.high, figure.value)
    )
    if not 0 <= value <= 100:
        return None
    low, high = max(low, 0.0), min(high, 100.0)
    return {"left": f"{low:.1f}%", "width": f"{high - low:.1f}%", "point": f"{value:.1f}%"}


def _claim_parts(claim: JudgedClaim) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Return of each condition the outcome, what the run says in words, and the bar of its interval."""
    words = claim_part_lines(claim)
    return [
        (part.outcome, line, _claim_bar(part))
        for part, line in zip(claim.parts, words, strict=True)
    ]


def _claim_bar(part: ClaimPart) -> dict[str, Any] | None:
    """Return where the interval of a difference lies beside what the claim asks for, as CSS percentages of a scale of its own."""
    low, high = (part.value if end is None else end for end in (part.low, part.high))
    known = (low, part.value, high, part.margin)
    if not all(map(math.isfinite, known)) or min(known) == max(known):
        return None
    reach = max(known) - min(known)
    start, whole = min(known) - SPARE * reach, (1 + 2 * SPARE) * reach
    left, point, right, line = (100 * (value - start) / whole for value in known)
    return {
        "left": f"{left:.1f}%",
        "width": f"{right - left:.1f}%",
        "point": f"{point:.1f}%",
        "line": f"{line:.1f}%",
        "asked": f"left:{line:.1f}%;right:0" if part.greater else f"left:0;width:{line:.1f}%",
    }
