"""What the charts of the page have in common: records, colours, scales and the specification's frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import altair as alt

from harness.api.reporting import Figure, Scale
from harness_reports.colours import GREY, Colouring
from harness_reports.format import has_interval

FOCUSED = "focus == '' || datum.architecture == focus"
MOST_LABELS = 12
_SAID = {"1/s": "a second", "count": "", "FLOP": "", "fraction": "", "ratio": ""}
Record = dict[str, Any]


@dataclass(frozen=True)
class Drawing:
    """A chart with its words. wide: it asks for the page's full width."""

    title: str
    caption: str
    dataset: str
    spec: dict[str, Any]
    wide: bool = False


def of_model(series: str, colours: Colouring) -> Record:
    """Return what a record says of its model."""
    architecture = colours.architecture(series)
    return {
        "architecture": architecture,
        "series": series,
        "label": series,
        "key": colours.key(architecture),
        "variant": series[len(architecture) :].strip() or "only",
    }


def ends(axis: str, figure: Figure) -> dict[str, float | None]:
    """Return a figure with the ends of its interval, or itself twice."""
    known = has_interval(figure)
    low, high = (figure.low, figure.high) if known else (figure.value, figure.value)
    return {axis: figure.value, f"{axis}_low": low, f"{axis}_high": high}


def grey_first(record: Record) -> bool:
    """Order records so that those with a colour are drawn on top."""
    return bool(record["key"] != GREY)


def keys(records: list[Record]) -> list[str]:
    """Return the colours' names of records."""
    return sorted({record["key"] for record in records if "key" in record})


def colour(records: list[Record]) -> alt.Color:
    """Return the colour of a model."""
    return alt.Color("key:N", scale=alt.Scale(domain=keys(records)), legend=None)


def shape(records: list[Record], colours: Colouring) -> alt.Shape:
    """Return the shape of a model's points."""
    shapes = {record["key"]: colours.shape(record["architecture"]) for record in records}
    names = keys(records)
    scale = alt.Scale(domain=names, range=[shapes[name] for name in names])
    return alt.Shape("key:N", scale=scale, legend=None)


def dash(records: list[Record]) -> Any:
    """Return the dashes that tell the variants of an architecture apart."""
    variants = list(dict.fromkeys(record["variant"] for record in records))
    if len(variants) < 2:
        return alt.StrokeDashValue([1, 0])
    return alt.StrokeDash("variant:N", scale=alt.Scale(domain=variants), title=None)


def opacity(full: float, faint: float = 0.12) -> alt.OpacityValue:
    """Return an opacity that falls where another model is in focus.

    Channels have their types throughout: altair finds the type of a text or a condition in 7 to 20 ms each.
    """
    return alt.OpacityValue(faint, condition={"test": FOCUSED, "value": full})


def axis_format(scale: Scale) -> str:
    """Return how numbers on an axis are written."""
    if scale.unit == "fraction":
        return "~%"
    return "~s" if scale.log or scale.unit in ("1/s", "FLOP/s", "B/s", "count", "bytes") else "~r"


def axis_title(scale: Scale) -> str:
    """Return what stands beside an axis, with the unit that its numbers lack."""
    unit = _SAID.get(scale.unit, scale.unit)
    name = f"{scale.title}, {unit}" if unit else scale.title
    return f"{name} (log)" if scale.log else name


def positive(values: dict[str, float | None], scale: Scale) -> dict[str, float | None]:
    """Return the ends of a figure, each where a logarithmic scale has a place for it."""
    (middle,) = (values[name] for name in ("x", "y") if name in values)
    return {
        name: middle if scale.log and (value is None or value <= 0) else value
        for name, value in values.items()
    }


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two values; the powers alone for many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def short(value: float, scale: Scale) -> str:
    """Return a value for a square: "97" and "3.2" of percents, "0.48", "-72.3", "153"."""
    if scale.unit == "fraction":
        return f"{value * 100:.{int(0 < abs(value) < 0.0995)}f}"
    decimals = 2 - sum(abs(value) >= limit for limit in (9.995, 99.95))
    return f"{value:.{decimals}f}"


def finish(chart: Any, records: list[Record], description: str) -> dict[str, Any]:
    """Return the specification without what altair adds of its own version and look.

    records: those whose colours the page's script fills in. What holds of the whole chart is added here, as
    altair copies all of a chart for each. That the specification keeps to Vega-Lite's
    schema is checked by tests: checking it here took a third of the time of a whole page.
    """
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")} | {
        "description": description,
        "params": [*spec.get("params", ()), {"name": "focus", "value": ""}],
        "usermeta": {"palette": [int(key[1:]) for key in keys(records)]},
    }
