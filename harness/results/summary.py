"""From a run's rows to what reports show: one row an architecture and data set, with intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Measure, Shown
from harness.results.compare import Comparison, Scores, compare
from harness.results.report_data import (
    Column,
    DatasetInfo,
    Figure,
    ReportData,
    RobustPoint,
    Row,
    ShiftPoint,
    Unfinished,
)
from harness.results.run_data import RunData, read_examples
from harness.results.statistics import mean_over_seeds, proportion
from harness.results.verdict import verdicts

_PLACE = ("architecture", "dataset", "recipe", "precision", "device")
FIT_SECONDS = Shown(
    metric="fit_seconds",
    key="fit_seconds",
    title="fit time",
    better="lower",
    meaning="Seconds of training on one slot, beside other jobs; not to be compared closely.",
)


def summarise(run: RunData, catalogue: Catalogue) -> ReportData:
    """Return what reports show of a run."""
    return _Summary(run, catalogue).report()


@dataclass(frozen=True)
class _Place:
    """What a row of the table stands for."""

    architecture: str
    dataset: str
    recipe: str
    precision: str
    device: str


class _Summary:
    def __init__(self, run: RunData, catalogue: Catalogue) -> None:
        self.run, self.catalogue = run, catalogue
        self.jobs = {job.fingerprint: job for job in run.jobs}
        self.metrics = run.metrics
        self.places = self.find_places()
        self.series = self.name_series()
        self.columns: dict[str, Column] = {}
        written = [str(table.get("name")) for table in run.written.get("measure", [])]
        frames = dict(list(self.metrics.groupby("measure", dropna=True, sort=False)))
        self.by_measure = dict(
            sorted(
                ((str(name), frame) for name, frame in frames.items()),
                key=lambda pair: _place_in(written, pair[0].partition(":")[0]),
            )
        )

    def report(self) -> ReportData:
        figures: dict[_Place, dict[str, Figure]] = {place: {} for place in self.places}
        scores: dict[str, dict[_Place, Scores]] = {}
        for measure, frame in self.by_measure.items():
            for shown in self.shown(measure, frame):
                self.fill(shown, self.pick(shown, frame), figures, scores)
        fits = self.metrics[self.metrics["name"] == FIT_SECONDS.metric]
        self.fill(FIT_SECONDS, fits, figures, scores)
        comparisons = {
            key: {dataset: self.compare(dataset, found) for dataset in self.datasets()}
            for key, found in scores.items()
        }
        rows = self.rows(figures, comparisons.get("headline", {}))
        return ReportData(
            run=self.run.name,
            suite=self.run.suite,
            status=self.run.status,
            started=self.run.started,
            seconds=self.run.seconds,
            counts=self.run.counts,
            environment=self.run.environment,
            datasets=tuple(self.dataset_info(name) for name in self.datasets()),
            columns=tuple(self.columns.values()),
            rows=rows,
            robust=tuple(self.robust()),
            shifts=tuple(self.shifts()),
            verdicts=verdicts(rows, self.columns, comparisons, self.series_of_row),
            unfinished=tuple(
                Unfinished(
                    label=job.label,
                    fingerprint=job.fingerprint,
                    status=job.status or "not run",
                    reason=job.reason,
                )
                for job in self.run.jobs
                if job.status != "ok"
            ),
            metrics=self.metrics,
            shared={
                axis: values[0]
                for axis in ("recipe", "precision", "device")
                if len(values := sorted({getattr(place, axis) for place in self.places})) == 1
            },
        )

    # -- what the rows are

    def find_places(self) -> list[_Place]:
        has_fits = any(job.sort == "fit" for job in self.run.jobs)
        found: dict[_Place, None] = {}
        for job in self.run.jobs:
            if "architecture" in job.axes and job.axes.get("measure") != "search":
                if has_fits and job.sort != "fit":
                    continue
                found[_Place(**{axis: str(job.axes.get(axis, "")) for axis in _PLACE})] = None
        return list(found)

    def name_series(self) -> dict[_Place, str]:
        """Name each place by its architecture, with the axes that vary among the places."""
        varying = [
            axis
            for axis in ("recipe", "precision", "device")
            if len({getattr(place, axis) for place in self.places}) > 1
        ]
        return {
            place: " ".join([place.architecture, *(getattr(place, axis) for axis in varying)])
            for place in self.places
        }

    def series_of_row(self, row: Row) -> str:
        place = _Place(row.architecture, row.dataset, row.recipe, row.precision, row.device)
        return self.series[place]

    def datasets(self) -> list[str]:
        return list(dict.fromkeys(place.dataset for place in self.places))

    def dataset_info(self, name: str) -> DatasetInfo:
        for job in self.run.jobs:
            if job.sort == "prepare" and job.axes == {"dataset": name} and "task" in job.notes:
                task = job.notes["task"]
                headline = "accuracy" if task["problem"] == "classification" else "r2"
                return DatasetInfo(name=name, headline=headline, counts=task["counts"])
        return DatasetInfo(name=name, headline="accuracy", counts={})

    # -- columns and figures

    def shown(self, measure: str, frame: pd.DataFrame) -> Sequence[Shown]:
        """Return a measure's columns: its own word, or one for each metric that holds everywhere."""
        entry = self.catalogue.entries("measure").get(measure.partition(":")[0])
        if entry is not None and isinstance(entry.item, Measure) and entry.item.shows:
            return entry.item.shows
        everywhere = frame[frame["where"] == "{}"]
        return [
            Shown(metric=name, key=f"{measure}/{name}", title=str(name).replace("_", " "))
            for name in everywhere["name"].unique()
        ]

    def pick(self, shown: Shown, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of one column: one condition, the same for all."""
        chosen = frame[frame["name"] == shown.metric]
        for key, value in shown.where.items():
            chosen = chosen[chosen[key] == value] if key in chosen else chosen.iloc[:0]
        if shown.pick and len(chosen) and shown.pick[0] in chosen:
            key, which = shown.pick
            values = chosen[key]
            wanted = {"first": values.iloc[0], "smallest": values.min(), "largest": values.max()}
            chosen = chosen[values == wanted[which]]
        return chosen

    def fill(
        self,
        shown: Shown,
        chosen: pd.DataFrame,
        figures: dict[_Place, dict[str, Figure]],
        scores: dict[str, dict[_Place, Scores]],
    ) -> None:
        if not len(chosen):
            return
        title = _fill_in(shown.title, json.loads(chosen.iloc[0]["where"]))
        key = shown.key
        if key in self.columns and self.columns[key].title != title:
            key = f"{key}, {title}"  # a second table of the same measure has a column of its own
        self.columns.setdefault(
            key,
            Column(
                key=key,
                title=title,
                unit=str(chosen.iloc[0]["unit"]),
                better=shown.better,
                meaning=shown.meaning,
            ),
        )
        for place in self.places:
            mine = self.of_place(chosen, place)
            if not len(mine):
                continue
            scored = self.scores(mine, shown.examples)
            figures[place][key] = self.figure(mine, scored)
            if scored is not None:
                scores.setdefault(key, {})[place] = scored

    def of_place(self, frame: pd.DataFrame, place: _Place) -> pd.DataFrame:
        """Return the rows that hold for a place; a row without a recipe holds for all recipes."""
        mask = (frame["architecture"] == place.architecture) & (frame["dataset"] == place.dataset)
        for axis in ("recipe", "precision", "device"):
            mask &= (frame[axis] == getattr(place, axis)) | frame[axis].isna()
        return frame[mask]

    def scores(self, rows: pd.DataFrame, pattern: str) -> Scores | None:
        if not pattern:
            return None
        found = {}
        for fingerprint in rows["fingerprint"]:
            job = self.jobs[fingerprint]
            read = read_examples(job.folder, pattern)
            if read is not None and "seed" in job.axes:
                found[int(job.axes["seed"])] = read
        return Scores.align(found) if found else None

    def figure(self, rows: pd.DataFrame, scored: Scores | None) -> Figure:
        """Return one cell: over seeds and examples where those are kept, else over seeds, else as
        the measure gave it.
        """
        values = [float(value) for value in rows["value"]]
        shared = any(self.jobs[str(f)].shared for f in rows["fingerprint"])
        note = "shared" if rows.iloc[0]["name"] == FIT_SECONDS.metric and shared else ""
        flags = {json.loads(where).get("flag") for where in rows["where"]} - {None}
        note = "; ".join([part for part in (note, *sorted(map(str, flags))) if part])
        if scored is not None and scored.values.min() >= 0.0:
            estimate = proportion(scored.values)
            return Figure(
                value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n, note=note
            )
        if bool(rows["exact"].all()) and len(set(values)) == 1:
            return Figure(value=values[0], exact=True, note=note)
        if len(values) > 1:
            over = mean_over_seeds(values)
            return Figure(value=over.value, low=over.low, high=over.high, n=over.n, note=note)
        first = rows.iloc[0]
        return Figure(
            value=values[0],
            low=_or_none(first["low"]),
            high=_or_none(first["high"]),
            n=None if pd.isna(first["n"]) else int(first["n"]),
            note=note,
        )

    # -- comparing and ordering

    def compare(self, dataset: str, found: Mapping[_Place, Scores]) -> Comparison:
        return compare({self.series[p]: s for p, s in found.items() if p.dataset == dataset})

    def rows(
        self, figures: Mapping[_Place, Mapping[str, Figure]], headline: Mapping[str, Comparison]
    ) -> tuple[Row, ...]:
        rows = []
        for place in self.places:
            comparison = headline.get(place.dataset)
            name = self.series[place]
            known = comparison is not None and name in comparison.names
            low, high = comparison.ranks()[name] if comparison and known else (0, 0)
            rows.append(
                Row(
                    architecture=place.architecture,
                    dataset=place.dataset,
                    recipe=place.recipe,
                    precision=place.precision,
                    device=place.device,
                    seeds=self.seeds(place),
                    group=comparison.groups()[name] if comparison and known else "",
                    rank="" if not known else str(low) if low == high else f"{low}-{high}",
                    figures=figures[place],
                )
            )
        order = {name: position for position, name in enumerate(self.datasets())}
        rows.sort(key=lambda row: (order[row.dataset], -_headline(row), row.architecture))
        return tuple(rows)

    def seeds(self, place: _Place) -> tuple[int, ...]:
        found = {
            int(job.axes["seed"])
            for job in self.run.jobs
            if job.sort == "fit"
            and job.status == "ok"
            and "seed" in job.axes
            and all(str(job.axes.get(axis)) == getattr(place, axis) for axis in _PLACE)
        }
        return tuple(sorted(found))

    # -- points of the charts

    def robust(self) -> list[RobustPoint]:
        """Return the worst case over attacks, and the clean accuracy as epsilon 0."""
        names = self.metrics["name"].isin(["robust_accuracy", "clean_accuracy"])
        frame = self.metrics[names]
        if not {"norm", "epsilon", "epsilon_text"} <= set(frame.columns):
            return []
        points = []
        for place in self.places:
            mine = self.of_place(frame, place)
            if "attack" in mine:
                mine = mine[(mine["attack"] == "worst case") | mine["attack"].isna()]
            for _, rows in mine.groupby(["norm", "epsilon"], sort=True):
                first = rows.iloc[0]
                points.append(
                    RobustPoint(
                        dataset=place.dataset,
                        series=self.series[place],
                        norm=str(first["norm"]),
                        epsilon=float(first["epsilon"]),
                        epsilon_text=str(first["epsilon_text"]),
                        accuracy=self.figure(rows, self.epsilon_scores(rows)),
                    )
                )
        return points

    def epsilon_scores(self, rows: pd.DataFrame) -> Scores | None:
        """Return the verdicts behind a point: clean_correct, or robust_<k> of the k-th epsilon."""
        if rows.iloc[0]["name"] == "clean_accuracy":
            return self.scores(rows, "clean_correct")
        all_of_job = self.metrics[self.metrics["fingerprint"] == rows.iloc[0]["fingerprint"]]
        epsilons = list(
            dict.fromkeys(all_of_job[all_of_job["name"] == "robust_accuracy"]["epsilon"])
        )
        return self.scores(rows, f"robust_{epsilons.index(rows.iloc[0]['epsilon'])}")

    def shifts(self) -> list[ShiftPoint]:
        frame = self.metrics[self.metrics["name"].isin(["shifted_accuracy", "shifted_r2"])]
        if not {"shift", "severity"} <= set(frame.columns):
            return []
        points = []
        for place in self.places:
            mine = self.of_place(frame, place)
            for _, rows in mine.groupby(["shift", "severity"], sort=False):
                shift, severity = str(rows.iloc[0]["shift"]), int(rows.iloc[0]["severity"])
                scored = self.scores(rows, f"correct_{shift}_{severity}")
                points.append(
                    ShiftPoint(
                        dataset=place.dataset,
                        series=self.series[place],
                        shift=shift,
                        severity=severity,
                        accuracy=self.figure(rows, scored),
                    )
                )
        return points


def _place_in(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _headline(row: Row) -> float:
    figure = row.figures.get("headline")
    return -math.inf if figure is None or math.isnan(figure.value) else figure.value


def _or_none(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _fill_in(title: str, where: Mapping[str, Any]) -> str:
    """Fill the fields of a title from where its figures hold; an unknown field stays as it is."""
    for key, value in where.items():
        title = title.replace("{" + key + "}", str(value))
    return title
