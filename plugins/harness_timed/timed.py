"""What is said of a timed series: percentiles, what makes it doubtful, and the harness's own share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.api import Metric
from harness.api.measuring import Timing

PERCENTILES = (10, 50, 90, 95, 99)


def flagged(where: Mapping[str, object], *series: Timing) -> dict[str, object]:
    """Return where a figure holds, with what makes the series doubtful as words in "flag"."""
    flags = dict.fromkeys(flag for timing in series for flag in timing.flags)
    return {**where, "flag": "; ".join(flags)} if flags else dict(where)


def describe_calls(calls: Timing, where: Mapping[str, object], kept: str) -> Iterator[Metric]:
    """Yield `latency_p10` to `latency_p99`, seconds, and `latency_variation`.

    kept: the name of the series in samples.npz.

    The intervals are distribution-free, and missing where too few calls were timed. The variation is
    the coefficient of variation.
    """
    for percent in PERCENTILES:
        low, high = calls.percentile_interval(percent) or (None, None)
        yield Metric(
            name=f"latency_p{percent}",
            value=calls.percentile(percent),
            unit="s",
            low=low,
            high=high,
            n=len(calls.samples),
            where=where,
            samples=kept,
        )
    yield Metric(
        name="latency_variation",
        value=calls.variation,
        unit="ratio",
        n=len(calls.samples),
        where=where,
        samples=kept,
    )


def rate(
    name: str, batch_size: int, series: Timing, where: Mapping[str, object], kept: str
) -> Metric:
    """Return examples a second: the batch size over the median of a series, with its interval.

    kept: the name of the series in samples.npz.
    """
    low, high = series.interval or (None, None)
    return Metric(
        name=name,
        value=batch_size / series.median,
        unit="1/s",
        low=None if high is None else batch_size / high,
        high=None if low is None else batch_size / low,
        n=len(series.samples),
        where=where,
        samples=kept,
    )


def harness_cpu(series: Iterable[Timing]) -> Iterator[Metric]:
    """Yield `harness_cpu`: the most cores that the harness kept busy itself during a series.

    These are the process that waits for the job, and the one that started it; nothing is yielded
    where they are not known, as in a debugger.
    """
    known = [timing.harness_cores for timing in series if timing.harness_cores is not None]
    if known:
        yield Metric(name="harness_cpu", value=max(known), unit="cores", n=len(known))
