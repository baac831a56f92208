"""The figure of a cell: a value with its interval, of the metrics of all seeds that belong to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import Shown
from harness.measure.metric import split_name
from harness.measure.units import UNITS, unit_of
from harness.statistics.inference import mean_over_seeds, proportion
from harness.statistics.model_groups import Scores
from harness.store.run_data import JobRow
from harness.summary.example_scores import ExampleScores
from harness.summary.figure import Figure
from harness.summary.metric_rows import MetricRow
from harness.summary.shown_columns import BESIDE_OTHERS, FIT_SECONDS, shown_metrics

ROUNDING = 1e-6  # of a mean of float32


class Cells:
    """Makes the figures of a run."""

    def __init__(
        self, jobs: Mapping[str, JobRow], kept: ExampleScores, catalogue: Catalogue
    ) -> None:
        """Take the run's jobs by fingerprint, and the scores of its examples."""
        self._jobs, self._kept, self._catalogue = jobs, kept, catalogue

    def figure_of(self, found: Sequence[MetricRow]) -> Figure:
        """Return the figure of some metrics of one name, within the bounds that their measure declares."""
        known = shown_metrics(self._catalogue, found[0].measure or "fit").get(found[0].name)
        bounds = Shown(metric="").bounds if known is None else known.bounds
        return self.figure(found, self._kept.scores(found), bounds)

    def figure(
        self,
        found: Sequence[MetricRow],
        scored: Scores | None,
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> Figure:
        """Return one cell: over seeds and examples where those are kept, else over seeds, else as
        the measure gave it.
        """
        figure = self._plain(found, scored, bounds)
        impossible = _impossible(found)
        note = "; ".join(words for words in (figure.note, impossible) if words)
        doubtful = bool(impossible) or any(one.flag for one in found)
        return replace(figure, note=note, doubtful=doubtful)

    def _plain(
        self, found: Sequence[MetricRow], scored: Scores | None, bounds: tuple[float, float]
    ) -> Figure:
        values = [one.value for one in found]
        notes = sorted({words for one in found for words in one.flag.split("; ")} - {""})
        shared = any(self._jobs[one.fingerprint].shared for one in found)
        if shared and found[0].name == FIT_SECONDS.metric:
            notes.insert(0, BESIDE_OTHERS)
        note = "; ".join(notes)
        shares = found[0].unit == "fraction"  # of others, such as R2, the scores are squared errors
        if scored is not None and shares and _are_verdicts(found, scored):
            estimate = proportion(scored.values, scored.seed_sd)
            return Figure(
                value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n, note=note
            )
        if all(one.exact for one in found) and len(set(values)) == 1:
            return Figure(value=values[0], exact=True, note=note)
        known = UNITS.get(found[0].unit)
        least, most = bounds if known is None else known.bounds
        if len(values) > 1:
            own = [
                (one.low, one.high) for one in found if one.low is not None and one.high is not None
            ]
            over = mean_over_seeds(values, own if len(own) == len(values) else (), (least, most))
            return Figure(value=over.value, low=over.low, high=over.high, n=over.n, note=note)
        (one,) = found
        low = None if one.low is None else max(one.low, least)
        high = None if one.high is None else min(one.high, most)
        return Figure(value=one.value, low=low, high=high, n=one.n, note=note)


def _are_verdicts(found: Sequence[MetricRow], scored: Scores) -> bool:
    """Whether scores are verdicts or means of some, so that a share has a binomial spread; grades may have any other."""
    graded = any(split_name(name)[0] for one in found for name in one.examples)
    if graded:
        return bool(np.isin(scored.values, (0.0, 1.0)).all())
    return bool(scored.values.min() >= 0.0)


def _impossible(found: Sequence[MetricRow]) -> str:
    """Say that a value is none that its unit can have: the measure is wrong, or the unit is."""
    unit = found[0].unit
    least, most = unit_of(unit).bounds
    slack = ROUNDING * max(abs(end) for end in (least, most, 1.0) if math.isfinite(end))
    if all(math.isnan(one.value) or least - slack <= one.value <= most + slack for one in found):
        return ""
    ends = f"{least:g} to {most:g}" if math.isfinite(most) else f"{least:g} or more"
    return f"impossible: in the unit {unit} a value is {ends}"
