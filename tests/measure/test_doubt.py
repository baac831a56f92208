"""Findings mark the figures that they concern, and no others."""

from harness.api.measuring import mark_doubtful
from harness.catalogue.finding import Finding
from harness.measure.metric import Metric


def finding(flag: str, **where) -> Finding:
    return Finding(code="x", sentence="x", advice="x", flag=flag, where=where)


def flags(metrics: list[Metric], *findings: Finding) -> list[str | None]:
    return [metric.where.get("flag") for metric in mark_doubtful(metrics, findings)]


def test_a_finding_marks_what_holds_where_it_does():
    metrics = [
        Metric(name="a", value=1.0, where={"method": "interval", "epsilon": 0.1}),
        Metric(name="a", value=1.0, where={"method": "smoothing"}),
        Metric(name="b", value=1.0),
    ]
    assert flags(metrics, finding("beaten", method="interval")) == ["beaten", None, None]
    assert flags(metrics, finding("few", method=["smoothing", "interval"])) == ["few", "few", None]
    assert flags(metrics, finding("all")) == ["all"] * 3
    assert flags(metrics, finding("", method="interval")) == [None] * 3
    marked = next(mark_doubtful(metrics, [finding("beaten")]))
    assert marked.where == {"method": "interval", "epsilon": 0.1, "flag": "beaten"}


def test_flags_add_up_and_each_is_said_once():
    metrics = [Metric(name="a", value=1.0, where={"flag": "old; older"})]
    assert flags(metrics, finding("new"), finding("older"), finding("new")) == ["old; older; new"]
    assert flags(metrics) == ["old; older"]
