"""What charts say in words beside their figures."""

from __future__ import annotations

from types import SimpleNamespace

from harness.summary.chart_data import LogitLine
from harness_reports.chart_tables import fits


def test_a_fit_says_its_slope_with_its_sign() -> None:
    lines = [
        LogitLine(name="", intercept=2.26, slope=-0.09),
        LogitLine(name="b", intercept=-1, slope=0.5),
    ]
    assert fits(SimpleNamespace(fits=lines)) == [  # type: ignore[arg-type]
        "The fit: logit y = 2.26 - 0.09 logit x",
        "The fit b: logit y = -1.00 + 0.50 logit x",
    ]
