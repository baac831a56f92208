"""What an attack changed in a sequence or a row of a table, as lines and bars for the page."""

from __future__ import annotations

from dataclasses import dataclass

from harness.api.reporting import Change, FeatureCurve, counted
from harness_reports.format import plain, quantity, significant

CHART = (240.0, 72.0)  # width and height of a curve's drawing, in its own units
MARGIN = 4.0


@dataclass(frozen=True)
class Lines:
    """A curve before and after as SVG paths, with the values at its lower and upper edge."""

    title: str
    edges: str
    clean: str
    adversarial: str
    said: str


@dataclass(frozen=True)
class Bar:
    """A change of a feature, as CSS percentages of the widest one, from the middle."""

    feature: str
    values: str
    share: str
    left: str
    width: str


def draw_lines(curve: FeatureCurve) -> Lines:
    """Return a feature of a sequence over time, scaled to its own extremes."""
    values = (*curve.clean, *curve.adversarial)
    low, high = min(values, default=0.0), max(values, default=0.0)
    edges = f"{_short(low)} to {_short(high)}"
    return Lines(
        title=plain(curve.name) or f"feature {curve.feature}",
        edges=edges,
        clean=_path(curve.clean, low, high),
        adversarial=_path(curve.adversarial, low, high),
        said=f"{plain(curve.name) or f'Feature {curve.feature}'} over {counted(curve.steps, 'step')}, clean and adversarial: {edges}",
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


def draw_bars(changes: tuple[Change, ...]) -> tuple[Bar, ...]:
    """Return the changed features of a row of a table, scaled to the widest change."""
    most = max((abs(change.share) for change in changes), default=0.0) or 1.0
    bars = []
    for change in changes:
        width = 50 * abs(change.share) / most
        bars.append(
            Bar(
                feature=plain(change.name) or f"feature {change.feature}",
                values=_pair(change.clean, change.adversarial),
                share=f"{'+' if change.share > 0 else '−'}{quantity(abs(change.share), 'fraction')} %",
                left=f"{50 if change.share > 0 else 50 - width:.1f}%",
                width=f"{width:.1f}%",
            )
        )
    return tuple(bars)


def _pair(clean: float, adversarial: float) -> str:
    """Return both values, with as many digits as tell them apart."""
    for digits in (3, 6, 9, 12):
        before, after = _short(clean, digits), _short(adversarial, digits)
        if before != after:
            break
    return f"{before} → {after}"


def _short(value: float, digits: int = 3) -> str:
    return significant(value, digits).replace("-", "−")
