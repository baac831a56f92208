"""Which figures a finding makes doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.catalogue.finding import Finding
from harness.catalogue.shown import FLAG
from harness.measure.metric import Metric


def mark_doubtful(metrics: Iterable[Metric], findings: Sequence[Finding]) -> Iterator[Metric]:
    """Yield metrics, with the flags of the findings that concern them in `where["flag"]`.

    A finding concerns the metrics whose `where` holds all of its own, of a list one of its values. Marked figures
    make no model the best, and decide no claim and no gate.
    """
    for metric in metrics:
        own = str(metric.where.get(FLAG, ""))
        said = [one.flag for one in findings if one.flag and _concerns(one, metric)]
        words = "; ".join(dict.fromkeys(filter(None, (*own.split("; "), *said))))
        yield replace(metric, where={**metric.where, FLAG: words}) if words else metric


def _concerns(finding: Finding, metric: Metric) -> bool:
    where = metric.where
    return all(
        where.get(key) in value if isinstance(value, list) else where.get(key) == value
        for key, value in finding.where.items()
    )
