"""The traces and bars of example pictures, as lines and shares for the page."""

from __future__ import annotations

from dataclasses import dataclass

from harness.api.measuring import Bar, Trace, significant
from harness.api.reporting import counted
from harness_reports.format import plain, quantity

CHART = (240.0, 72.0)  # width and height of a trace's drawing, in its own units
MARGIN = 4.0


@dataclass(frozen=True)
class DrawnTrace:
    """A trace as SVG paths, one a line, with the values at its lower and upper edge."""

    title: str
    edges: str
    paths: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class DrawnBar:
    """A bar as CSS percentages of the widest one, from the middle."""

    title: str
    words: str
    share: str
    left: str
    width: str


def draw_trace(trace: Trace) -> DrawnTrace:
    """Return a feature of a sequence over time, scaled to its own extremes."""
    values = [value for line in trace.lines.values() for value in line]
    low, high = min(values, default=0.0), max(values, default=0.0)
    edges = f"{_short(low)} to {_short(high)}"
    title, names = plain(trace.title), " and ".join(map(plain, trace.lines))
    return DrawnTrace(
        title=title,
        edges=edges,
        paths=tuple(_path(line, low, high) for line in trace.lines.values()),
        said=f"{title} over {counted(trace.steps, 'step')}, {names}: {edges}",
    )


def _path(values: tuple[float, ...], low: float, high: float) -> str:
    """Return an SVG path over CHART, the time to the right and larger values up."""
    width, height = CHART
    across = width / max(1, len(values) - 1)
    up = (height - 2 * MARGIN) / (high - low) if high > low else 0.0
    points = (
        f"{place * across:.1f} {height - MARGIN - (value - low) * up:.1f}"
        for place, value in enumerate(values)
    )
    return f"M{'L'.join(points)}" if values else ""


def draw_bars(bars: tuple[Bar, ...]) -> tuple[DrawnBar, ...]:
    """Return the bars of an example, scaled to the widest."""
    most = max((abs(bar.share) for bar in bars), default=0.0) or 1.0
    drawn = []
    for bar in bars:
        width = 50 * abs(bar.share) / most
        drawn.append(
            DrawnBar(
                title=plain(bar.title),
                words=plain(bar.words),
                share=f"{'+' if bar.share > 0 else '−'}{quantity(abs(bar.share), 'fraction')} %",
                left=f"{50 if bar.share > 0 else 50 - width:.1f}%",
                width=f"{width:.1f}%",
            )
        )
    return tuple(drawn)


def _short(value: float) -> str:
    return significant(value, 3).replace("-", "−")
