"""One figure: its value, unit, interval and where it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.measure.intervals import Z95, wilson
from harness.measure.units import unit_of

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A row of the tidy table.

    name: "accuracy", "throughput", "peak_memory" ...
    unit: "fraction", "images/s", "s", "bytes", "count" ...; empty where there is none.
    low, high: the ends of a 95 % interval; both None for an exact count or a single observation.
    n: how many observations stand behind the value (examples, timed blocks).
    exact: the value is a count, not an estimate.
    where: what it holds for (batch_size, severity, epsilon, attack ...), as JSON values.
    examples: names of the arrays of `MeasureContext.save_examples` behind it, one value an example; of
        several the mean counts. Verdicts (bool) average to the value; they are pooled over seeds and
        compared in pairs. Real values are errors, whose squares are compared in pairs; or grades, which average to the
        value, where a sign stands before the name: "+grade" where more is better, "-grade" where less is.
    samples: name of the array in samples.npz that it was made of: seconds a call, ``(calls,)``.

    Raises:
        TypeError: examples is one text, not a tuple of names.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    exact: bool = False
    where: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    samples: str = ""

    def __post_init__(self) -> None:
        """Check that the names are several."""
        if isinstance(self.examples, str):
            raise TypeError(
                f"{self.name}: examples= is a tuple of names; write ({self.examples!r},)"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; numpy's and torch's scalars become Python's."""
        return {
            "name": self.name,
            "value": _number(self.value),
            "unit": self.unit,
            "low": _number(self.low),
            "high": _number(self.high),
            "n": None if self.n is None else int(self.n),
            "exact": bool(self.exact),
            "where": dict(self.where),
            "examples": list(self.examples),
            "samples": self.samples,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Metric:
        """Read what `to_json` wrote; a value that was not a number reads as NaN."""
        fields = dict(values)
        if fields["value"] is None:
            fields["value"] = math.nan
        fields["examples"] = tuple(fields.get("examples", ()))
        return cls(**fields)


def _number(value: Any) -> float | None:
    """Return a Python float, or None for None and for what JSON cannot hold (NaN, infinity)."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def split_name(name: str) -> tuple[int, str]:
    """Return 1, -1 or 0 for the sign before a name of `Metric.examples`, or none, and the array that is meant."""
    sign = {"+": 1, "-": -1}.get(name[:1], 0)
    return sign, name[1:] if sign else name


def share_metric(
    name: str,
    verdicts: np.ndarray[Any, np.dtype[np.bool_]],
    where: Mapping[str, Any] | None = None,
    kept: str = "",
) -> Metric:
    """Return the share of verdicts ``(n,)`` that are true, 0 to 1, with Wilson's interval.

    kept: the name under which `MeasureContext.save_examples` keeps them; "" where it does not.
    """
    return proportion_metric(name, float(verdicts.mean()), len(verdicts), where, kept)


def proportion_metric(
    name: str, share: float, n: int, where: Mapping[str, Any] | None = None, kept: str = ""
) -> Metric:
    """Return a share, 0 to 1, that was seen in n trials, with Wilson's interval; kept: as of `share_metric`."""
    low, high = wilson(float(share), int(n))
    return Metric(
        name=name,
        value=float(share),
        unit="fraction",
        low=low,
        high=high,
        n=int(n),
        where=where or {},
        examples=(kept,) if kept else (),
    )


def mean_metric(
    name: str,
    values: np.ndarray[Any, Any],
    unit: str = "",
    where: Mapping[str, Any] | None = None,
    kept: str = "",
) -> Metric:
    """Return the mean of finite values ``(n,)`` with its normal interval, inside what the unit can be; of one value without.

    kept: what `Metric.examples` names, with a sign where they are grades.
    """
    mean, n = float(values.mean()), len(values)
    low = high = None
    if n > 1:
        least, most = unit_of(unit).bounds
        half = Z95 * float(values.std(ddof=1)) / math.sqrt(n)
        low, high = min(mean, max(least, mean - half)), max(mean, min(most, mean + half))
    return Metric(
        name=name,
        value=mean,
        unit=unit,
        low=low,
        high=high,
        n=n,
        where=where or {},
        examples=(kept,) if kept else (),
    )
