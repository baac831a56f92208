"""Which rows are shown, in which order, and the facts around them."""

from __future__ import annotations

import dataclasses
import math

from odd_reports import large_report, small_report
from sample_report import sample_report

from harness.api.reporting import (
    CurveChart,
    CurvePoint,
    Figure,
    ReportData,
    Row,
    Scale,
    Unfinished,
)
from harness_reports import html, markdown, terminal
from harness_reports.colours import colouring
from harness_reports.layout import (
    count_facts,
    dataset_facts,
    environment_facts,
    groups,
    row_name,
    run_facts,
    shared_axes,
    some_labels,
    started,
    tables,
    unfinished,
)


def test_rows_stand_best_first_with_the_unmeasured_last() -> None:
    row = small_report().rows[0]
    figures = {"low": 0.3, "nan": math.nan, "high": 0.8}
    rows = tuple(
        dataclasses.replace(row, architecture=name, figures={"headline": Figure(value=value)})
        for name, value in figures.items()
    ) + (dataclasses.replace(row, architecture="none", figures={}),)
    (table,) = tables(small_report(rows=rows))
    assert [row.architecture for row in table.rows] == ["high", "low", "nan", "none"]
    headline = dataclasses.replace(sample_report().columns[0], better="lower")
    (table,) = tables(small_report(rows=rows, columns=(headline,)))
    assert [row.architecture for row in table.rows] == ["low", "high", "nan", "none"]


def test_columns_without_a_figure_are_left_out_of_a_data_set() -> None:
    digits, diabetes = tables(sample_report())
    assert "robust" in [column.key for column in digits.columns]
    assert "robust" not in [column.key for column in diabetes.columns]


def test_axes_are_columns_only_where_rows_differ() -> None:
    row = small_report().rows[0]
    report = small_report(rows=(row, dataclasses.replace(row, recipe="long")))
    (table,) = tables(report)
    assert table.axes == ("recipe",)
    assert shared_axes(report) == {"precision": "fp32", "device": "cpu"}
    assert tables(small_report())[0].axes == ()


def test_facts_of_run_and_data() -> None:
    report = sample_report()
    assert dict(run_facts(report))["took"] == "6 min 53 s"
    assert started(dataclasses.replace(report, started="2026-03-02T10:30:00+01:00")) == (
        "2026-03-02 09:30 UTC"
    )
    assert started(dataclasses.replace(report, started="yesterday")) == "yesterday"
    assert dataset_facts(tables(report)[0]) == "360 test examples, 3 seeds"
    assert dataset_facts(tables(small_report())[0]) == "360 test examples, 1 seed"
    assert [status for status, _ in count_facts(report)] == [
        "ok",
        "cached",
        "oom",
        "crashed",
        "blocked",
        "skipped",
    ]


def test_the_unfinished_are_aggregated_failures_first() -> None:
    found = unfinished(sample_report())
    assert [(one.status, len(one.jobs)) for one in found] == [
        ("oom", 1),
        ("crashed", 1),
        ("blocked", 3),
        ("skipped", 9),
        ("skipped", 2),
    ]
    assert some_labels(found[3].jobs).endswith("fit resnet diabetes #2 and 6 more")


def test_a_run_that_did_not_go_well_says_so() -> None:
    report = small_report()
    counts = {"ok": 3, "cached": 1, "skipped": 4}
    fine = dataclasses.replace(report, counts=counts)
    assert dict(run_facts(fine))["status"] == "completed"
    some = dataclasses.replace(report, counts=counts | {"failed": 2, "blocked": 10})
    assert dict(run_facts(some))["status"] == "completed, but 12 of 20 jobs are not ok"
    rows = tuple(dataclasses.replace(row, figures={}) for row in report.rows)
    none = dataclasses.replace(some, rows=rows)
    assert tables(none) == ()
    said = "completed, but 12 of 20 jobs are not ok: nothing was measured"
    assert dict(run_facts(none))["status"] == said
    skipped = dataclasses.replace(none, counts={"ok": 1, "skipped": 4})  # by a time budget, say
    assert dict(run_facts(skipped))["status"] == "completed: nothing was measured"
    for text in (terminal.render(none), markdown.render(none), html.render(none)):
        assert said in text


def test_a_reason_of_several_lines_keeps_them() -> None:
    one = Unfinished(
        label="prepare",
        fingerprint="p",
        status="failed",
        reason="2 problems:\n  1. a.png\x1b\n  2. b.png",
    )
    report = dataclasses.replace(small_report(), unfinished=(one,))
    assert "2 problems:\n  1. a.png\n  2. b.png (prepare)" in terminal.render(report)
    assert "2 problems:<br>1. a.png<br>2. b.png" in markdown.render(report)


def test_a_reason_is_said_once() -> None:
    reason = "ValueError: this one never builds"
    broken = [
        Unfinished(label=f"fit b#{n}", fingerprint=f"f{n}", status="failed", reason=reason)
        for n in range(2)
    ]
    blocked = [
        Unfinished(
            label=f"accuracy b#{n}",
            fingerprint=f"m{n}",
            status="blocked",
            reason=f"it needs 'fit b#{n}', which is failed: {reason}",
        )
        for n in range(2)
    ]
    report = dataclasses.replace(small_report(), unfinished=(*broken, *blocked))
    found = [(one.status, one.reason, len(one.jobs)) for one in unfinished(report)]
    assert found == [("failed", reason, 2), ("blocked", "what they need is not ok", 2)]
    assert terminal.render(report).count(reason) == 1


def test_group_letters_are_read_with_or_without_spaces() -> None:
    row = small_report().rows[0]
    assert groups(dataclasses.replace(row, group="ab")) == ["a", "b"]
    assert groups(dataclasses.replace(row, group="z aa")) == ["z", "aa"]
    assert groups(dataclasses.replace(row, group="")) == []


def test_the_environment_is_told_in_words() -> None:
    gpu = {"name": "H200", "memory_bytes": 150 * 2**30, "driver": ""}
    facts = environment_facts(
        {
            "memory_bytes": 25276583936,
            "cpu": "x",
            "libraries": {"torch": "2", "timm": "1"},
            "gpus": [gpu, gpu],
            "job_threads": 1,
            "n": None,
        }
    )
    assert facts == [
        ("memory", "23.5 GiB"),
        ("CPU", "x"),
        ("libraries", "torch 2, timm 1"),
        ("GPUs", "name H200, memory 150.0 GiB; name H200, memory 150.0 GiB"),
        ("job threads", "1"),
    ]


def test_an_architecture_keeps_its_colour_on_every_data_set() -> None:
    colours = colouring(sample_report())
    assert colours.names == ("resnet", "lenet", "vit", "mixer", "gru", "mlp")
    assert colours.others == ()
    assert colours.architecture("resnet") == "resnet"
    assert colours.architecture("unknown") == "unknown"


def test_a_series_is_of_the_architecture_that_its_row_names() -> None:
    row = dataclasses.replace(
        small_report().rows[0], architecture="vit:depth=2", series="vit:depth=2 noise"
    )
    other = dataclasses.replace(row, architecture="mlp", series="mlp noise")
    report = dataclasses.replace(small_report(), rows=(row, other))
    assert colouring(report).architecture("vit:depth=2 noise") == "vit:depth=2"


def test_models_of_one_architecture_have_a_colour_each() -> None:
    row = small_report().rows[0]
    rows = tuple(
        dataclasses.replace(row, series=f"lenet {recipe}", recipe=recipe)
        for recipe in ("plain", "sam")
    )
    report = small_report(
        rows=(*rows, dataclasses.replace(row, architecture="linear", series="linear", floor=True))
    )
    colours = colouring(report)
    assert colours.names == ("lenet plain", "lenet sam")
    assert colours.index(colours.architecture("lenet sam")) == 1


def test_beyond_twelve_architectures_share_a_grey() -> None:
    colours = colouring(large_report())
    assert (len(colours.names), len(colours.others)) == (12, 88)
    assert colours.others[0] == "timm/model_012.in1k"
    assert colours.names[0] == "timm/model_000.in1k"  # the best have colours
    assert colours.index("timm/model_050.in1k") == 12


def _with_floors() -> ReportData:
    """Two models above 97 %, a floor far below them, and one whose interval reaches among them."""
    row = small_report().rows[0]
    figures = {
        "mlp": Figure(value=0.975, low=0.965, high=0.985),
        "lenet": Figure(value=0.98, low=0.97, high=0.99),
        "linear": Figure(value=0.97, low=0.95, high=0.98),
        "constant": Figure(value=0.1, low=0.08, high=0.13),
    }
    rows = [
        dataclasses.replace(
            row,
            architecture=name,
            series=name,
            figures={"headline": figure},
            floor=name in ("linear", "constant"),
        )
        for name, figure in figures.items()
    ]
    return small_report(rows=tuple(rows))


def test_floors_are_named_so_and_stand_after_the_models() -> None:
    report = _with_floors()
    above = dataclasses.replace(
        report.rows[2], architecture="trees", figures={"headline": Figure(value=0.999)}
    )
    report = dataclasses.replace(report, rows=(above, *report.rows))
    (table,) = tables(report)
    names = ["lenet", "mlp", "trees (floor)", "linear (floor)", "constant (floor)"]
    assert [row_name(row) for row in table.rows] == names
    for text in (terminal.render(report, 100), markdown.render(report)):
        assert [text.index(name) for name in names] == sorted(text.index(name) for name in names)
    page = html.render(report)
    assert page.count('<tr class="model floor">') == page.count("<small>floor</small>") == 3
    assert "A floor is no model of the suite" in page
    assert "A floor is no model of the suite" not in html.render(small_report())


def test_bars_are_on_the_scale_of_the_models() -> None:
    """A floor at 10 % leaves the bars of models at 98 % as wide as they are without it."""
    report = _with_floors()
    bars = {row.architecture: bar for row, bar in _bars(report)}
    alone = dataclasses.replace(report, rows=tuple(row for row in report.rows if not row.floor))
    assert [bars["lenet"], bars["mlp"]] == [bar for _, bar in _bars(alone)]
    assert bars["mlp"] == {"left": "0.0%", "width": "80.0%", "point": "40.0%"}
    assert bars["linear"] == {"left": "0.0%", "width": "60.0%", "point": "20.0%"}  # from 95 %
    assert bars["constant"] is None


def _bars(report: ReportData) -> list[tuple[Row, dict[str, str] | None]]:
    (table,) = tables(report)
    (column,) = table.columns
    scale = html._scale(table, column)
    return [
        (row, html._bar(row.figures["headline"], scale) if scale else None) for row in table.rows
    ]


def test_only_what_is_drawn_is_in_the_legend() -> None:
    """Floors have no points, and so no colour; one of which a chart draws points has a place there."""
    report = _with_floors()
    colours = colouring(report)
    assert (colours.names, colours.others) == (("lenet", "mlp"), ())
    assert 'data-architecture="linear"' not in html.render(report)
    point = CurvePoint(series="linear", x=1.0, x_text="1", y=Figure(value=0.5))
    chart = CurveChart(
        dataset=report.rows[0].dataset,
        title="",
        caption="",
        x=Scale(title="x"),
        y=Scale(title="y"),
        points=(point,),
    )
    assert colouring(dataclasses.replace(report, charts=(chart,))).names == (
        "lenet",
        "mlp",
        "linear",
    )
